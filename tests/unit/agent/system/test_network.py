"""Which interfaces are reported, and encoding and decoding of netlink messages."""

import struct
from ipaddress import IPv4Address, IPv6Address, ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.agent.system import netlink
from hacluster.agent.system.network import IFF_LOOPBACK, Address, Link, Network, interfaces, without_prefix


def make_network(*links: tuple[Link, list[str]]) -> Network:
    return Network(
        tuple(link for link, _ in links),
        tuple(Address(link.index, ip_interface(text)) for link, texts in links for text in texts),
    )


def reported(net: Network, *virtual_ips: str) -> dict[str, tuple[str, ...]]:
    return {one.name: one.addresses for one in interfaces(net, virtual_ips)}


CAN_CARRY = [
    (Link(2, "ens3"), ["10.0.0.1/24"]),
    (Link(3, "ens4"), []),
    (Link(4, "bond0", "bond"), ["10.1.0.1/24"]),
    (Link(5, "ens3.100", "vlan"), ["10.2.0.1/24"]),
    (Link(6, "br0", "bridge"), ["10.3.0.1/24"]),
    (Link(7, "eth0", "veth"), ["172.18.0.2/16"]),  # a node that is a container
    (Link(8, "ib0", hardware=32), ["10.4.0.1/24"]),
    (Link(9, "bridge-uplink"), ["10.5.0.1/24"]),
]
CANNOT_CARRY = [
    (Link(1, "lo", flags=IFF_LOOPBACK), ["127.0.0.1/8", "10.9.9.9/24"]),
    (Link(2, "veth1234", "veth"), []),
    (Link(3, "vethabcd", "veth"), ["10.244.1.1/32"]),  # the host's side of a pod's veth, as kindnet sets it up
    (Link(4, "cni0", "bridge"), ["10.244.0.1/24"]),
    (Link(5, "docker0", "bridge"), ["172.17.0.1/16"]),
    (Link(6, "br-0123456789ab", "bridge"), ["172.19.0.1/16"]),
    (Link(7, "br1", "bridge"), []),
    (Link(8, "flannel.1", "vxlan"), ["10.244.0.0/32"]),
    (Link(9, "dummy0", "dummy"), ["10.8.0.1/24"]),
    (Link(10, "tun0", "tun", hardware=65534), ["10.7.0.1/24"]),
    (Link(11, "calic0ffee00", "veth"), ["10.6.0.1/24"]),
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


def test_temporary_and_tentative_ipv6_addresses_are_left_out() -> None:
    temporary, tentative = 0x01, 0x40
    addresses = tuple(
        Address(2, ip_interface(f"2001:db8::{n}/64"), flags) for n, flags in enumerate((0, temporary, tentative), 1)
    )
    secondary = Address(2, ip_interface("10.0.0.2/24"), 0x01)  # for IPv4 the same bit means: not the first in its subnet
    assert reported(Network((Link(2, "ens3"),), (*addresses, secondary))) == {"ens3": ("10.0.0.2/24", "2001:db8::1/64")}


@given(st.permutations(CAN_CARRY), st.permutations(["10.0.0.9/24", "10.0.0.10/24", "10.0.0.10/25", "2001:db8::2/64"]))
def test_interfaces_and_addresses_are_sorted(links: list[tuple[Link, list[str]]], texts: list[str]) -> None:
    renumbered = [(Link(n, link.name, link.kind, link.hardware), held) for n, (link, held) in enumerate(links, 2)]
    renumbered.append((Link(99, "zzz"), texts))
    ordered = interfaces(make_network(*renumbered), ())
    assert [one.name for one in ordered] == sorted(one.name for one in ordered)
    assert ordered[-1].addresses == ("10.0.0.9/24", "10.0.0.10/24", "10.0.0.10/25", "2001:db8::2/64")


def test_addresses_are_listed_by_interface() -> None:
    net = make_network((Link(1, "lo", flags=IFF_LOOPBACK), ["10.0.0.200/32"]), (Link(2, "ens3"), ["10.0.0.1/24"]))
    assert net.on("ens3") == {"10.0.0.1"}
    assert net.on("ens9") == frozenset()


def test_without_prefix_removes_the_prefix_length_and_normalizes_the_spelling() -> None:
    assert without_prefix("2001:DB8:0::1/64") == "2001:db8::1"
    assert without_prefix("10.0.0.1") == "10.0.0.1"


# Netlink messages


@given(
    st.integers(1, 2**31 - 1),
    st.one_of(st.ip_addresses(v=4).map(lambda a: (a, 24)), st.ip_addresses(v=6).map(lambda a: (a, 64))),
)
def test_an_encoded_address_is_decoded_to_the_same_address(index: int, parts: tuple[IPv4Address | IPv6Address, int]) -> None:
    address = Address(index, ip_interface(parts))
    (kind, _, payload), *more = netlink.messages(netlink.delete_request(address))
    assert kind == netlink.RTM_DELADDR and not more
    assert netlink.parse_address(payload) == address


def test_a_link_is_decoded_with_its_kind_and_master() -> None:
    info = netlink.attribute(netlink.IFLA_INFO_KIND, b"vlan\0")
    attrs = (
        netlink.attribute(netlink.IFLA_IFNAME, b"ens3.7\0")
        + netlink.attribute(netlink.IFLA_LINKINFO | 0x8000, info)
        + netlink.attribute(netlink.IFLA_MASTER, struct.pack("=I", 5))
    )
    payload = struct.pack("=BxHiII", 0, 1, 7, 0x1043, 0) + attrs
    assert netlink.parse_link(payload) == Link(7, "ens3.7", "vlan", 1, 0x1043, 5)


def test_the_own_address_on_a_point_to_point_link_is_the_local_one() -> None:
    attrs = netlink.attribute(netlink.IFA_ADDRESS, bytes([10, 0, 0, 2])) + netlink.attribute(
        netlink.IFA_LOCAL, bytes([10, 0, 0, 1])
    )
    parsed = netlink.parse_address(struct.pack("=BBBBI", 2, 32, 0, 0, 3) + attrs)
    assert parsed is not None and parsed.text == "10.0.0.1"


@given(st.binary(max_size=200))
def test_any_datagram_is_decoded_without_an_exception(data: bytes) -> None:
    for _, _, payload in netlink.messages(data):
        netlink.parse_link(payload)
        netlink.parse_address(payload)


def test_the_loopback_address_of_this_machine_is_read() -> None:
    assert "127.0.0.1" in netlink.read_network().on("lo")
