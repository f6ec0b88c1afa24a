"""Asks the kernel for the TCP sockets in some states (sock_diag(7)).

/proc/net/tcp has all of them, and a busy node has tens of thousands in TIME_WAIT: to read it stopped the agent for seconds. The kernel
leaves out what nobody asks for.

Source: sock_diag(7), and the kernel's stable header linux/inet_diag.h.
"""

import errno
import socket
import struct
from collections.abc import Collection, Iterator
from ipaddress import ip_address
from typing import Final

from hacluster.agent.system import proc_net
from hacluster.agent.system.netlink import NLM_F_DUMP, exchange, open_socket, request
from hacluster.agent.system.proc_net import ProcSocket

ESTABLISHED, SYN_RECV, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING = 1, 3, 4, 5, 8, 9, 10, 11
"""States of a TCP socket (include/net/tcp_states.h)."""

_NETLINK_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_REQUEST: Final = struct.Struct("=BBBxI")  # family, protocol, extensions, states; `struct inet_diag_sockid` follows
_SOCKET_ID: Final = struct.Struct(">HH16s16s12x")  # ports, addresses; interface and cookie
_NOBODY: Final = _SOCKET_ID.pack(0, 0, b"", b"")
_ANSWER: Final = struct.Struct("=BBxx")  # family, state; then `struct inet_diag_sockid`
_REST: Final = struct.Struct("=IIIII")  # expires, rqueue, wqueue, uid, inode


TcpSocket = ProcSocket
_MISSING: Final = {errno.ENOENT, errno.EPROTONOSUPPORT, errno.EOPNOTSUPP, errno.EINVAL}
"""What a kernel without `tcp_diag` answers; it may be a module that cannot be loaded."""


def read_tcp(states: Collection[int], ports: Collection[int] | None = None) -> list[TcpSocket]:
    """The sockets of this network namespace in these states; with `ports`, only those with such a port of their own. Raises OSError."""
    mask = sum(1 << state for state in states)
    try:
        with open_socket(protocol=_NETLINK_SOCK_DIAG) as kernel:
            return [each for family in (socket.AF_INET, socket.AF_INET6) for each in _read(kernel, family, mask, ports)]
    except OSError as error:
        if error.errno not in _MISSING:
            raise
    return [each for each in proc_net.read("tcp") if each.state in states and (ports is None or each.port in ports)]


def _read(kernel: socket.socket, family: int, mask: int, ports: Collection[int] | None) -> Iterator[TcpSocket]:
    payload = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, mask) + _NOBODY
    for kind, _, answer in exchange(kernel, request(_SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, payload)):
        if kind == _SOCK_DIAG_BY_FAMILY and (found := parse(answer, ports)):
            yield found


def parse(answer: bytes, ports: Collection[int] | None = None) -> TcpSocket | None:
    """Decodes one socket (`struct inet_diag_msg`); None if it is incomplete, or its port is none of `ports`."""
    if len(answer) < _ANSWER.size + _SOCKET_ID.size + _REST.size:
        return None
    family, state = _ANSWER.unpack_from(answer)
    port, peer_port, address, peer = _SOCKET_ID.unpack_from(answer, _ANSWER.size)
    if ports is not None and port not in ports:
        return None
    user = _REST.unpack_from(answer, _ANSWER.size + _SOCKET_ID.size)[3]
    length = 4 if family == socket.AF_INET else 16
    return TcpSocket(ip_address(address[:length]), port, state, user, ip_address(peer[:length]), peer_port)
