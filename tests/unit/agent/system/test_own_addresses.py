"""Which addresses are the node's own, and that they are reported steadily."""

from ipaddress import ip_interface

import pytest

from hacluster.agent.system.network import (
    IFA_F_DADFAILED,
    IFA_F_DEPRECATED,
    IFA_F_SECONDARY,
    IFA_F_TENTATIVE,
    Address,
    Link,
    Network,
)
from hacluster.agent.system.own_addresses import ByInterface, Settling, tell_apart

KEEPALIVED, KUBE_VIP, KERNEL_RA, STATIC = 18, 248, 2, 4


def address(text: str, flags: int = 0, protocol: int = 0, created: int = 0) -> Address:
    return Address(2, ip_interface(text), flags, protocol, created)


def texts(found: ByInterface) -> list[str]:
    return [str(each.interface) for each in found["ens3"]]


def split(*addresses: Address, virtual_ips: tuple[str, ...] = ()) -> tuple[list[str], list[str]]:
    own, others = tell_apart(Network((Link(2, "ens3"),), addresses), virtual_ips)
    return texts(own), texts(others)


OWN = address("172.16.7.153/24", created=100)


@pytest.mark.parametrize("other", [
    address("172.16.7.100/24", IFA_F_SECONDARY, KEEPALIVED, 200),
    address("172.16.7.100/24", 0, KEEPALIVED, 50),  # it was there before the node's own
    address("10.9.9.9/24", 0, KEEPALIVED, 200),  # in a subnet of its own
    address("172.16.7.100/24", IFA_F_SECONDARY, 0, 200),  # an older keepalived, Pacemaker
    address("172.16.7.100/32", 0, 0, 200),  # kube-vip before 2025, egress addresses of OVN-Kubernetes
    address("172.16.7.100/24", 0, KUBE_VIP, 200),
])  # fmt: skip
def test_an_address_that_another_program_moves_is_not_the_nodes_own(other: Address) -> None:
    for addresses in ((OWN, other), (other, OWN)):
        assert split(*addresses) == (["172.16.7.153/24"], [str(other.interface)])


@pytest.mark.parametrize("protocol", [0, KERNEL_RA, STATIC])
def test_what_the_nodes_configuration_gave_is_its_own_the_oldest_first(protocol: int) -> None:
    added = address("10.0.0.9/24", 0, protocol, 900)
    older = address("172.16.7.154/25", 0, protocol, 50)
    assert split(added, OWN, older)[0] == ["172.16.7.154/25", "172.16.7.153/24", "10.0.0.9/24"]


def test_an_own_address_that_was_added_again_beside_a_virtual_ip_is_the_nodes_own() -> None:
    virtual = address("172.16.7.100/24", 0, KEEPALIVED, 100)
    again = address("172.16.7.153/24", IFA_F_SECONDARY, 0, 500)
    assert split(virtual, again)[0] == ["172.16.7.153/24"]
    held = address("172.16.7.200/24", 0, 0, 100)
    assert split(held, again, virtual_ips=("172.16.7.200",)) == (["172.16.7.153/24"], [])


def test_where_no_address_has_a_subnet_the_host_routes_are_the_nodes_own() -> None:
    assert split(address("203.0.113.5/32"), address("203.0.113.100/32", 0, KUBE_VIP)) == (
        ["203.0.113.5/32"],
        ["203.0.113.100/32"],
    )
    assert split(address("203.0.113.5/32"), address("2001:db8::5/64"))[0] == ["203.0.113.5/32", "2001:db8::5/64"]


def test_a_deprecated_ipv6_address_moves_and_a_temporary_or_tentative_one_is_not_reported() -> None:
    flags = (0, IFA_F_DEPRECATED, IFA_F_SECONDARY, IFA_F_TENTATIVE, IFA_F_DADFAILED)
    assert split(*(address(f"2001:db8::{n}/64", each) for n, each in enumerate(flags, 1))) == (
        ["2001:db8::1/64"],
        ["2001:db8::2/64"],
    )


def test_the_resources_own_virtual_ips_and_link_local_addresses_are_in_neither() -> None:
    found = split(OWN, address("172.16.7.200/24", 0, KEEPALIVED), address("fe80::1/64"), virtual_ips=("172.16.7.200",))
    assert found == (["172.16.7.153/24"], [])


# How they settle


class Reported:
    """What `Settling` reports of ens3, with 30 s to settle."""

    def __init__(self) -> None:
        self.settling = Settling(30.0)
        self.due: float | None = None

    def at(self, now: float, *addresses: Address) -> list[str]:
        found, self.due = self.settling.update({"ens3": addresses} if addresses else {}, now)
        return texts({"ens3": ()} | dict(found))


ADDED = address("172.16.7.10/24", created=900)


def test_the_first_addresses_count_at_once() -> None:
    assert Reported().at(0.0, OWN, ADDED) == ["172.16.7.153/24", "172.16.7.10/24"]


def test_an_address_that_vanishes_for_a_moment_stays() -> None:
    """`systemctl restart systemd-networkd`: the node must not leave the plan for that."""
    reported = Reported()
    reported.at(0.0, OWN)
    assert reported.at(5.0) == ["172.16.7.153/24"] and reported.due == 30.0
    assert reported.at(7.0, address("172.16.7.153/24", created=700)) == ["172.16.7.153/24"] and reported.due is None
    assert reported.at(40.0) == ["172.16.7.153/24"], "the time counts from now"
    assert reported.at(69.9) == ["172.16.7.153/24"]
    assert reported.at(70.0) == [] and reported.due is None


def test_an_added_address_waits_and_comes_last() -> None:
    reported = Reported()
    reported.at(0.0, OWN)
    assert reported.at(1.0, ADDED, OWN) == ["172.16.7.153/24"] and reported.due == 30.0
    assert reported.at(20.0, OWN) == ["172.16.7.153/24"], "it only came and went"
    assert reported.at(21.0, ADDED, OWN) == ["172.16.7.153/24"]
    assert reported.at(51.0, ADDED, OWN) == ["172.16.7.153/24", "172.16.7.10/24"] and reported.due is None


def test_the_first_address_of_a_family_counts_at_once() -> None:
    reported = Reported()
    assert reported.at(0.0) == []
    assert reported.at(1.0, OWN) == ["172.16.7.153/24"]
    assert reported.at(2.0, OWN, address("2001:db8::1/64")) == ["172.16.7.153/24", "2001:db8::1/64"]


def test_after_a_change_of_the_address_the_new_one_replaces_the_old_one() -> None:
    reported = Reported()
    reported.at(0.0, OWN)
    reported.at(10.0, ADDED)
    assert reported.at(40.0, ADDED) == ["172.16.7.10/24"]
