"""Sockets to the API server that notice a dead connection, and that can all be shut down at once.

A connection whose packets are dropped silently looks idle: a watch would wait for events for more than a minute. The kernel notices it
in seconds, if it is told to ask (TCP keepalive, and TCP_USER_TIMEOUT for data without an acknowledgement, tcp(7)). A proxy or load
balancer in between acknowledges in the API server's place; then only a request shows it (`control/connection_monitor.py`).
"""

import contextlib
import socket
import weakref
from typing import Any, Final

KEEPALIVE: Final = {socket.TCP_KEEPIDLE: 2, socket.TCP_KEEPINTVL: 1, socket.TCP_KEEPCNT: 3}
"""Seconds without data until the first question, seconds between two of them, and questions without an answer until the end."""
USER_TIMEOUT: Final = 5000
"""Milliseconds in which sent data has to be acknowledged."""


class Sockets:
    """The open sockets of some connections. `make` is aiohttp's `socket_factory`."""

    def __init__(self) -> None:
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def make(self, address: Any) -> socket.socket:
        """A socket for an entry of `getaddrinfo`."""
        family, kind, protocol, *_ = address
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE.items():
            made.setsockopt(socket.IPPROTO_TCP, option, value)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT)
        self._open.add(made)
        return made

    def shut_down(self) -> None:
        """Ends every connection: whoever waits for an answer gets an error, and connects again."""
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._open.clear()
