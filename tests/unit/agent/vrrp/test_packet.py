"""Parsing VRRP advertisements: packets as keepalived sent them, malformed ones, and noise."""

import struct
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.agent.vrrp.packet import Advert, build, parse_ipv4, parse_ipv6
from tests.unit.agent.vrrp.routers import IPV4, IPV6, ROUTER, VERSION_2, VERSION_3, message


def ipv4(payload: bytes, source: str = IPV4.source, *, ttl: int = 255, protocol: int = 112, options: bytes = b"") -> bytes:
    """An IPv4 packet with this payload."""
    size = 20 + len(options)
    ends = ip_address(source).packed + ip_address("224.0.0.18").packed
    head = struct.pack("!BBHHHBBH", 0x40 | size // 4, 0xC0, size + len(payload), 1, 0, ttl, protocol, 0)
    return head + ends + options + payload


def test_version_3_is_parsed_as_keepalived_sends_it() -> None:
    assert parse_ipv4(VERSION_3, "eth0") == IPV4


def test_version_2_is_parsed_as_keepalived_sends_it() -> None:
    assert parse_ipv4(VERSION_2, "eth0") == replace(IPV4, version=2, interval_ms=1000)


@pytest.mark.parametrize(("version", "interval", "sent"), [(3, 100, VERSION_3), (2, 1000, VERSION_2)])
def test_what_is_built_is_what_keepalived_sends(version: int, interval: int, sent: bytes) -> None:
    router = ROUTER.model_copy(
        update={"version": version, "advertisement_interval_ms": interval, "virtual_ips": ("172.16.7.200/24",)}
    )
    assert build(router, 101, IPv4Address("172.16.7.153"), IPv4Address("224.0.0.18")) == sent[20:]


def test_an_ipv6_advertisement_that_is_built_is_parsed() -> None:
    virtual_ips = ("fe80::10/64", "2001:db8::10/64")
    router = ROUTER.model_copy(update={"virtual_router_id": 52, "virtual_ips": virtual_ips})
    built = build(router, 90, IPv6Address("fe80::1"), IPv6Address("ff02::12"))
    assert parse_ipv6(built, "fe80::1", "ff02::12", 255, "eth0") == IPV6


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("addresses", [(), ("172.16.7.200",), ("172.16.7.200", "172.16.7.201")])
@pytest.mark.parametrize("priority", [0, 101, 255])
def test_what_is_advertised_is_what_is_parsed(version: int, addresses: tuple[str, ...], priority: int) -> None:
    advert = replace(IPV4, version=version, interval_ms=2000, addresses=addresses, priority=priority)
    assert parse_ipv4(ipv4(message(advert, "224.0.0.18")), "eth0") == advert


def test_header_options_and_padding_after_the_packet_are_skipped() -> None:
    assert parse_ipv4(ipv4(message(IPV4, "224.0.0.18"), options=bytes(4)) + bytes(10), "eth0") == IPV4


def test_version_3_over_ipv4_may_omit_the_pseudo_header_from_its_checksum() -> None:
    assert parse_ipv4(ipv4(message(IPV4, "224.0.0.18", plain=True)), "eth0") == IPV4


def test_an_ipv6_advertisement_is_parsed_without_the_scope_of_its_source() -> None:
    assert parse_ipv6(message(IPV6, "ff02::12"), "fe80::1%eth0", "ff02::12", 255, "eth0") == IPV6


def test_ipv6_from_another_segment_or_with_a_wrong_checksum_is_rejected() -> None:
    good = message(IPV6, "ff02::12")
    assert parse_ipv6(good, "fe80::1", "ff02::12", 254, "eth0") is None
    assert parse_ipv6(good, "fe80::1", "ff02::13", 255, "eth0") is None
    assert parse_ipv6(message(IPV6, "ff02::12", plain=True), "fe80::1", "ff02::12", 255, "eth0") is None
    assert parse_ipv6(good, "nonsense", "ff02::12", 255, "eth0") is None
    assert parse_ipv6(message(replace(IPV6, version=2), "ff02::12"), "fe80::1", "ff02::12", 255, "eth0") is None


GOOD = message(IPV4, "224.0.0.18")
MALFORMED = {
    "empty": b"",
    "only an IPv4 header": VERSION_3[:20],
    "cut off": VERSION_3[:30],
    "from another segment": ipv4(GOOD, ttl=254),
    "another protocol": ipv4(GOOD, protocol=17),
    "IPv6": b"\x60" + VERSION_3[1:],
    "a short header": b"\x44" + VERSION_3[1:],
    "a wrong checksum": VERSION_3[:-1] + b"\x00",
    "checksum for another source address": ipv4(GOOD, source="172.16.7.154"),
    "no advertisement": ipv4(message(IPV4, "224.0.0.18", kind=2)),
    "version 1": ipv4(message(replace(IPV4, version=1), "224.0.0.18", plain=True)),
    "version 4": ipv4(message(replace(IPV4, version=4), "224.0.0.18", plain=True)),
    "VRID 0": ipv4(message(replace(IPV4, virtual_router_id=0), "224.0.0.18")),
    "fewer addresses than its count": ipv4(message(IPV4, "224.0.0.18", count=2)),
}


@pytest.mark.parametrize("packet", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_packet_is_rejected(packet: bytes) -> None:
    assert parse_ipv4(packet, "eth0") is None


@given(st.binary(max_size=80))
def test_noise_raises_no_exception(noise: bytes) -> None:
    parse_ipv4(noise, "eth0")
    parse_ipv6(noise, "fe80::1", "ff02::12", 255, "eth0")


@given(st.sampled_from([VERSION_2, VERSION_3]), st.integers(0, 31), st.integers(0, 255))
def test_a_message_with_a_changed_byte_is_rejected(packet: bytes, at: int, value: int) -> None:
    changed = packet[:at] + bytes([value]) + packet[at + 1 :]
    parsed = parse_ipv4(changed, "eth0")
    if at >= 20 and changed != packet:
        assert parsed is None


@given(st.builds(
    Advert,
    source=st.ip_addresses(v=6).map(str),
    version=st.just(3),
    virtual_router_id=st.integers(1, 255),
    priority=st.integers(0, 255),
    interval_ms=st.integers(1, 4095).map(lambda each: 10 * each),
    addresses=st.lists(st.ip_addresses(v=6).map(str), max_size=20).map(tuple),
    interface=st.just("eth0"),
))  # fmt: skip
def test_any_ipv6_advertisement_is_parsed(advert: Advert) -> None:
    source = str(IPv6Address(advert.source))
    assert parse_ipv6(message(advert, "ff02::12"), source, "ff02::12", 255, "eth0") == replace(advert, source=source)
