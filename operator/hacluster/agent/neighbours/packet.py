"""Probes and claims of addresses by ARP (RFC 826, RFC 5227) and IPv6 neighbour discovery (RFC 4861), and packet filters. Pure.

sockets.py sends the probes and parses what it receives. Packets are without their link-layer header, as packet sockets of the
type SOCK_DGRAM deliver them. A probe has no sender address (0.0.0.0 or ::), so that no host stores the sender in its ARP or
neighbour table.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from hacluster.agent.system.checksum import checksum

ETH_P_ARP: Final = 0x0806
ETH_P_IPV6: Final = 0x86DD

_ARP: Final = struct.Struct("!HHBBH6s4s6s4s")
_ETHERNET: Final = 1
_IPV4: Final = 0x0800
_REQUEST: Final = 1
_BROADCAST: Final = b"\xff" * 6

_IPV6: Final = struct.Struct("!IHBB16s16s")
_ICMPV6: Final = 58
_HOPS: Final = 255
_SOLICITATION: Final = 135
_ADVERTISEMENT: Final = 136
_NEIGHBOUR: Final = struct.Struct("!BBHI16s")
_TARGET_LINK_LAYER: Final = 2
_SOLICITED_NODE: Final = IPv6Address("ff02::1:ff00:0").packed[:13]

# Classic BPF (linux/bpf_common.h).
_INSTRUCTION: Final = struct.Struct("=HBBI")
_LOAD_WORD: Final = 0x20
_LOAD_BYTE: Final = 0x30
_EQUAL: Final = 0x15
_RETURN: Final = 0x06
_WHOLE_PACKET: Final = 0xFFFF


@dataclass(frozen=True)
class Claim:
    """The host with this MAC claims the address."""

    address: str
    mac: str


@dataclass(frozen=True)
class Probe:
    """A packet, its destination MAC, and its EtherType."""

    packet: bytes
    to: bytes
    protocol: int


def probe(address: str, own: bytes) -> Probe:
    """A probe for the address; `own` is the MAC of the interface that sends it."""
    wanted = ip_address(address)
    if isinstance(wanted, IPv4Address):
        packet = _ARP.pack(_ETHERNET, _IPV4, 6, 4, _REQUEST, own, bytes(4), bytes(6), wanted.packed)
        return Probe(packet, _BROADCAST, ETH_P_ARP)
    group = _SOLICITED_NODE + wanted.packed[13:]
    unspecified = bytes(16)
    body = _NEIGHBOUR.pack(_SOLICITATION, 0, 0, 0, wanted.packed)
    pseudo = unspecified + group + struct.pack("!II", len(body), _ICMPV6)
    body = _NEIGHBOUR.pack(_SOLICITATION, 0, checksum(pseudo + body), 0, wanted.packed)
    packet = _IPV6.pack(6 << 28, len(body), _ICMPV6, _HOPS, unspecified, group) + body
    return Probe(packet, b"\x33\x33" + group[12:], ETH_P_IPV6)


def parse_arp(packet: bytes) -> Claim | None:
    """The claim in an ARP reply, or in a request with a sender address. None for probes and for malformed packets."""
    if len(packet) < _ARP.size:
        return None
    hardware, protocol, long, short, _, mac, sender, _, _ = _ARP.unpack_from(packet)
    if (hardware, protocol, long, short) != (_ETHERNET, _IPV4, 6, 4) or sender == bytes(4):
        return None
    return Claim(str(IPv4Address(sender)), mac.hex(":"))


def parse_neighbour(packet: bytes, mac: bytes) -> Claim | None:
    """The claim in a neighbour advertisement. `mac`: the frame's sender, used if the advertisement names no MAC itself."""
    if len(packet) < _IPV6.size + _NEIGHBOUR.size:
        return None
    first, _, following, hops, _, _ = _IPV6.unpack_from(packet)
    kind, _, _, _, target = _NEIGHBOUR.unpack_from(packet, _IPV6.size)
    if (first >> 28, following, hops, kind) != (6, _ICMPV6, _HOPS, _ADVERTISEMENT):
        return None
    option = _options(packet[_IPV6.size + _NEIGHBOUR.size :]).get(_TARGET_LINK_LAYER, b"")
    return Claim(str(IPv6Address(target)), (option if len(option) == 6 else mac).hex(":"))


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + 2 <= len(data) and data[at + 1]:
        length = 8 * data[at + 1]
        found[data[at]] = data[at + 2 : at + length]
        at += length
    return found


def arp_filter(addresses: Iterable[str]) -> bytes:
    """A packet filter that passes only claims of these IPv4 addresses: a segment has much other ARP traffic.

    It is a program in classic BPF, which the kernel runs.
    """
    senders = [int(IPv4Address(address)) for address in addresses]
    return _load(_LOAD_WORD, 14) + _accept(senders) + _drop()


def neighbour_filter(addresses: Iterable[str]) -> bytes:
    """A packet filter that passes only neighbour advertisements for addresses with the same last 32 bits as one of these."""
    targets = [int(IPv6Address(address)) & 0xFFFFFFFF for address in addresses]
    header = _load(_LOAD_BYTE, 6) + _require(_ICMPV6) + _load(_LOAD_BYTE, _IPV6.size) + _require(_ADVERTISEMENT)
    return header + _load(_LOAD_WORD, _IPV6.size + _NEIGHBOUR.size - 4) + _accept(targets) + _drop()


def _load(size: int, offset: int) -> bytes:
    return _INSTRUCTION.pack(size, 0, 0, offset)


def _require(value: int) -> bytes:
    return _INSTRUCTION.pack(_EQUAL, 1, 0, value) + _drop()


def _accept(values: Iterable[int]) -> bytes:
    """Each value has its own return instruction, because a jump reaches at most 255 instructions."""
    return b"".join(_INSTRUCTION.pack(_EQUAL, 0, 1, value) + _INSTRUCTION.pack(_RETURN, 0, 0, _WHOLE_PACKET) for value in values)


def _drop() -> bytes:
    return _INSTRUCTION.pack(_RETURN, 0, 0, 0)
