"""Which of the node's addresses is the sender of a question, and on which segment another node is."""

from ipaddress import ip_interface

import pytest

from hacluster.agent.neighbours.source import Place, own_source, place_of
from hacluster.agent.system.network import (
    IFA_F_DADFAILED,
    IFA_F_DEPRECATED,
    IFA_F_TENTATIVE,
    Address,
    Link,
    Network,
)

VIP = "172.16.7.200"


def network(*addresses: tuple[int, str] | tuple[int, str, int] | tuple[int, str, int, int]) -> Network:
    return Network(
        (Link(2, "ens3"), Link(3, "ens4")),
        tuple(Address(index, ip_interface(text), *flags) for index, text, *flags in addresses),
    )


OWN = network((2, "172.16.7.153/24"), (3, "192.168.60.210/24"), (2, f"{VIP}/24"))


def test_another_node_is_on_the_segment_whose_subnet_contains_its_address() -> None:
    assert place_of("192.168.60.220", OWN, {VIP}) == Place(3, "ens4", "192.168.60.210")
    assert place_of("10.0.0.1", OWN, {VIP}) is None
    assert place_of("192.168.60.210", OWN, {VIP}) is None, "the node's own address"


def test_the_smallest_subnet_wins() -> None:
    own = network((2, "10.0.0.1/8"), (3, "10.1.0.1/16"))
    assert place_of("10.1.0.2", own, ()) == Place(3, "ens4", "10.1.0.1")


@pytest.mark.parametrize(
    "virtual",
    [(2, f"{VIP}/24"), (2, "172.16.7.201/24", 0, 18), (2, "172.16.7.202/32")],
    ids=["of the resource", "another keepalived's", "another manager's, of a single host"],
)
def test_a_virtual_ip_is_never_the_sender(virtual: tuple[int, str]) -> None:
    only = network((2, "192.168.60.210/24"), virtual)
    assert place_of("172.16.7.163", only, {VIP}) is None
    assert own_source("172.16.7.163", 2, only, {VIP}) == "192.168.60.210"
    assert own_source("172.16.7.163", 2, network(virtual), {VIP}) == ""


def test_a_question_comes_from_the_subnet_of_the_address() -> None:
    own = network((2, "10.0.0.1/8"), (2, "172.16.7.153/24"), (3, "172.16.7.154/24"))
    assert own_source(VIP, 2, own, {VIP}) == "172.16.7.153"


def test_an_ipv6_question_comes_from_a_link_local_address_where_there_is_no_other() -> None:
    own = network((2, "172.16.7.153/24"), (2, "fe80::1/64"), (2, "fe80::10/64"))
    assert own_source("2001:db8::10", 2, own, {"fe80::10"}) == "fe80::1"
    assert own_source("fe80::2", 2, own, {"fe80::10"}) == "fe80::1"


@pytest.mark.parametrize("flag", [IFA_F_TENTATIVE, IFA_F_DADFAILED, IFA_F_DEPRECATED])
def test_an_ipv6_address_that_may_be_anothers_is_not_the_sender(flag: int) -> None:
    assert place_of("2001:db8::10", network((2, "2001:db8::1/64", flag)), ()) is None


def test_the_address_that_is_asked_for_is_not_the_sender() -> None:
    assert own_source("172.16.7.153", 2, network((2, "172.16.7.153/24")), ()) == ""
