"""The kernel's lists of TCP sockets in this network namespace (/proc/net/tcp and tcp6, proc_net_tcp(5)).

Two questions are answered from them: who already listens on a port that a daemon is about to bind, and how many connections of
a virtual IP are still open. A daemon cannot start on a taken port, and a reload of HAProxy that cannot bind one pauses every
listener for two seconds before it gives up: so ports are looked at first.
"""

import sys
from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final, NamedTuple

from hacluster.nodeconfig import Port

_LISTEN: Final = "0A"
_OPEN: Final = frozenset({"01", "04", "05", "08", "09"})
"""ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT, LAST_ACK."""

Listener = tuple[IPv4Address | IPv6Address, int]
"""Address and port on which a process listens."""


class TcpSocket(NamedTuple):
    """One line of a list: the local end, and the state as the kernel writes it (two hexadecimal digits)."""

    address: IPv4Address | IPv6Address
    port: int
    state: str


def parse_sockets(table: str) -> Iterator[TcpSocket]:
    """The sockets of one list; lines that are not whole are left out."""
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
    """Where processes listen. A socket for IPv4 addresses that was opened as IPv6 counts as IPv4."""
    return {(_unmapped(each.address), each.port) for each in sockets if each.state == _LISTEN}


def read_listeners(proc: Path = Path("/proc/net")) -> set[Listener]:
    """Where processes of this network namespace listen now. Raises OSError."""
    return listeners(read_sockets(proc))


def count_open(sockets: Iterable[TcpSocket], addresses: Collection[str]) -> int:
    """How many connections of these local addresses are open in at least one direction."""
    wanted = {ip_address(each) for each in addresses}
    return sum(each.state in _OPEN and each.address in wanted for each in sockets)


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
    """The kernel writes addresses as 32-bit words in its own byte order."""
    raw = bytes.fromhex(written)
    packed = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4)) if sys.byteorder == "little" else raw
    return ip_address(packed)


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
