"""The HTTP server that stands in for one of the user's own servers.

Runs on the lab's host `servers`, once for each address and port: `python -m hacluster.rehearse.stand_in ADDRESS PORT`. It answers
GET, HEAD and OPTIONS with 200, so that HAProxy's checks pass, and its page names the address, so that a client can tell servers apart.

One thread for all connections: with one for each, hundreds of requests in a second on a busy machine take longer and longer, and the
measured outage is that of this program.
"""

import asyncio
import contextlib
import sys
from typing import Final

_MOST: Final = 65536
"""Bytes of a request's head."""
_BACKLOG: Final = 1024
"""asyncio's default, 100, makes the kernel drop connection requests when a busy machine lets this program wait."""


def answer(head: str, page: bytes) -> tuple[bytes, bool]:
    """The answer to a request's head, and whether the connection stays open for another one."""
    request, *lines = head.split("\r\n")
    method, _, version = request.split(" ", 2) if request.count(" ") >= 2 else (request, "", "HTTP/1.0")
    connection = next((line.split(":", 1)[1].strip().lower() for line in lines if line.lower().startswith("connection:")), "")
    stays = connection != "close" if version == "HTTP/1.1" else connection == "keep-alive"
    reply = f"{version} 200 OK\r\nContent-Length: {len(page)}\r\nConnection: {'keep-alive' if stays else 'close'}\r\n\r\n"
    return reply.encode() + (page if method == "GET" else b""), stays


async def serve(address: str, port: int) -> None:
    """Answers until cancelled."""
    page = f"<h1>stand-in for {address}:{port}</h1>".encode()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stays = True
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while stays:
                head = await reader.readuntil(b"\r\n\r\n")
                reply, stays = answer(head.decode("latin-1"), page)
                writer.write(reply)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, address, port, limit=_MOST, backlog=_BACKLOG)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
