"""Parses and builds VRRP advertisements (RFC 3768: version 2; RFC 5798 and RFC 9568: version 3). Pure.

final_advert.py sends what `build` makes. listener.py calls `parse_ipv4` and `parse_ipv6` with the packets of its raw sockets. Anything
that is not a correct advertisement from the same segment gives None: every host on the segment can send such packets.
"""

import struct
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface
from typing import Final

from hacluster.agent.system.checksum import checksum
from hacluster.agent.vrrp.authentication import LENGTH
from hacluster.nodeconfig import Router

PROTOCOL: Final = 112
"""The IP protocol number of VRRP."""
HOPS: Final = 255
"""TTL or hop limit of a packet from the same segment: no router has forwarded it."""

_IPV4: Final = struct.Struct("!BxHxxxxBBxx4s4s")  # version and header length, length, TTL, protocol, source, destination
_VRRP: Final = struct.Struct("!BBBBHH")  # version and type, VRID, priority, addresses, interval, checksum
_ADVERTISEMENT: Final = 1
_SECONDS: Final = 0xFF  # version 2: the other half of the word is the kind of authentication
_PASSWORD: Final = 1 << 8
"""The kind of authentication "simple text password" in that half."""
_CENTISECONDS: Final = 0x0FFF


@dataclass(frozen=True)
class Advert:
    """One advertisement. `interface`: the name of this node's interface that received it. Priority 0: the sender steps down."""

    source: str
    version: int
    virtual_router_id: int
    priority: int
    interval_ms: int
    addresses: tuple[str, ...]
    interface: str
    multicast: bool = True
    """Whether it was sent to VRRP's group, and not to this node alone."""
    authentication: bytes = field(default=b"", repr=False)
    """Version 2: the authentication data, which is a password in plain text; empty: it is not authenticated."""


def parse_ipv4(datagram: bytes, interface: str) -> Advert | None:
    """Parses an IPv4 packet with its header, as a raw socket delivers it. None: not a correct advertisement from the segment."""
    if len(datagram) < _IPV4.size:
        return None
    first, length, hops, protocol, source, destination = _IPV4.unpack_from(datagram)
    start = 4 * (first & 0xF)
    if first >> 4 != 4 or start < _IPV4.size or hops != HOPS or protocol != PROTOCOL:
        return None
    return parse(datagram[start : min(length, len(datagram))], IPv4Address(source), IPv4Address(destination), interface)


def parse_ipv6(message: bytes, source: str, destination: str, hops: int, interface: str) -> Advert | None:
    """Parses the payload of an IPv6 packet; `source`, `destination` and `hops` are those of its header, as the socket gives them.

    `source` may have a zone ("fe80::1%eth0"). None: not a correct advertisement from the segment.
    """
    try:
        ends = IPv6Address(source.partition("%")[0]), IPv6Address(destination)
    except ValueError:
        return None
    return parse(message, *ends, interface) if hops == HOPS else None


def parse(
    message: bytes, source: IPv4Address | IPv6Address, destination: IPv4Address | IPv6Address, interface: str
) -> Advert | None:
    """Parses a VRRP message from `source` to `destination`. None for anything but an advertisement with a correct checksum."""
    if len(message) < _VRRP.size:
        return None
    kind, router, priority, count, interval, _ = _VRRP.unpack_from(message)
    version, size = kind >> 4, len(source.packed)
    known = version == 3 or (version == 2 and source.version == 4)
    if not known or kind & 0xF != _ADVERTISEMENT or router == 0 or len(message) < _VRRP.size + count * size:
        return None
    if not _intact(message, version, source, destination):
        return None
    end = _VRRP.size + count * size
    starts = range(_VRRP.size, end, size)
    authenticated = version == 2 and interval > _SECONDS
    return Advert(
        source=str(source),
        version=version,
        virtual_router_id=router,
        priority=priority,
        interval_ms=(interval & _SECONDS) * 1000 if version == 2 else (interval & _CENTISECONDS) * 10,
        addresses=tuple(str(ip_address(message[at : at + size])) for at in starts),
        interface=interface,
        multicast=destination.is_multicast,
        authentication=message[end : end + LENGTH] if authenticated else b"",
    )


def build(
    router: Router,
    priority: int,
    source: IPv4Address | IPv6Address,
    destination: IPv4Address | IPv6Address,
    authentication: bytes = b"",
) -> bytes:
    """The message of an advertisement, without the IP header, as this node's keepalived sends it for the router.

    `authentication`: the eight bytes of version 2; empty: none.
    """
    addresses = [ip_interface(each).ip.packed for each in router.virtual_ips]
    interval = router.advertisement_interval_ms
    old = router.version == 2
    # In version 2, the upper half of the word is the kind of authentication, and eight bytes of authentication data follow.
    word = round(interval / 1000) | (_PASSWORD if authentication else 0) if old else round(interval / 10)
    first = router.version << 4 | _ADVERTISEMENT
    body = b"".join(addresses) + (authentication or bytes(LENGTH) if old else b"")
    message = _VRRP.pack(first, router.virtual_router_id, priority, len(addresses), word, 0) + body
    pseudo = b"" if old else source.packed + destination.packed + struct.pack("!II", len(message), PROTOCOL)
    return _VRRP.pack(first, router.virtual_router_id, priority, len(addresses), word, checksum(pseudo + message)) + body


def _intact(message: bytes, version: int, source: IPv4Address | IPv6Address, destination: IPv4Address | IPv6Address) -> bool:
    """Whether the checksum is correct. Version 3 adds a pseudo-header with the packet's addresses; over IPv4 some omit it."""
    plain = source.version == 4 and checksum(message) == 0
    pseudo = source.packed + destination.packed + struct.pack("!II", len(message), PROTOCOL)
    return plain or (version == 3 and checksum(pseudo + message) == 0)
