"""Questions, probes and claims of addresses by ARP (RFC 826) and IPv6 neighbour discovery (RFC 4861), and packet filters. Pure.

sockets.py sends and receives them. Packets are without their link-layer header, as packet sockets of the type SOCK_DGRAM deliver
them. There are two ways to ask who has an address:

- A question has this node's own address as its sender, as when the kernel asks. It can be sent at any time.
- A probe has no sender (0.0.0.0 or ::). It says: "I am about to use this address" (RFC 5227, section 2.1.1; RFC 4862, section 5.4).
  A host that is just checking the address for duplicates, because it boots, takes the sender for a rival and gives the address up.
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
_REPLY: Final = 2
_BROADCAST: Final = b"\xff" * 6

_IPV6: Final = struct.Struct("!IHBB16s16s")
_ICMPV6: Final = 58
_HOPS: Final = 255
_SOLICITATION: Final = 135
_ADVERTISEMENT: Final = 136
_SOLICITED: Final = 0x40000000
_NEIGHBOUR: Final = struct.Struct("!BBHI16s")
_SOURCE_LINK_LAYER: Final = 1
_TARGET_LINK_LAYER: Final = 2
_SOLICITED_NODE: Final = IPv6Address("ff02::1:ff00:0").packed[:13]

# Classic BPF (linux/bpf_common.h).
_INSTRUCTION: Final = struct.Struct("=HBBI")
_LOAD_WORD: Final = 0x20
_LOAD_BYTE: Final = 0x30
_EQUAL: Final = 0x15
_JUMP: Final = 0x05
_RETURN: Final = 0x06
_WHOLE_PACKET: Final = 0xFFFF


@dataclass(frozen=True)
class Claim:
    """The host with this MAC claims the address. `solicited`: in an answer to a question, not unasked or in a packet for others."""

    address: str
    mac: str
    solicited: bool = False


@dataclass(frozen=True)
class Query:
    """A packet, its destination MAC, and its EtherType."""

    packet: bytes
    to: bytes
    protocol: int


def probe(address: str, own: bytes) -> Query:
    """A probe to all hosts. `own` is the MAC of the interface that sends it."""
    return _query(address, own, None, b"")


def question(address: str, own: bytes, source: str, to: bytes = b"") -> Query:
    """A question to all hosts, or to the host with the MAC `to`. `source`: this node's own address of the same IP version."""
    return _query(address, own, source, to)


def _query(address: str, own: bytes, source: str | None, to: bytes) -> Query:
    wanted = ip_address(address)
    sender = ip_address(source).packed if source else bytes(len(wanted.packed))
    if isinstance(wanted, IPv4Address):
        packet = _ARP.pack(_ETHERNET, _IPV4, 6, 4, _REQUEST, own, sender, bytes(6), wanted.packed)
        return Query(packet, to or _BROADCAST, ETH_P_ARP)
    group = _SOLICITED_NODE + wanted.packed[13:]
    destination = wanted.packed if to else group
    # The option is forbidden without a sender, and required in a question to a group (RFC 4861, section 4.3).
    option = bytes((_SOURCE_LINK_LAYER, 1)) + own if source else b""
    length = _NEIGHBOUR.size + len(option)
    pseudo = sender + destination + struct.pack("!II", length, _ICMPV6)
    code = checksum(pseudo + _NEIGHBOUR.pack(_SOLICITATION, 0, 0, 0, wanted.packed) + option)
    header = _IPV6.pack(6 << 28, length, _ICMPV6, _HOPS, sender, destination)
    packet = header + _NEIGHBOUR.pack(_SOLICITATION, 0, code, 0, wanted.packed) + option
    return Query(packet, to or b"\x33\x33" + group[12:], ETH_P_IPV6)


def parse_arp(packet: bytes) -> Claim | None:
    """The claim in an ARP reply, or in a request with a sender address. None for probes and for malformed packets."""
    if len(packet) < _ARP.size:
        return None
    hardware, protocol, long, short, operation, mac, sender, _, target = _ARP.unpack_from(packet)
    if (hardware, protocol, long, short) != (_ETHERNET, _IPV4, 6, 4) or sender == bytes(4):
        return None
    return Claim(str(IPv4Address(sender)), mac.hex(":"), operation == _REPLY and sender != target)


def parse_neighbour(packet: bytes, mac: bytes) -> Claim | None:
    """The claim in a neighbour advertisement, or in a solicitation with a sender address. None for probes and malformed packets.

    `mac`: the frame's sender, used if the packet names no MAC itself.
    """
    if len(packet) < _IPV6.size + _NEIGHBOUR.size:
        return None
    first, _, following, hops, source, _ = _IPV6.unpack_from(packet)
    kind, _, _, flags, target = _NEIGHBOUR.unpack_from(packet, _IPV6.size)
    asks = kind == _SOLICITATION and source != bytes(16)
    if (first >> 28, following, hops) != (6, _ICMPV6, _HOPS) or not (asks or kind == _ADVERTISEMENT):
        return None
    options = _options(packet[_IPV6.size + _NEIGHBOUR.size :])
    option = options.get(_SOURCE_LINK_LAYER if asks else _TARGET_LINK_LAYER, b"")
    address = str(IPv6Address(source if asks else target))
    return Claim(address, (option if len(option) == 6 else mac).hex(":"), not asks and bool(flags & _SOLICITED))


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
    """A packet filter for neighbour discovery. It compares the last 32 bits of an address with those of the given ones.

    It passes advertisements of such a target, and solicitations from such a sender.
    """
    targets = [int(IPv6Address(address)) & 0xFFFFFFFF for address in addresses]
    header = _load(_LOAD_BYTE, 6) + _require(_ICMPV6) + _load(_LOAD_BYTE, _IPV6.size)
    solicitation = _require(_SOLICITATION) + _load(_LOAD_WORD, _IPV6.size - 16 - 4) + _jump(1)
    is_advertisement = _INSTRUCTION.pack(_EQUAL, len(solicitation) // _INSTRUCTION.size, 0, _ADVERTISEMENT)
    advertisement = _load(_LOAD_WORD, _IPV6.size + _NEIGHBOUR.size - 4)
    return header + is_advertisement + solicitation + advertisement + _accept(targets) + _drop()


def _load(size: int, offset: int) -> bytes:
    return _INSTRUCTION.pack(size, 0, 0, offset)


def _require(value: int) -> bytes:
    return _INSTRUCTION.pack(_EQUAL, 1, 0, value) + _drop()


def _jump(distance: int) -> bytes:
    return _INSTRUCTION.pack(_JUMP, 0, 0, distance)


def _accept(values: Iterable[int]) -> bytes:
    """Each value has its own return instruction, because a jump reaches at most 255 instructions."""
    return b"".join(_INSTRUCTION.pack(_EQUAL, 0, 1, value) + _INSTRUCTION.pack(_RETURN, 0, 0, _WHOLE_PACKET) for value in values)


def _drop() -> bytes:
    return _INSTRUCTION.pack(_RETURN, 0, 0, 0)
