"""One health check of HAProxy: an HTTP request over a standing connection to its health listener (a unix socket).

`monitor.py` calls `Probe.check` again and again, and waits in `Probe.idle` between two checks.

The connection stays open because HAProxy closes it when it ends: `idle` returns at that moment, and the next check is refused
if nothing listens any more. When HAProxy reloads, the old worker process closes the connection too, but the new one accepts
the next. The HTTP client is written here because the agent has to stay small (see `agent/__init__.py`).
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
"""Seconds for an answer, where the caller gives no other deadline."""
_REQUEST: Final = f"GET {names.HEALTH_PATH} HTTP/1.1\r\nHost: haproxy\r\nUser-Agent: hacluster-agent\r\n\r\n".encode()
_MAX_ANSWER: Final = 8192
"""Bytes: a longer header is not an answer of the health listener."""


class Result(Enum):
    """The result of one check. The values are written to the log."""

    ANSWERED = "answered"
    REFUSED = "nothing listens on the socket"
    SILENT = "no answer in time"
    WRONG = "an answer other than 200"
    CLOSED = "closed before an answer"


def parse_answer(data: bytes) -> tuple[int, bool] | None:
    """Reads an HTTP/1.x answer; returns the status code and whether the server keeps the connection open.

    Returns None while header or body (of `Content-Length` bytes) are not complete. Raises ValueError for anything else.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        if len(data) > _MAX_ANSWER:
            raise ValueError("too long an answer")
        return None
    status_line, *field_lines = head.decode("latin-1").split("\r\n")
    version, _, rest = status_line.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise ValueError("not HTTP")
    fields = {name.strip().lower(): value.strip().lower() for name, _, value in (line.partition(":") for line in field_lines)}
    length = int(fields.get("content-length", "0"))
    if len(body) < length:
        return None
    # Without Content-Length the end of the body is the end of the connection (RFC 9112, 6.3).
    keep_alive = version == "HTTP/1.1" and fields.get("connection") != "close" and "content-length" in fields
    return int(rest[:3]), keep_alive


class _Connection(asyncio.Protocol):
    """One connection: collects what HAProxy sends. `on_change` is called when data arrive and when the connection ends."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.data = b""
        self.closed = False
        self._on_change = on_change
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        self._on_change()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._on_change()


class Probe:
    """Checks HAProxy through one unix socket. Use it from one task only; `close` it at the end."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._connection: _Connection | None = None
        self._changed = asyncio.Event()

    async def check(self, deadline: float = DEADLINE) -> Result:
        """Sends one request and waits for the answer. `deadline`: seconds, for connecting and for the answer separately.

        If HAProxy has closed the standing connection, a new one is opened and the request is sent once more.
        """
        if self._connection is not None:
            result = await self._request(self._connection, deadline)
            if result is not Result.CLOSED:
                return result
        self.close()
        try:
            async with asyncio.timeout(deadline):
                _, self._connection = await asyncio.get_running_loop().create_unix_connection(
                    lambda: _Connection(self._changed.set), str(self._socket)
                )
        except TimeoutError:
            return Result.SILENT
        except (BlockingIOError, PermissionError) as error:
            # connect(2): EAGAIN is a full backlog, EACCES or EPERM a lack of rights. Neither means that HAProxy has ended.
            log.debug("health socket: %s", error)
            return Result.SILENT
        except OSError:
            return Result.REFUSED
        return await self._request(self._connection, deadline)

    async def idle(self, seconds: float) -> None:
        """Waits for so many seconds, but returns at once when HAProxy closes the standing connection."""
        connection = self._connection
        if connection is None:
            await asyncio.sleep(seconds)
            return
        if not connection.closed:
            self._changed.clear()
            await self._wait_for_change(seconds)

    def close(self) -> None:
        """Closes the standing connection. The next check opens another."""
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.abort()
        self._connection = None

    async def _request(self, connection: _Connection, deadline: float) -> Result:
        assert connection.transport is not None
        connection.data = b""
        if connection.closed:
            return Result.CLOSED
        connection.transport.write(_REQUEST)
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline
        while True:
            self._changed.clear()
            try:
                answer = parse_answer(connection.data)
            except ValueError:
                self.close()
                return Result.WRONG
            if answer is not None:
                status, keep_alive = answer
                if not keep_alive:
                    self.close()
                return Result.ANSWERED if status == 200 else Result.WRONG
            if connection.closed:
                return Result.CLOSED
            if not await self._wait_for_change(until - loop.time()):
                self.close()  # a late answer would be taken for the answer to the next request
                return Result.SILENT

    async def _wait_for_change(self, seconds: float) -> bool:
        """Waits until data arrive or the connection ends; returns whether one of them has happened.

        If this process could not run until the deadline was over, a change of that time counts: asyncio may report the timeout
        first, although the answer had arrived.
        """
        waiting = asyncio.ensure_future(self._changed.wait())
        done, _ = await asyncio.wait({waiting}, timeout=max(0.0, seconds))
        waiting.cancel()
        return bool(done) or self._changed.is_set()
