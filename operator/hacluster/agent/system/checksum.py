"""The Internet checksum (RFC 1071), which VRRP and ICMPv6 use. Pure."""

import struct


def checksum(data: bytes) -> int:
    """The checksum of `data` (16 bits); 0 where `data` contains its own correct checksum."""
    padded = data + bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return int(total ^ 0xFFFF)
