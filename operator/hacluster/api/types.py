"""The resource's own value types, each parsed once into what the rest of the code works with."""

import re
from datetime import timedelta
from enum import StrEnum
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema

DURATION_PATTERN = r"^([0-9]+(\.[0-9]{1,3})?(ms|s|m|h))+$"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def _parse_duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or len(value) > 16 or not re.fullmatch(DURATION_PATTERN, value):
        raise ValueError("must be a duration such as 100ms, 5s, 1m or 1m30s")
    seconds = sum(float(number) * _UNITS[unit] for number, _, unit in re.findall(r"([0-9]+(\.[0-9]{1,3})?)(ms|s|m|h)", value))
    return timedelta(milliseconds=round(seconds * 1000))


def format_duration(value: timedelta) -> str:
    """The shortest exact writing in one unit: `1500ms`, `5s`, `1m`, `1h`."""
    milliseconds = round(value / timedelta(milliseconds=1))
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(_parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "maxLength": 16, "pattern": DURATION_PATTERN}),
]
"""`100ms`, `5s`, `1m`: whole milliseconds."""

_NOT_AN_INTERFACE = "must be an IP address with a prefix length, such as 172.16.7.200/24"


def _parse_interface(value: Any) -> IPv4Interface | IPv6Interface:
    if isinstance(value, IPv4Interface | IPv6Interface):
        return value
    if not isinstance(value, str) or "/" not in value or "%" in value:
        raise ValueError(_NOT_AN_INTERFACE)
    try:
        return ip_interface(value)
    except ValueError:
        raise ValueError(_NOT_AN_INTERFACE) from None


def _parse_network(value: Any) -> IPv4Network | IPv6Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(value)
    except (ValueError, TypeError):
        raise ValueError("must be a network such as 192.168.60.0/24 (no host bits set)") from None


def _parse_address(value: Any) -> IPv4Address | IPv6Address:
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    try:
        if "%" in value:
            raise ValueError
        return ip_address(value)
    except (ValueError, TypeError):
        raise ValueError("must be an IP address such as 192.168.60.210") from None


InterfaceAddress = Annotated[
    IPv4Interface | IPv6Interface,
    BeforeValidator(_parse_interface),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 43}),
]
"""An address with its prefix length, such as `172.16.7.200/24`."""

Network = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(_parse_network),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 43}),
]

Address = Annotated[
    IPv4Address | IPv6Address,
    BeforeValidator(_parse_address),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 39}),
]

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$", min_length=1, max_length=63)]
"""A name that reaches a configuration file: no blank, quote or control character can."""

NodeName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", min_length=1, max_length=253)]

InterfaceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,14}$", min_length=1, max_length=15)]
"""A Linux network interface: at most 15 characters (IFNAMSIZ)."""

UrlPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~!$&()*+,;=:@%/-]{0,254}$", min_length=1, max_length=255)]

Port = Annotated[int, Field(ge=1, le=65535)]


class Enumeration(StrEnum):
    """An enumeration whose values users write, in CamelCase."""
