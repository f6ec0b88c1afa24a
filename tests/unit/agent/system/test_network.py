"""Which interfaces are reported. Which addresses are the node's own: test_own_addresses.py."""

from collections.abc import Collection
from ipaddress import ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.agent.system.network import IFF_LOOPBACK, Address, Link, Network, interfaces, without_prefix
from hacluster.agent.system.own_addresses import tell_apart
from hacluster.api.status import MAX_INTERFACES, InterfaceStatus


def make_network(*links: tuple[Link, list[str]]) -> Network:
    return Network(
        tuple(link for link, _ in links),
        tuple(Address(link.index, ip_interface(text)) for link, texts in links for text in texts),
    )


def report(net: Network, *virtual_ips: str, named: Collection[str] = ()) -> tuple[InterfaceStatus, ...]:
    return interfaces(net, *tell_apart(net, virtual_ips), virtual_ips, named)


def reported(net: Network, *virtual_ips: str, named: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
    return {one.name: one.addresses for one in report(net, *virtual_ips, named=named)}


CAN_CARRY = [
    (Link(2, "ens3"), ["10.0.0.1/24"]),
    (Link(3, "ens4"), []),
    (Link(4, "bond0", "bond"), ["10.1.0.1/24"]),
    (Link(5, "ens3.100", "vlan"), ["10.2.0.1/24"]),
    (Link(6, "br0", "bridge"), ["10.3.0.1/24"]),
    (Link(7, "eth0", "veth"), ["172.18.0.2/16"]),  # a node that is a container
    (Link(8, "ib0", hardware=32), ["10.4.0.1/24"]),
    (Link(9, "bridge-uplink"), ["10.5.0.1/24"]),
    (Link(10, "ovsbr1", "openvswitch"), ["10.6.0.1/24"]),
    (Link(11, "kube-bridge", "bridge"), ["10.7.0.1/24"]),
    (Link(12, "tap0", "tun"), ["10.8.0.1/24"]),
    (Link(13, "docker0", "bridge"), ["172.17.0.1/16"]),  # nobody can tell it from an administrator's bridge of that name
]
CANNOT_CARRY = [
    (Link(1, "lo", flags=IFF_LOOPBACK), ["127.0.0.1/8", "10.9.9.9/24"]),
    (Link(2, "veth1234", "veth"), []),
    (Link(3, "vethabcd", "veth"), ["10.244.1.1/32"]),  # the host's side of a pod's veth, as kindnet sets it up
    (Link(4, "cni0", "bridge"), []),
    (Link(5, "tap7", "tun"), []),
    (Link(6, "ovs-system", "openvswitch"), []),
    (Link(7, "br1", "bridge"), []),
    (Link(8, "flannel.1", "vxlan"), ["10.244.0.0/32"]),
    (Link(9, "dummy0", "dummy"), ["10.8.0.1/24"]),
    (Link(10, "tun0", "tun", hardware=65534), ["10.7.0.1/24"]),
    (Link(11, "calic0ffee00", "veth"), ["10.6.0.1/32"]),
    (Link(12, "ens5", master=4), []),  # below a bond
]


@pytest.mark.parametrize("one", CAN_CARRY, ids=lambda one: one[0].name)
def test_an_interface_that_can_carry_a_virtual_ip_is_reported(one: tuple[Link, list[str]]) -> None:
    assert reported(make_network(one)) == {one[0].name: tuple(one[1])}


@pytest.mark.parametrize("one", CANNOT_CARRY, ids=lambda one: one[0].name)
def test_an_interface_that_cannot_carry_a_virtual_ip_is_left_out(one: tuple[Link, list[str]]) -> None:
    assert reported(make_network(one)) == {}


def test_virtual_ips_and_link_local_addresses_are_not_own_addresses() -> None:
    net = make_network(
        (Link(2, "ens3"), ["10.0.0.1/24", "10.0.0.200/24", "10.0.0.201/32", "fe80::1/64", "169.254.3.4/16", "2001:db8::5/64"])
    )
    assert reported(net, "10.0.0.200", "10.0.0.201") == {"ens3": ("10.0.0.1/24", "2001:db8::5/64")}


@given(st.permutations(CAN_CARRY))
def test_interfaces_are_sorted(links: list[tuple[Link, list[str]]]) -> None:
    renumbered = [(Link(n, link.name, link.kind, link.hardware), held) for n, (link, held) in enumerate(links, 2)]
    assert [one.name for one in report(make_network(*renumbered))] == sorted(link.name for link, _ in links)


@pytest.mark.parametrize("one", CANNOT_CARRY, ids=lambda one: one[0].name)
def test_an_interface_that_the_resource_names_is_reported_whatever_it_is(one: tuple[Link, list[str]]) -> None:
    assert set(reported(make_network(one), named={one[0].name, "absent"})) == {one[0].name}


def test_of_too_many_interfaces_those_are_left_out_that_are_least_likely_to_be_chosen() -> None:
    """A router's interface with 200 cards: the list was cut by name."""
    empty = [(Link(n, f"a{n:03}"), list[str]()) for n in range(2, 202)]
    containers = [(Link(n, f"cni{n}", "bridge"), [f"10.{n - 300}.0.1/24"]) for n in range(300, 340)]
    cards = [(Link(n, f"x{n}"), [f"172.16.{n - 400}.1/24"]) for n in range(400, 440)]
    net = make_network(*empty, *containers, *cards, (Link(999, "zzz"), []))
    names = set(reported(net, named={"zzz"}))
    assert len(names) == MAX_INTERFACES and "zzz" in names
    assert names >= {link.name for link, _ in cards} and not names & {link.name for link, _ in empty}


def test_addresses_are_listed_by_interface() -> None:
    net = make_network((Link(1, "lo", flags=IFF_LOOPBACK), ["10.0.0.200/32"]), (Link(2, "ens3"), ["10.0.0.1/24"]))
    assert net.on("ens3") == {"10.0.0.1"}
    assert net.on("ens9") == frozenset()


def test_without_prefix_removes_the_prefix_length_and_normalizes_the_spelling() -> None:
    assert without_prefix("2001:DB8:0::1/64") == "2001:db8::1"
    assert without_prefix("10.0.0.1") == "10.0.0.1"
