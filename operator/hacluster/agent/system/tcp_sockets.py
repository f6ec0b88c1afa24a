"""Who already listens on this node, from /proc/net.

A daemon of ours cannot start on a taken port, and a reload of HAProxy that cannot bind one pauses every listener for two
seconds before it gives up: so nobody tries.
"""

import sys
from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

from hacluster.nodeconfig import Port

_LISTEN: Final = "0A"
Listener = tuple[IPv4Address | IPv6Address, int]


def parse_listeners(table: str) -> set[Listener]:
    """Listening addresses of one table in the form of /proc/net/tcp."""
    found: set[Listener] = set()
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTEN:
            address, _, port = fields[1].partition(":")
            found.add((_address(address), int(port, 16)))
    return found


def read_listeners(proc: Path = Path("/proc/net")) -> set[Listener]:
    """Everything that listens in this network namespace."""
    found: set[Listener] = set()
    for name in ("tcp", "tcp6"):
        if (proc / name).exists():
            found |= parse_listeners((proc / name).read_text())
    return found


def taken(wanted: Iterable[Port], ours: Collection[Port], listeners: Collection[Listener]) -> tuple[tuple[Port, Listener], ...]:
    """Which ports somebody else has, and where. `ours` are those that our daemons have already: they are not looked at."""
    already = {(port.port, port.address) for port in ours}
    busy = []
    for port in wanted:
        if (port.port, port.address) in already:
            continue
        clash = next((held for held in sorted(listeners, key=str) if _clashes(port, held)), None)
        if clash is not None:
            busy.append((port, clash))
    return tuple(busy)


def describe(port: Port, listener: Listener) -> str:
    """For people: which port, where it was written, who has it, and the cure."""
    address, number = listener
    shown = f"[{address}]" if address.version == 6 else str(address)
    field = f" ({port.field})" if port.field else ""
    return (
        f"port {port.port}{field} is already in use on this node: another program listens on {shown}:{number}; "
        "stop that program or choose another port"
    )


def _clashes(port: Port, held: Listener) -> bool:
    """Everybody's address clashes with any; a single one with itself. An IPv6 wildcard usually takes IPv4 as well."""
    address, number = held
    if number != port.port:
        return False
    return not port.address or address.is_unspecified or address == ip_address(port.address)


def _address(written: str) -> IPv4Address | IPv6Address:
    """The kernel writes addresses as words in its own byte order."""
    raw = bytes.fromhex(written)
    packed = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4)) if sys.byteorder == "little" else raw
    found = ip_address(packed)
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
