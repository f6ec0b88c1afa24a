"""IP addresses and networks as users write them.

`ADDRESS`, `INTERFACE` and `NETWORK` are metadata for `Annotated` (see `types.py`). The API server checks the same fields with
its CEL functions `isIP()` and `isCIDR()`, which are stricter than Python's `ipaddress`; so the parsers here reject first what
only Python would accept.
"""

import re
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

from hacluster.api.constraints import VALIDATIONS, Parsed, cel

_NOT_AN_ADDRESS = "must be an IP address such as 192.168.60.210"
_NOT_AN_INTERFACE = "must be an IP address with a prefix length, such as 172.16.7.200/24"
_NOT_A_NETWORK = "must be a network such as 192.168.60.0/24, with no host bits set"
_NOT_A_HOST = "must be an address that one host can have: not 0.0.0.0, multicast, loopback or broadcast"
_PREFIX = "needs a prefix length of at least 1"

_BROADCAST = IPv4Address("255.255.255.255")


def _reject_python_only_notations(text: str, message: str) -> None:
    """Rejects what Python accepts and Kubernetes or keepalived does not: zones, netmasks, leading zeros in a prefix length.

    Raises:
        ValueError: with `message`.

    """
    if not re.fullmatch(r"[0-9A-Fa-f.:]{2,39}(/(0|[1-9][0-9]{0,2}))?", text):
        raise ValueError(message)


def parse_address(text: str) -> IPv4Address | IPv6Address:
    """An address without a prefix length; IPv4-mapped IPv6 addresses are rejected, as the API server does.

    Raises:
        ValueError: `text` is no such address.

    """
    _reject_python_only_notations(text, _NOT_AN_ADDRESS)
    try:
        address = ip_address(text)
    except ValueError:
        raise ValueError(_NOT_AN_ADDRESS) from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        raise ValueError(_NOT_AN_ADDRESS)
    return address


def parse_interface(text: str) -> IPv4Interface | IPv6Interface:
    """An address with its prefix length that a single host can have, such as `172.16.7.200/24`.

    Raises:
        ValueError: `text` is no such address.

    """
    _reject_python_only_notations(text, _NOT_AN_INTERFACE)
    try:
        interface = ip_interface(text)
    except ValueError:
        raise ValueError(_NOT_AN_INTERFACE) from None
    if "/" not in text or (isinstance(interface, IPv6Interface) and interface.ip.ipv4_mapped):
        raise ValueError(_NOT_AN_INTERFACE)
    if not interface.network.prefixlen:
        raise ValueError(_PREFIX)
    address = interface.ip
    if address.is_unspecified or address.is_multicast or address.is_loopback or address == _BROADCAST:
        raise ValueError(_NOT_A_HOST)
    return interface


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """A network without host bits, such as `192.168.60.0/24`.

    Raises:
        ValueError: `text` is no such network.

    """
    _reject_python_only_notations(text, _NOT_A_NETWORK)
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError(_NOT_A_NETWORK) from None
    if "/" not in text or (isinstance(network, IPv6Network) and network.network_address.ipv4_mapped):
        raise ValueError(_NOT_A_NETWORK)
    return network


def _schema(max_length: int, *rules: tuple[str, str]) -> dict[str, object]:
    return {"type": "string", "minLength": 2, "maxLength": max_length, VALIDATIONS: [cel(*rule) for rule in rules]}


ADDRESS = Parsed(
    parse_address,
    str,
    _schema(39, ("isIP(self)", _NOT_AN_ADDRESS)),
    (IPv4Address, IPv6Address),
)
INTERFACE = Parsed(
    parse_interface,
    str,
    _schema(
        43,
        ("isCIDR(self)", _NOT_AN_INTERFACE),
        ("!isCIDR(self) || cidr(self).prefixLength() >= 1", _PREFIX),
        ("!isCIDR(self) || cidr(self).ip().isGlobalUnicast() || cidr(self).ip().isLinkLocalUnicast()", _NOT_A_HOST),
    ),
    (IPv4Interface, IPv6Interface),
)
NETWORK = Parsed(
    parse_network,
    str,
    _schema(43, ("isCIDR(self) && cidr(self) == cidr(self).masked()", _NOT_A_NETWORK)),
    (IPv4Network, IPv6Network),
)
