"""Questions, probes and claims, byte by byte, and the packet filters."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.agent.neighbours.packet import (
    ETH_P_ARP,
    ETH_P_IPV6,
    Claim,
    arp_filter,
    neighbour_filter,
    parse_arp,
    parse_neighbour,
    probe,
    question,
)
from hacluster.agent.system.checksum import checksum

OWN = bytes.fromhex("020000000001")
OTHER = bytes.fromhex("0200000000aa")
REPLY = bytes.fromhex("0001080006040002" "0200000000aa" "ac1007c8" "020000000001" "00000000")  # fmt: skip
GRATUITOUS = bytes.fromhex("0001080006040001" "0200000000aa" "ac1007c8" "ffffffffffff" "ac1007c8")  # fmt: skip
CLAIM = Claim("172.16.7.200", "02:00:00:00:00:aa")


def advertisement(target: str = "20010db8000000000000000000000010", link: bytes = OTHER, flags: int = 0x20000000) -> bytes:
    option = b"\x02\x01" + link if link else b""
    body = struct.pack("!BBHI", 136, 0, 0, flags) + bytes.fromhex(target) + option
    ends = bytes.fromhex("fe80000000000000000000000000000a") + bytes.fromhex("ff020000000000000000000000000001")
    return struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + ends + body


def test_an_arp_probe_has_no_sender_address() -> None:
    sent = probe("172.16.7.200", OWN)
    assert (sent.to, sent.protocol) == (b"\xff" * 6, ETH_P_ARP)
    assert sent.packet.hex() == "0001080006040001" + OWN.hex() + "00000000" + "000000000000" + "ac1007c8"


def test_a_neighbour_probe_goes_to_the_solicited_node_group_and_has_no_sender_address() -> None:
    sent = probe("2001:db8::12:3456", OWN)
    assert (sent.to.hex(), sent.protocol) == ("3333ff123456", ETH_P_IPV6)
    header, body = sent.packet[:40], sent.packet[40:]
    assert header.hex() == "60000000" "0018" "3a" "ff" + 32 * "0" + "ff0200000000000000000001ff123456"  # fmt: skip
    assert body[:2].hex() == "8700" and body[8:].hex() == "20010db8000000000000000000123456"
    assert checksum(header[8:40] + struct.pack("!II", len(body), 58) + body) == 0


@pytest.mark.parametrize("to", [b"", OTHER], ids=["to all", "to one host"])
def test_an_arp_question_has_the_nodes_own_address_as_its_sender(to: bytes) -> None:
    sent = question("172.16.7.200", OWN, "172.16.7.153", to)
    assert (sent.to, sent.protocol) == (to or b"\xff" * 6, ETH_P_ARP)
    assert sent.packet.hex() == "0001080006040001" + OWN.hex() + "ac100799" + "000000000000" + "ac1007c8"


@pytest.mark.parametrize("to", [b"", OTHER], ids=["to all", "to one host"])
def test_a_neighbour_question_has_the_nodes_own_address_and_mac_as_its_sender(to: bytes) -> None:
    sent = question("2001:db8::12:3456", OWN, "2001:db8::1", to)
    header, body = sent.packet[:40], sent.packet[40:]
    destination = "20010db8000000000000000000123456" if to else "ff0200000000000000000001ff123456"
    assert sent.to.hex() == (OTHER.hex() if to else "3333ff123456")
    assert header.hex() == "60000000" "0020" "3a" "ff" "20010db8000000000000000000000001" + destination  # fmt: skip
    assert body[:2].hex() == "8700" and body[8:].hex() == "20010db8000000000000000000123456" + "0101" + OWN.hex()
    assert checksum(header[8:40] + struct.pack("!II", len(body), 58) + body) == 0


def test_replies_gratuitous_arp_and_advertisements_are_claims() -> None:
    assert parse_arp(REPLY) == Claim(CLAIM.address, CLAIM.mac, solicited=True)
    assert parse_arp(GRATUITOUS) == CLAIM
    assert parse_arp(GRATUITOUS[:7] + b"\x02" + GRATUITOUS[8:]) == CLAIM, "a gratuitous reply answers no question"
    assert parse_neighbour(advertisement(), OWN) == Claim("2001:db8::10", CLAIM.mac)
    assert parse_neighbour(advertisement(link=b""), OTHER) == Claim("2001:db8::10", CLAIM.mac)
    assert parse_neighbour(advertisement(flags=0x60000000), OWN) == Claim("2001:db8::10", CLAIM.mac, solicited=True)


def test_questions_of_another_host_are_claims_of_its_own_address() -> None:
    assert parse_arp(question("172.16.7.1", OTHER, "172.16.7.200").packet) == CLAIM
    assert parse_neighbour(question("2001:db8::1", OTHER, "2001:db8::10").packet, OWN) == Claim("2001:db8::10", CLAIM.mac)


@pytest.mark.parametrize(
    "packet",
    [b"", REPLY[:27], probe("172.16.7.200", OTHER).packet, b"\x00\x06" + REPLY[2:], REPLY[:4] + b"\x14" + REPLY[5:]],
    ids=["empty", "cut off", "a probe of another host", "no Ethernet", "another length of address"],
)
def test_other_arp_packets_are_no_claims(packet: bytes) -> None:
    assert parse_arp(packet) is None


def test_other_ipv6_packets_are_no_claims() -> None:
    good = advertisement()
    assert parse_neighbour(probe("2001:db8::10", OTHER).packet, OTHER) is None
    assert parse_neighbour(good[:7] + b"\xfe" + good[8:], OTHER) is None, "a hop limit of 254: it came from another segment"
    assert parse_neighbour(good[:63], OTHER) is None


@given(st.binary(max_size=120))
def test_noise_raises_no_exception(noise: bytes) -> None:
    parse_arp(noise)
    parse_neighbour(noise, OTHER)
    parse_neighbour(advertisement(link=b"") + noise, OTHER)


def passes(program: bytes, packet: bytes) -> bool:
    """Whether the filter passes the packet: runs the kinds of instructions that the filters use, as the kernel does."""
    at = value = 0
    while True:
        code, yes, no, k = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        if code == 0x06:
            return bool(k)
        if code == 0x15:
            at += yes if value == k else no
        elif code == 0x05:
            at += k
        else:
            size = {0x20: 4, 0x28: 2, 0x30: 1}[code]
            if k + size > len(packet):
                return False
            value = int.from_bytes(packet[k : k + size])


def test_the_arp_filter_passes_only_claims_of_its_addresses() -> None:
    program = arp_filter(["172.16.7.201", "172.16.7.200"])
    assert passes(program, REPLY) and passes(program, GRATUITOUS)
    assert not passes(program, probe("172.16.7.200", OTHER).packet)
    assert not passes(arp_filter(["172.16.7.202"]), REPLY)


def test_the_neighbour_filter_passes_only_advertisements_of_its_addresses() -> None:
    program = neighbour_filter(["2001:db8::11", "2001:db8::10"])
    assert passes(program, advertisement())
    assert not passes(program, advertisement("20010db8000000000000000000000012"))
    assert not passes(program, probe("2001:db8::10", OTHER).packet)
    assert passes(program, question("2001:db8::1", OTHER, "2001:db8::10").packet), "a question from one of them"
    assert not passes(program, question("2001:db8::10", OTHER, "2001:db8::1").packet), "a question for one of them"
    tcp = advertisement()[:6] + b"\x06" + advertisement()[7:]
    assert not passes(program, tcp)


def test_a_filter_may_have_any_number_of_addresses() -> None:
    """The distance of a jump is one byte: a chain of comparisons with one common end would be limited."""
    others = [f"10.0.{each // 250}.{each % 250}" for each in range(320)]
    assert passes(arp_filter([*others, "172.16.7.200"]), REPLY)
