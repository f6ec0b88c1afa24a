"""One health check of HAProxy: an HTTP request over a standing connection to its health listener (a unix socket).

HAProxy closes the standing connection when it ends: a refused connection after that means that nobody listens any more. When
it reloads, the old worker closes the connection as well, and the new one answers the next.
"""

import asyncio
import logging
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Final

from hacluster import names

log = logging.getLogger(__name__)

DEADLINE: Final = 0.2
"""Seconds for an answer, where the caller names no other deadline."""
_REQUEST: Final = f"GET {names.HEALTH_PATH} HTTP/1.1\r\nHost: haproxy\r\nUser-Agent: hacluster-agent\r\n\r\n".encode()
_MAX_ANSWER: Final = 8192


class Result(Enum):
    """One check."""

    ANSWERED = "answered"
    REFUSED = "nobody listens"
    SILENT = "no answer in time"
    WRONG = "an answer other than 200"
    CLOSED = "closed before an answer"


def parse_answer(data: bytes) -> tuple[int, bool] | None:
    """Status and whether the server keeps the connection; None while the answer is not whole. The body has to be empty.

    Raises ValueError for anything that is not such an answer.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        if len(data) > _MAX_ANSWER:
            raise ValueError("too long an answer")
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise ValueError("not HTTP")
    fields = {name.strip().lower(): value.strip().lower() for name, _, value in (line.partition(":") for line in lines)}
    length = int(fields.get("content-length", "0"))
    if len(body) < length:
        return None
    keeps = version == "HTTP/1.1" and fields.get("connection") != "close" and "content-length" in fields
    return int(rest[:3]), keeps


class _Connection(asyncio.Protocol):
    """One connection; `changed` is called on data and at the end."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.data = b""
        self.closed = False
        self._changed = changed
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        self._changed()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._changed()


class Probe:
    """Checks one unix socket; `lost` is set while the standing connection is gone."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._connection: _Connection | None = None
        self._event = asyncio.Event()

    async def check(self, deadline: float = DEADLINE) -> Result:
        """One request; an idle connection that the server had closed is opened anew."""
        if self._connection is not None:
            result = await self._ask(self._connection, deadline)
            if result is not Result.CLOSED:
                return result
        self.close()
        try:
            async with asyncio.timeout(deadline):
                _, self._connection = await asyncio.get_running_loop().create_unix_connection(
                    lambda: _Connection(self._event.set), str(self._socket)
                )
        except TimeoutError:
            return Result.SILENT
        except (BlockingIOError, PermissionError) as error:  # a full backlog: nobody accepts
            log.debug("health socket: %s", error)
            return Result.SILENT
        except OSError:
            return Result.REFUSED
        return await self._ask(self._connection, deadline)

    async def idle(self, seconds: float) -> None:
        """Waits, or returns at once when the server closes the standing connection."""
        connection = self._connection
        if connection is None:
            await asyncio.sleep(seconds)
            return
        if not connection.closed:
            self._event.clear()
            await self._wait(seconds)

    def close(self) -> None:
        """Drops the standing connection."""
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.abort()
        self._connection = None

    async def _ask(self, connection: _Connection, deadline: float) -> Result:
        assert connection.transport is not None
        connection.data = b""
        if connection.closed:
            return Result.CLOSED
        connection.transport.write(_REQUEST)
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline
        while True:
            self._event.clear()
            try:
                answer = parse_answer(connection.data)
            except ValueError:
                self.close()
                return Result.WRONG
            if answer is not None:
                if not answer[1]:
                    self.close()
                return Result.ANSWERED if answer[0] == 200 else Result.WRONG
            if connection.closed:
                return Result.CLOSED
            if not await self._wait(until - loop.time()):
                self.close()  # its answer would be taken for the next one's
                return Result.SILENT

    async def _wait(self, seconds: float) -> bool:
        """For news of the connection. News that came in while this process itself was kept waiting count."""
        waiting = asyncio.ensure_future(self._event.wait())
        done, _ = await asyncio.wait({waiting}, timeout=max(0.0, seconds))
        waiting.cancel()
        return bool(done) or self._event.is_set()
