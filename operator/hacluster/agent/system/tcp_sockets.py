"""The sockets of this network namespace, from the kernel's lists /proc/net/tcp, tcp6, udp and udp6.

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

_NO_CONNECTION: Final = frozenset({"06", "07", _LISTEN})
"""TIME_WAIT, CLOSE, LISTEN: nothing is open, or not yet."""

_RECEIVES: Final = "07"
"""The state of a UDP socket that is not connected to one sender."""


class Listener(NamedTuple):
    """A socket on which a process listens; for UDP, on which it receives. `user` is the id of the user that opened it."""

    address: IPv4Address | IPv6Address
    port: int
    protocol: str = "TCP"
    user: int = 0


class Connection(NamedTuple):
    """A TCP connection of this node: addresses as texts, IPv4-mapped IPv6 addresses as IPv4."""

    client: str
    client_port: int
    address: str
    port: int


class TcpSocket(NamedTuple):
    """One line of a list: local address, local port, the state as the kernel writes it (two hexadecimal digits), and the user's id."""

    address: IPv4Address | IPv6Address
    port: int
    state: str
    user: int = 0


def parse_connections(table: str, addresses: Collection[str], ports: Collection[int]) -> Iterator[Connection]:
    """The connections of these local addresses and ports in one list, in whatever state but TIME_WAIT; also those in a handshake."""
    digits = {f"{each:04X}" for each in ports}
    for line in table.splitlines()[1:]:
        _, local, remote, state, *_ = line.split(maxsplit=4)
        address, _, port = local.partition(":")
        if port not in digits or state in _NO_CONNECTION:
            continue
        here = str(_unmapped(_address(address)))
        if here in addresses:
            client, _, client_port = remote.partition(":")
            yield Connection(str(_unmapped(_address(client))), int(client_port, 16), here, int(port, 16))


def read_connections(addresses: Collection[str], ports: Collection[int], proc: Path = Path("/proc/net")) -> set[Connection]:
    """The connections of these local addresses and ports in this network namespace. Raises OSError."""
    if not addresses or not ports:
        return set()
    files = [proc / name for name in ("tcp", "tcp6")]
    return {each for file in files if file.exists() for each in parse_connections(file.read_text(), addresses, ports)}


def parse_sockets(table: str) -> Iterator[TcpSocket]:
    """The sockets of one list; incomplete lines are left out."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3:
            address, _, port = fields[1].partition(":")
            user = int(fields[7]) if len(fields) > 7 else 0
            yield TcpSocket(_address(address), int(port, 16), fields[3], user)


def read_sockets(proc: Path = Path("/proc/net"), protocol: str = "tcp") -> list[TcpSocket]:
    """Every TCP (or `udp`) socket of this network namespace. A kernel without IPv6 has no tcp6. Raises OSError."""
    files = [proc / name for name in (protocol, f"{protocol}6")]
    return [each for file in files if file.exists() for each in parse_sockets(file.read_text())]


def listeners(sockets: Iterable[TcpSocket], protocol: str = "TCP") -> set[Listener]:
    """Addresses and ports on which processes listen. An IPv4-mapped IPv6 address (::ffff:10.0.0.1) counts as IPv4."""
    state = _LISTEN if protocol == "TCP" else _RECEIVES
    return {Listener(_unmapped(each.address), each.port, protocol, each.user) for each in sockets if each.state == state}


def read_listeners(proc: Path = Path("/proc/net")) -> set[Listener]:
    """Sockets on which processes of this network namespace listen now, TCP and UDP. Raises OSError."""
    return listeners(read_sockets(proc)) | listeners(read_sockets(proc, "udp"), "UDP")


def count_open(sockets: Iterable[TcpSocket], addresses: Collection[str]) -> int:
    """The number of connections of these local addresses that are not completely closed yet.

    An IPv4-mapped IPv6 address counts as IPv4: HAProxy's connections have such addresses where it listens on `:::80` for both.
    """
    wanted = {ip_address(each) for each in addresses}
    return sum(each.state in _OPEN and _unmapped(each.address) in wanted for each in sockets)


def find_ports_in_use(
    wanted: Iterable[Port], own: Collection[Port], listeners: Collection[Listener]
) -> tuple[tuple[Port, Listener], ...]:
    """The wanted ports that another program uses, each with one listener that is in the way.

    `own` are the ports of the configuration that is loaded: this pod's own daemons listen there, so they are skipped. A daemon is in
    nobody's way where it only changes the address on which it has the port: its old and its new process share the port (SO_REUSEPORT).
    """
    already_bound = {(port.protocol, port.port, port.address) for port in own}
    in_use = []
    for port in wanted:
        if (port.protocol, port.port, port.address) in already_bound:
            continue
        same_daemon = [each for each in own if each.user == port.user]
        others = [each for each in listeners if not any(_is_listener_of(ours, each) for ours in same_daemon)]
        clash = next((listener for listener in sorted(others, key=str) if _clashes(port, listener)), None)
        if clash is not None:
            in_use.append((port, clash))
    return tuple(in_use)


def describe(port: Port, listener: Listener) -> str:
    """The message for the user: the port, its field in the resource, the listener in the way, and what to do."""
    shown = f"[{listener.address}]" if listener.address.version == 6 else str(listener.address)
    field = f" ({port.field})" if port.field else ""
    kind = "UDP port" if port.protocol == "UDP" else "port"
    return (
        f"{kind} {port.port}{field} is already in use on this node: another program listens on {shown}:{listener.port}; "
        "stop that program or choose another port"
    )


def _is_listener_of(own: Port, listener: Listener) -> bool:
    """Whether a daemon that has this port has opened the socket: no other program can have it on the same address."""
    if (listener.protocol, listener.port) != (own.protocol, own.port):
        return False
    return listener.address == ip_address(own.address) if own.address else listener.address.is_unspecified


def _clashes(port: Port, listener: Listener) -> bool:
    """Whether the port cannot be bound: the wildcard address clashes with every address, any other address with itself.

    An IPv6 wildcard counts for IPv4 too: such a socket usually accepts IPv4 connections. For UDP, a wildcard does not keep a program from
    one address (SO_REUSEADDR, which rsyslog sets): the more exact socket receives.
    """
    if (listener.protocol, listener.port) != (port.protocol, port.port) or listener.user == port.user:
        return False
    everywhere = listener.address.is_unspecified and port.protocol == "TCP"
    return not port.address or everywhere or listener.address == ip_address(port.address)


def _address(digits: str) -> IPv4Address | IPv6Address:
    """Decodes an address: 32-bit words in hexadecimal digits, each word in the machine's byte order."""
    raw = bytes.fromhex(digits)
    packed = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4)) if sys.byteorder == "little" else raw
    return ip_address(packed)


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
