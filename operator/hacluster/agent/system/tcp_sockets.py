"""The sockets of this network namespace: ports in use, and open connections.

`find_ports_in_use` finds the ports of a new configuration on which another program listens. It is called before the daemons load
the configuration: a daemon cannot start on a port in use, and a reload of HAProxy that cannot bind a port pauses every listener
for two seconds before it fails. `count_open` counts the connections of a virtual IP that are still open, for a planned move.

TCP sockets come from `socket_diag.py`, UDP sockets from `proc_net.py`.
"""

from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

from hacluster.agent.system import proc_net, socket_diag
from hacluster.agent.system.socket_diag import TcpSocket
from hacluster.nodeconfig import Port

_OPEN: Final = frozenset(
    {socket_diag.ESTABLISHED, socket_diag.FIN_WAIT1, socket_diag.FIN_WAIT2, socket_diag.CLOSE_WAIT, socket_diag.LAST_ACK}
)
"""Data or its acknowledgement may still be on the way."""
_CONNECTION: Final = _OPEN | {socket_diag.SYN_RECV, socket_diag.CLOSING}
"""There is a connection, or one is being made."""
_RECEIVES: Final = 7
"""The state of a UDP socket in /proc/net/udp that is not connected to one sender."""


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


def connections(sockets: Iterable[TcpSocket], addresses: Collection[str]) -> Iterator[Connection]:
    """The connections among the sockets whose own address is one of these."""
    for each in sockets:
        here = str(_unmapped(each.address))
        if here in addresses:
            yield Connection(str(_unmapped(each.peer)), each.peer_port, here, each.port)


def read_connections(addresses: Collection[str], ports: Collection[int]) -> set[Connection]:
    """The connections of these local addresses and ports, also those in a handshake; not those in TIME_WAIT. Raises OSError."""
    if not addresses or not ports:
        return set()
    return set(connections(socket_diag.read_tcp(_CONNECTION, ports), addresses))


def read_open() -> list[TcpSocket]:
    """The TCP connections that are not completely closed yet. Raises OSError."""
    return socket_diag.read_tcp(_OPEN)


def read_listeners() -> set[Listener]:
    """Sockets on which processes of this network namespace listen now, TCP and UDP. Raises OSError."""
    tcp = socket_diag.read_tcp({socket_diag.LISTEN})
    udp = (each for each in proc_net.read("udp") if each.state == _RECEIVES)
    return {
        Listener(_unmapped(each.address), each.port, name, each.user)
        for name, some in (("TCP", tcp), ("UDP", udp))
        for each in some
    }


def count_open(sockets: Iterable[TcpSocket], addresses: Collection[str]) -> int:
    """The number of these connections (`read_open`) whose own address is one of these.

    An IPv4-mapped IPv6 address counts as IPv4: HAProxy's connections have such addresses where it listens on `:::80` for both.
    """
    wanted = {ip_address(each) for each in addresses}
    return sum(_unmapped(each.address) in wanted for each in sockets)


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


def _unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
