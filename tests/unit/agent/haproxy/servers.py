"""Servers on a unix socket that stand in for HAProxy's health listener."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(path: Path, handler: Handler) -> AsyncIterator[list[int]]:
    """Runs a server while the block lasts; yields a list that gets one element for each connection."""
    connections: list[int] = []
    writers: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_unix_server(handle, str(path))
    try:
        yield connections
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        os.unlink(path)  # noqa: PTH108


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers every request with 200."""
    while True:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads requests and never answers."""
    await reader.read(-1)


async def close_without_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes the connection after the first request."""
    await reader.readuntil(b"\r\n\r\n")
