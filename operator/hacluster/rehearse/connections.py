"""The measuring client's connections: to plain listeners, to listeners with TLS, and to those that expect the PROXY protocol.

`Target` says which address and port is asked, and how. `client.py` calls `connect` with a socket of its own, so that it knows how far a
connection came that failed. The handshake is part of what is measured, and none is shortened by an earlier one (no session is resumed).
"""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Final, NamedTuple, Protocol

_MOST: Final = 65536
_PROXY: Final = b"PROXY UNKNOWN\r\n"
"""A header that claims no other address than the connection's own."""


class Target(NamedTuple):
    """What the clients ask, and how."""

    address: str
    port: int
    tls: bool = False
    proxy: bool = False
    """Whether the listener expects a header of the PROXY protocol."""

    def words(self, authority: Path) -> list[str]:
        """As arguments of the client after all others; `authority`: the certificate that it trusts, with TLS."""
        return [*(["proxy"] if self.proxy else []), *([f"tls={authority}"] if self.tls else [])]


class Opened(Protocol):
    """A connection on which requests can be sent. Both methods raise OSError."""

    async def send(self, text: bytes) -> None:
        """Sends all of it."""

    async def receive(self) -> bytes:
        """The next bytes; b"": the other side has closed the connection."""


class _Plain:
    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._loop = connection, asyncio.get_running_loop()

    async def send(self, text: bytes) -> None:
        await self._loop.sock_sendall(self._connection, text)

    async def receive(self) -> bytes:
        return await self._loop.sock_recv(self._connection, _MOST)


class _Encrypted:
    """TLS between the caller and a plain connection; asyncio's own hides the socket."""

    def __init__(self, plain: _Plain, context: ssl.SSLContext, name: str) -> None:
        self._plain, self._in, self._out = plain, ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=name)

    async def shake_hands(self) -> None:
        """Raises OSError, also where the server's certificate is not trusted."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            else:
                return await self._flush()

    async def send(self, text: bytes) -> None:
        self._tls.write(text)
        await self._flush()

    async def receive(self) -> bytes:
        while True:
            try:
                return self._tls.read(_MOST)
            except ssl.SSLWantReadError:
                await self._fill()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    async def _flush(self) -> None:
        if pending := self._out.read():
            await self._plain.send(pending)

    async def _fill(self) -> None:
        if received := await self._plain.receive():
            self._in.write(received)
        else:
            self._in.write_eof()


async def connect(connection: socket.socket, target: Target, context: ssl.SSLContext | None) -> Opened:
    """Connects the socket, which does not block, and shakes hands. `context`: with TLS. Raises OSError."""
    await asyncio.get_running_loop().sock_connect(connection, target[:2])
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    plain = _Plain(connection)
    if target.proxy:
        await plain.send(_PROXY)
    if context is None:
        return plain
    encrypted = _Encrypted(plain, context, target.address)
    await encrypted.shake_hands()
    return encrypted


def trusting(authority: Path) -> ssl.SSLContext:
    """TLS as clients speak it that trust this authority alone. Raises OSError."""
    return ssl.create_default_context(cafile=str(authority))
