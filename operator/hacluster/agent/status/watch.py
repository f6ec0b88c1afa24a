"""Watches of the API server. `kube.py` uses one to see what is stored, and what the operator asks; `services.py` follows Services."""

import asyncio
import contextlib
import http.client
import json
import random
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from hacluster.agent.status.connection import Server, Token, open_connection
from hacluster.agent.status.publisher import ReportFailed

_LASTS: Final = (240, 300)
"""Seconds after which the API server ends a watch, at least and at most: agents that started together do not ask again together."""
_TIMEOUT: Final = 8.0
"""Seconds for each step until a watch has begun."""
_MARGIN: Final = 10.0
"""Seconds for which an event is waited for beyond the end of the watch: longer means that the connection is dead."""
_KEEP_ALIVE: Final = {socket.TCP_KEEPIDLE: 5, socket.TCP_KEEPINTVL: 2, socket.TCP_KEEPCNT: 3}
"""A connection whose other end is gone without a word is noticed after 5 + 3 * 2 s (tcp(7)): at rest nothing is sent over it."""
T = TypeVar("T")


class EventStream:
    """One watch at a time, with a thread of its own."""

    def __init__(self, server: Server, lasts: tuple[int, int] = _LASTS) -> None:
        """`lasts`: seconds after which the API server ends a watch, at least and at most."""
        self._server, self._lasts = server, lasts
        self._token = Token(server.account / "token")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="watch")
        self._socket: socket.socket | None = None
        self._wanted: object = None
        """Stands for the watch that is wanted now."""

    async def events(self, objects: str, query: Mapping[str, str]) -> AsyncIterator[Mapping[str, Any]]:
        """The events of a list, until the API server ends the watch. `objects`: its URL path. Raises ReportFailed."""
        self._wanted = wanted = object()
        try:
            response = await self._in_thread(lambda: self._start(objects, query, wanted))
            if response.status != http.client.OK:
                raise ReportFailed(f"the API server answered {response.status} to the watch")
            while line := await self._in_thread(lambda: _read_line(response)):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ReportFailed(f"the API server ended the watch: {event['object'].get('message', '')}")
                yield event
        except ValueError as error:
            raise ReportFailed(f"the watch was interrupted: {error}") from None
        finally:
            self._disconnect()

    def close(self) -> None:
        """Ends the watch and its thread."""
        self._disconnect()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (OSError, http.client.HTTPException) as error:
            raise ReportFailed(f"the API server cannot be watched: {error or type(error).__name__}") from None

    def _start(self, objects: str, query: Mapping[str, str], wanted: object) -> http.client.HTTPResponse:
        """Sends the request. Runs in the thread, also when nobody waits for it any more."""
        connection = open_connection(self._server, _TIMEOUT)
        try:
            return self._send(connection, objects, query, wanted)
        except BaseException:
            connection.close()
            raise

    def _send(
        self, connection: http.client.HTTPConnection, objects: str, query: Mapping[str, str], wanted: object
    ) -> http.client.HTTPResponse:
        connection.connect()
        if self._wanted is not wanted:
            raise ConnectionAbortedError("the watch is not wanted any more")
        self._socket = used = connection.sock
        used.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEP_ALIVE.items():
            used.setsockopt(socket.IPPROTO_TCP, option, value)
        asked = {"watch": "1", "timeoutSeconds": f"{random.randint(*self._lasts)}", **query}  # noqa: S311
        headers = {"Authorization": f"Bearer {self._token.read()}", "Accept": "application/json", "User-Agent": "hacluster-agent"}
        connection.request("GET", f"{objects}?{urlencode(asked)}", headers=headers)
        response = connection.getresponse()
        with contextlib.suppress(OSError):  # an answer that ended the connection
            used.settimeout(self._lasts[1] + _MARGIN)
        if response.status == http.client.UNAUTHORIZED:
            self._token.expire()
        return response

    def _disconnect(self) -> None:
        """Shuts the socket down: that ends a read in the thread, which closing the response would wait for."""
        current, self._socket, self._wanted = self._socket, None, None
        if current is not None:
            with contextlib.suppress(OSError):
                current.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                current.close()


def _read_line(response: http.client.HTTPResponse) -> bytes:
    """The next line; empty at the end. Then, and after an error, the response is closed: it holds the connection, too."""
    line = b""
    try:
        line = response.readline()
    finally:
        if not line:
            response.close()
    return line


class Watch:
    """Watches one object."""

    def __init__(self, server: Server, objects: str, name: str) -> None:
        """`objects`: URL path of the list that the object is in."""
        self._stream, self._objects, self._name = EventStream(server), objects, name

    async def objects(self) -> AsyncIterator[Mapping[str, Any]]:
        """The object as it is now, then after each change, until the watch ends. Raises ReportFailed."""
        async for event in self._stream.events(self._objects, {"fieldSelector": f"metadata.name={self._name}"}):
            if event["type"] != "DELETED":
                yield event["object"]

    def close(self) -> None:
        """Ends the watch and its thread."""
        self._stream.close()
