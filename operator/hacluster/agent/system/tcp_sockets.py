"""The TCP sockets of this network namespace, from the kernel's lists /proc/net/tcp and /proc/net/tcp6.

`find_ports_in_use` finds the ports of a new configuration on which another program listens. It is called before the daemons load
the configuration: a daemon cannot start on a port in use, and a reload of HAProxy that cannot bind a port pauses every listener
for two seconds before it fails. `count_open` counts the connections of a virtual IP that are still open, for a planned move.

Sources: Documentation/networking/proc_net_tcp.rst of the kernel; the states are in include/net/tcp_states.h.
"""

import sys
from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final, NamedTuple

from hacluster.nodeconfig import Port

_LISTEN: Final = "0A"
_OPEN: Final = frozenset({"01", "04", "05", "08", "09"})
"""ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT, LAST_ACK: data or its acknowledgement may still be on the way."""

Listener = tuple[IPv4Address | IPv6Address, int]
"""Address and port on which a process listens."""


class TcpSocket(NamedTuple):
    """One line of a list: local address, local port, and the state as the kernel writes it (two hexadecimal digits)."""

    address: IPv4Address | IPv6Address
    port: int
    state: str


def parse_sockets(table: str) -> Iterator[TcpSocket]:
    """The sockets of one list; incomplete lines are left out."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3:
            address, _, port = fields[1].partition(":")
            yield TcpSocket(_address(address), int(port, 16), fields[3])


def read_sockets(proc: Path = Path("/proc/net")) -> list[TcpSocket]:
    """Every TCP socket of this network namespace. A kernel without IPv6 has no tcp6. Raises OSError."""
    files = [proc / name for name in ("tcp", "tcp6")]
    return [each for file in files if file.exists() for each in parse_sockets(file.read_text())]


def listeners(sockets: Iterable[TcpSocket]) -> set[Listener]:
    """Addresses and ports on which processes listen. An IPv4-mapped IPv6 address (::ffff:10.0.0.1) counts as IPv4."""
    return {(_unmapped(each.address), each.port) for each in sockets if each.state == _LISTEN}


def read_listeners(proc: Path = Path("/proc/net")) -> set[Listener]:
    """Addresses and ports on which processes of this network namespace listen now. Raises OSError."""
    return listeners(read_sockets(proc))


def count_open(sockets: Iterable[TcpSocket], addresses: Collection[str]) -> int:
    """The number of connections of these local addresses that are not completely closed yet."""
    wanted = {ip_address(each) for each in addresses}
    return sum(each.state in _OPEN and each.address in wanted for each in sockets)


def find_ports_in_use(
    wanted: Iterable[Port], own: Collection[Port], listeners: Collection[Listener]
) -> tuple[tuple[Port, Listener], ...]:
    """The wanted ports that another program uses, each with one listener that is in the way.

    `own` are the ports of the configuration that is loaded: this pod's own daemons listen there, so they are skipped.
    """
    already_bound = {(port.port, port.address) for port in own}
    in_use = []
    for port in wanted:
        if (port.port, port.address) in already_bound:
            continue
        clash = next((listener for listener in sorted(listeners, key=str) if _clashes(port, listener)), None)
        if clash is not None:
            in_use.append((port, clash))
    return tuple(in_use)


def describe(port: Port, listener: Listener) -> str:
    """The message for the user: the port, its field in the resource, the listener in the way, and what to do."""
    address, number = listener
    shown = f"[{address}]" if address.version == 6 else str(address)
    field = f" ({port.field})" if port.field else ""
    return (
        f"port {port.port}{field} is already in use on this node: another program listens on {shown}:{number}; "
        "stop that program or choose another port"
    )


def _clashes(port: Port, listener: Listener) -> bool:
    """Whether the port cannot be bound: the wildcard address clashes with every address, any other address with itself.

    An IPv6 wildcard counts for IPv4 too: such a socket usually accepts IPv4 connections.
    """
    address, number = listener
    if number != port.port:
        return False
    return not port.address or address.is_unspecified or address == ip_address(port.address)


def _address(digits: str) -> IPv4Address | IPv6Address:
    """Decodes an address: 32-bit words in hexadecimal digits, each word in the machine's byte order."""
    raw = bytes.fromhex(digits)
    packed = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4)) if sys.byteorder == "little" else raw
    return ip_address(packed)


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
