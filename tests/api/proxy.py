"""A TCP proxy before the API server that stops forwarding without closing anything, as a network does that drops packets.

The kernel of the proxy still acknowledges what it receives: so neither side's TCP notices anything.
"""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """Forwards connections to `target`. `stall` stops all that exist; with `new_too` also those that are made until `resume`."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._stalled: set[socket.socket] = set()
        self._stall_new = self._refuse = False
        self._closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self, *, new_too: bool = False) -> None:
        """Nothing that arrives on the existing connections is forwarded any more, for ever."""
        self._stall_new = new_too
        self._stalled.update(self._sockets)

    def cut(self) -> None:
        """Closes all connections, and each new one until `resume`."""
        self._refuse = True
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def resume(self) -> None:
        """New connections are forwarded again; stalled ones stay stalled."""
        self._stall_new = self._refuse = False

    def close(self) -> None:
        """Closes everything."""
        self._closing = True
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._listener.accept()
                if self._refuse:
                    client.close()
                    continue
                server = socket.create_connection(self._target)
            except OSError:
                return
            self._sockets += (client, server)
            if self._closing:  # perhaps `close` has not seen these two
                client.close()
                server.close()
                return
            if self._stall_new:
                self._stalled.update((client, server))
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        with suppress(OSError, ValueError):
            while not self._closing:
                for source in select.select(list(other), [], [], 1)[0]:
                    data = source.recv(65536)
                    if source in self._stalled:
                        if not data:
                            return
                        continue
                    if not data:
                        for each in other:
                            each.shutdown(socket.SHUT_RDWR)
                        return
                    other[source].sendall(data)


@contextmanager
def proxy(port: int) -> Iterator[Proxy]:
    """A proxy before 127.0.0.1:`port` during the block."""
    made = Proxy(("127.0.0.1", port))
    try:
        yield made
    finally:
        made.close()
