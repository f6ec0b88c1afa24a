"""The server that stands in for one of the user's own servers, or for an endpoint of a Service.

Runs on the lab's host `servers`, once for each address and port: `python -m hacluster.rehearse.stand_in ADDRESS PORT`. It answers GET, HEAD
and OPTIONS with 200, and other health checks as `dialogues.py` says, so that HAProxy's checks pass; its page names the address, so that
a client can tell servers apart. With or without TLS, and after a header of the PROXY protocol or none, as it is spoken to.

One thread for all connections: with one for each, hundreds of requests in a second on a busy machine take longer and longer, and the
measured outage is that of this program.
"""

import argparse
import asyncio
import contextlib
import functools
import socket
import ssl
from pathlib import Path
from typing import Final

from hacluster.rehearse.dialogues import Dialogue, answer, begins_tls, proxy_header

_MOST: Final = 65536
"""Bytes that are read at once."""
_BACKLOG: Final = 1024
"""asyncio's default, 100, makes the kernel drop connection requests when a busy machine lets this program wait."""
_OPENING_AFTER: Final = 0.1
"""Seconds without a byte until a server that speaks first does so: whoever speaks HTTP sends something at once."""


async def serve(address: str, port: int, certificate: Path | None, dialogue: Dialogue) -> None:
    """Answers until cancelled."""
    server = _Server(f"<h1>stand-in for {address}:{port}</h1>".encode(), certificate, dialogue)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    running = set[asyncio.Task[None]]()
    with socket.create_server((address, port), family=family, backlog=_BACKLOG) as listening:
        listening.setblocking(False)
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(listening)
            task = asyncio.create_task(server.handle(connection))
            running.add(task)
            task.add_done_callback(running.discard)


class _Server:
    """Talks on accepted connections."""

    def __init__(self, page: bytes, certificate: Path | None, dialogue: Dialogue) -> None:
        self._page, self._certificate, self._dialogue = page, certificate, dialogue
        self._opening = dialogue.opening.encode("latin-1")

    @functools.cached_property
    def _context(self) -> ssl.SSLContext:
        if self._certificate is None:
            raise EOFError("TLS without a certificate")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate)
        return context

    async def handle(self, connection: socket.socket) -> None:
        """Talks on one connection until it ends."""
        with contextlib.suppress(OSError, EOFError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            first = await self._peek(connection)
            if length := proxy_header(first):
                connection.recv(length)
                first = await self._peek(connection)
            await self._talk(connection, tls=begins_tls(first), opened=not first)
        connection.close()

    async def _peek(self, connection: socket.socket) -> bytes:
        """The first bytes, which stay unread; b"": the client waits for the server's opening. Raises EOFError."""
        loop = asyncio.get_running_loop()
        arrived = asyncio.Event()
        loop.add_reader(connection, arrived.set)
        try:
            async with asyncio.timeout(_OPENING_AFTER if self._opening else None):
                await arrived.wait()
        except TimeoutError:
            return b""
        finally:
            loop.remove_reader(connection)
        if first := connection.recv(_MOST, socket.MSG_PEEK):
            return first
        raise EOFError

    async def _talk(self, connection: socket.socket, *, tls: bool, opened: bool) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, protocol = await loop.connect_accepted_socket(
            lambda: asyncio.StreamReaderProtocol(reader), connection, ssl=self._context if tls else None
        )
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        if opened:
            writer.write(self._opening)
        try:
            await self._converse(reader, writer, opened=opened)
        finally:
            writer.close()
            await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, opened: bool) -> None:
        """Answers until either side closes the connection. `opened`: the opening has been said."""
        received, stays = b"", True
        while stays:
            try:
                async with asyncio.timeout(_OPENING_AFTER if self._opening and not opened and not received else None):
                    chunk = await reader.read(_MOST)
            except TimeoutError:
                opened = True
                writer.write(self._opening)
                continue
            received += chunk
            stays = bool(chunk)
            while stays and (reply := answer(received, self._page, self._dialogue, opened=opened)).consumed:
                writer.write(reply.text)
                received, stays = received[reply.consumed :], reply.stays
            await writer.drain()


def main() -> None:
    """The program: answers until it is ended."""
    parser = argparse.ArgumentParser(description="Stands in for a server on ADDRESS and PORT.")
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument(
        "--certificate", type=Path, metavar="FILE", help="certificate and key in PEM, read when a client speaks TLS"
    )
    parser.add_argument("--dialogue", type=Dialogue.load, default=Dialogue(), metavar="JSON", help="what it says besides HTTP")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.address, arguments.port, arguments.certificate, arguments.dialogue))


if __name__ == "__main__":
    main()
