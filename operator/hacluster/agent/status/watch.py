"""A watch on one object of the API server. `kube.py` uses it to see what is stored, and what the operator asks."""

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
_TIMEOUT: Final = 310.0
"""Seconds to wait for the next event: longer than a watch lasts."""
_KEEP_ALIVE: Final = {socket.TCP_KEEPIDLE: 5, socket.TCP_KEEPINTVL: 2, socket.TCP_KEEPCNT: 3}
"""A connection whose other end is gone without a word is noticed after 5 + 3 * 2 s (tcp(7)): at rest nothing is sent over it."""
T = TypeVar("T")


class Watch:
    """Watches one object, with a thread of its own."""

    def __init__(self, server: Server, objects: str, name: str) -> None:
        """`objects`: URL path of the list that the object is in."""
        self._server, self._objects, self._name = server, objects, name
        self._token = Token(server.account / "token")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="watch")
        self._socket: socket.socket | None = None

    async def objects(self) -> AsyncIterator[Mapping[str, Any]]:
        """The object as it is now, then after each change, until the watch ends. Raises ReportFailed."""
        async for event in self.events():
            if event["type"] != "DELETED":
                yield event["object"]

    async def events(self) -> AsyncIterator[Mapping[str, Any]]:
        """The API server's events about the object, its removal too, until the watch ends. Raises ReportFailed."""
        try:
            response = await self._in_thread(self._start)
            if response.status != http.client.OK:
                raise ReportFailed(f"the API server answered {response.status} to the watch")
            while line := await self._in_thread(response.readline):
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
            raise ReportFailed(f"the object cannot be watched: {error or type(error).__name__}") from None

    def _start(self) -> http.client.HTTPResponse:
        """Sends the request. Runs in the thread."""
        connection = open_connection(self._server, _TIMEOUT)
        connection.connect()
        self._socket = connection.sock
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEP_ALIVE.items():
            self._socket.setsockopt(socket.IPPROTO_TCP, option, value)
        query = {"watch": "1", "fieldSelector": f"metadata.name={self._name}", "timeoutSeconds": random.randint(*_LASTS)}  # noqa: S311
        headers = {"Authorization": f"Bearer {self._token.read()}", "Accept": "application/json", "User-Agent": "hacluster-agent"}
        connection.request("GET", f"{self._objects}?{urlencode(query)}", headers=headers)
        response = connection.getresponse()
        if response.status == http.client.UNAUTHORIZED:
            self._token.expire()
        return response

    def _disconnect(self) -> None:
        """Shuts the socket down: that ends a read in the thread, which closing the response would wait for."""
        current, self._socket = self._socket, None
        if current is not None:
            with contextlib.suppress(OSError):
                current.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                current.close()
