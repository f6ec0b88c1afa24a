"""The types of the resource's fields.

A model writes `port: Port` or `node: NodeName`; the type brings its rule for Python and for the CRD (see `constraints.py`).
The patterns allow only what cannot be mistaken for syntax in the daemons' configuration files.
"""

from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Annotated

from pydantic import Field

from hacluster.api.addresses import ADDRESS, INTERFACE, NETWORK
from hacluster.api.constraints import Text
from hacluster.api.durations import format_duration, span

__all__ = [
    "Address",
    "ConfigMapName",
    "Enumeration",
    "HostName",
    "InterfaceAddress",
    "InterfaceName",
    "LabelKey",
    "LabelValue",
    "Name",
]
__all__ += [
    "Network",
    "NodeName",
    "Port",
    "SecretKey",
    "SecretName",
    "ServiceName",
    "Timer",
    "UrlPath",
    "UrlTarget",
    "format_duration",
]

Timer = Annotated[timedelta, span("1ms", "576h")]
"""A duration that HAProxy accepts as a timeout. Its maximum is 2147483647 ms, a bit more than 24 days."""

InterfaceAddress = Annotated[IPv4Interface | IPv6Interface, INTERFACE]
"""An address with its prefix length, such as `172.16.7.200/24`."""

Network = Annotated[IPv4Network | IPv6Network, NETWORK]

Address = Annotated[IPv4Address | IPv6Address, ADDRESS]

Name = Annotated[
    str,
    Text(
        "a name of letters, digits, '_', '.' and '-' that starts and ends with a letter or digit, such as web-1",
        r"^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$",
        63,
    ),
]
"""A name that is printed into a configuration file; it has no blanks, quotes or control characters."""

_DNS_LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_DNS_NAME = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"
_QUALIFIED = "[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"

NodeName = Annotated[
    str, Text("a node's name: lower-case letters, digits, '-' and '.', such as node1.example.com", f"^{_DNS_NAME}$", 253)
]

ConfigMapName = Annotated[
    str, Text("a ConfigMap's name: lower-case letters, digits, '-' and '.', such as site", f"^{_DNS_NAME}$", 253)
]

SecretName = Annotated[
    str, Text("a Secret's name: lower-case letters, digits, '-' and '.', such as web-tls", f"^{_DNS_NAME}$", 253)
]

SecretKey = Annotated[
    str, Text("a Secret's key: letters, digits, '-', '_' and '.', such as password", "^[A-Za-z0-9_-][A-Za-z0-9._-]*$", 253)
]

ServiceName = Annotated[
    str, Text("a Service's name: at most 63 lower-case letters, digits and '-', such as shop", f"^{_DNS_LABEL}$", 63)
]

LabelKey = Annotated[
    str,
    Text(
        "a label's key such as role or example.com/role: a name, with a DNS prefix or none", f"^({_DNS_NAME}/)?{_QUALIFIED}$", 317
    ),
]

LabelValue = Annotated[
    str,
    Text(
        "a label's value: letters, digits, '-', '_' and '.', starting and ending with a letter or digit", f"^({_QUALIFIED})?$", 63
    ),
]

InterfaceName = Annotated[
    str,
    Text("a network interface's name such as eth0 or bond0.7", r"^[A-Za-z0-9][A-Za-z0-9_.@-]*$", 15),
]
"""The name of a Linux network interface: at most 15 characters (IFNAMSIZ is 16, with the final zero byte)."""

HostName = Annotated[
    str,
    Text(
        "a host name such as db1.lan: labels of letters, digits, '-' and '_', of which the last begins with a letter",
        r"^([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?\.)*[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?\.?$",
        253,
    ),
]
"""A host name, never an address."""

_PATH = r"/([A-Za-z0-9._~=:@+,&/-]|%[0-9A-Fa-f]{2})*"

UrlPath = Annotated[str, Text("a path such as /stats: letters, digits and . _ ~ = : @ + , & - / or %XX", f"^{_PATH}$", 255)]

UrlTarget = Annotated[
    str,
    Text(
        "a path such as /health?full=1: letters, digits and . _ ~ = : @ + , & - / or %XX",
        rf"^{_PATH}(\?([A-Za-z0-9._~=:@+,&/?-]|%[0-9A-Fa-f]{{2}})*)?$",
        255,
    ),
]
"""The path of a URL, with or without a query."""

Port = Annotated[int, Field(ge=1, le=65535)]


class Enumeration(StrEnum):
    """Base of the resource's enumerations: each value is the text in YAML."""
