"""IP addresses and networks as users write them.

`ADDRESS`, `INTERFACE` and `NETWORK` are metadata for `Annotated` (see `types.py`); `REPORTED_ADDRESS` and `REPORTED_INTERFACE` are those
for what a node reports: they stay strings, and any address of a node is allowed. The API server checks the same fields with
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
_RESERVED = (
    "must be a host's address: the first and the last address of an IPv4 subnet and the first of an IPv6 subnet are reserved"
)

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
    if reserved_in(address, interface.network):
        raise ValueError(_RESERVED)
    return interface


def reserved_in(address: IPv4Address | IPv6Address, network: IPv4Network | IPv6Network) -> str:
    """Which reserved address of the network it is: "the network address" or "the broadcast address"; empty: none.

    /31, /32, /127 and /128 have none (RFC 3021, RFC 6164). For IPv6 the first address is the routers' anycast address (RFC 4291, 2.6.1).
    """
    if address.version != network.version or network.prefixlen >= network.max_prefixlen - 1:
        return ""
    if address == network.network_address:
        return "the network address"
    return "the broadcast address" if network.version == 4 and address == network.broadcast_address else ""


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


# CEL has no arithmetic with addresses: the four numbers make one, and the broadcast address is the one before a multiple of the size.
# `string(ip)` and `!=` would exceed the API server's cost limit: it does not know how long the one is, and how expensive the other.
_SIZES = ", ".join(str(2 ** (32 - length)) for length in range(31))
_NOT_RESERVED = (
    "!isCIDR(self) || cidr(self).prefixLength() >= (cidr(self).ip().family() == 4 ? 31 : 127) || "
    "!(cidr(self) == cidr(self).masked())",
    "!isCIDR(self) || cidr(self).ip().family() == 6 || cidr(self).prefixLength() >= 31 || "
    "[self.split('/')[0].split('.').map(n, int(n))].all(n, "
    f"(n[0] * 16777216 + n[1] * 65536 + n[2] * 256 + n[3] + 1) % [{_SIZES}][cidr(self).prefixLength()] != 0)",
)


def check_reported_address(text: str) -> str:
    """Any address of a node, without a prefix length. Returns `text`.

    Raises:
        ValueError: `text` is no address.

    """
    parse_address(text)
    return text


def check_reported_interface(text: str) -> str:
    """Any address of a node with its prefix length: unlike `parse_interface`, also one that no virtual IP can have. Returns `text`.

    Raises:
        ValueError: `text` is no such address.

    """
    _reject_python_only_notations(text, _NOT_AN_INTERFACE)
    address, slash, length = text.partition("/")
    width = parse_address(address).max_prefixlen
    if not slash or int(length) > width:
        raise ValueError(_NOT_AN_INTERFACE)
    return text


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
        *((rule, _RESERVED) for rule in _NOT_RESERVED),
    ),
    (IPv4Interface, IPv6Interface),
)
NETWORK = Parsed(
    parse_network,
    str,
    _schema(43, ("isCIDR(self) && cidr(self) == cidr(self).masked()", _NOT_A_NETWORK)),
    (IPv4Network, IPv6Network),
)
REPORTED_ADDRESS = Parsed(check_reported_address, str, _schema(39, ("isIP(self)", _NOT_AN_ADDRESS)))
REPORTED_INTERFACE = Parsed(check_reported_interface, str, _schema(43, ("isCIDR(self)", _NOT_AN_INTERFACE)))
