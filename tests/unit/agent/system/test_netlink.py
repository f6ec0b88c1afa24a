"""Encoding and decoding of netlink messages."""

import struct
from ipaddress import IPv4Address, IPv6Address, ip_interface

from hypothesis import given
from hypothesis import strategies as st

from hacluster.agent.system import netlink
from hacluster.agent.system.network import Address, Link


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


def test_the_protocol_and_the_time_of_an_address_are_decoded() -> None:
    """As keepalived 2.3 adds them: IFA_PROTO 18, RTPROT_KEEPALIVED."""
    attrs = (
        netlink.attribute(netlink.IFA_LOCAL, bytes([10, 0, 0, 1]))
        + netlink.attribute(netlink.IFA_CACHEINFO, struct.pack("=IIII", 0xFFFFFFFF, 0xFFFFFFFF, 4711, 9999))
        + netlink.attribute(netlink.IFA_FLAGS, struct.pack("=I", 0x281))
        + netlink.attribute(netlink.IFA_PROTO, bytes([18]))
    )
    parsed = netlink.parse_address(struct.pack("=BBBBI", 2, 24, 0x81, 0, 3) + attrs)
    assert parsed == Address(3, ip_interface("10.0.0.1/24"), 0x281, 18, 4711)


@given(st.binary(max_size=200))
def test_any_datagram_is_decoded_without_an_exception(data: bytes) -> None:
    for _, _, payload in netlink.messages(data):
        netlink.parse_link(payload)
        netlink.parse_address(payload)


def test_the_loopback_address_of_this_machine_is_read() -> None:
    assert "127.0.0.1" in netlink.read_network().on("lo")
