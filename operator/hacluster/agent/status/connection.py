"""HTTP connections to the Kubernetes API server.

`kube.py` sends the node's reports over a `Connection`; `watch.py` uses `open_connection` and `Token`. The agent needs three kinds of
requests only, so the standard library's HTTP client is enough. That client blocks: each connection has a thread of its own, so one
that hangs delays neither another one nor the event loop.
"""

import asyncio
import contextlib
import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from hacluster.agent.paths import SERVICE_ACCOUNT
from hacluster.agent.status.publisher import ReportFailed

_TIMEOUT: Final = 3.0
"""Seconds for each step of a request: connecting, sending, waiting for the answer."""
_DEADLINE: Final = 8.0
"""Seconds for a whole request."""
_TOKEN_MAX_AGE: Final = 60.0
"""Seconds after which the token's file is read again."""
# By default, the answer to a PATCH is the whole resource. The agent does not need it: the metadata is shorter.
_ACCEPT: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
JSON_PATCH: Final = "application/json-patch+json"


@dataclass(frozen=True)
class Server:
    """Address of the API server, and the directory `account` with the service account's `token` and `ca.crt`.

    `tls` is False for a server that speaks plain HTTP (tests).
    """

    host: str
    port: int
    account: Path = SERVICE_ACCOUNT
    tls: bool = True


class Token:
    """The service account's token. The kubelet replaces the file before the token expires."""

    def __init__(self, file: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._file, self._monotonic = file, monotonic
        self._value = ""
        self._read_at: float | None = None

    def read(self) -> str:
        """The token, read from the file at most once a minute. Raises OSError."""
        now = self._monotonic()
        if self._read_at is None or now - self._read_at >= _TOKEN_MAX_AGE:
            self._value = self._file.read_text().strip()
            self._read_at = now
        return self._value

    def expire(self) -> None:
        """Makes the next call read the file: called when the API server has refused the token."""
        self._read_at = None


def open_connection(server: Server, timeout: float) -> http.client.HTTPConnection:
    """A connection that is made with the first request. `timeout`: seconds for each step of a request."""
    if not server.tls:
        return http.client.HTTPConnection(server.host, server.port, timeout=timeout)
    context = ssl.create_default_context(cafile=str(server.account / "ca.crt"))
    return http.client.HTTPSConnection(server.host, server.port, timeout=timeout, context=context)


class Connection:
    """One persistent HTTP connection, with a thread of its own."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._token = Token(server.account / "token")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="api")
        self._http: http.client.HTTPConnection | None = None

    async def patch(self, path: str, query: Mapping[str, str], content_type: str, body: Any) -> int:
        """Sends a PATCH request with `body` as JSON; returns the HTTP status. Raises ReportFailed without an answer."""
        target = f"{path}?{urlencode(query)}" if query else path
        data = json.dumps(body, separators=(",", ":")).encode()
        code, _ = await self._request("PATCH", target, {"Content-Type": content_type, "Accept": _ACCEPT}, data)
        return code

    async def get(self, path: str) -> tuple[int, bytes]:
        """Sends a GET request; returns the HTTP status and the body, which should be JSON. Raises ReportFailed without an answer."""
        return await self._request("GET", path, {"Accept": "application/json"}, None)

    def close(self) -> None:
        """Closes the connection and ends its thread."""
        self._disconnect()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _request(self, method: str, target: str, headers: Mapping[str, str], data: bytes | None) -> tuple[int, bytes]:
        request = asyncio.get_running_loop().run_in_executor(self._thread, self._send_twice, method, target, headers, data)
        try:
            async with asyncio.timeout(_DEADLINE):
                return await request
        except TimeoutError:
            self._disconnect()
            raise ReportFailed("the API server did not answer in time") from None
        except (OSError, http.client.HTTPException) as error:
            raise ReportFailed(f"the API server cannot be reached: {error or type(error).__name__}") from None

    def _send_twice(self, method: str, target: str, headers: Mapping[str, str], data: bytes | None) -> tuple[int, bytes]:
        """Runs in the thread. The server may have closed an idle connection: then the request is sent again on a new one."""
        reused = self._http is not None
        try:
            return self._send(method, target, headers, data)
        except (OSError, http.client.HTTPException) as error:
            if not reused or isinstance(error, TimeoutError):
                raise
            return self._send(method, target, headers, data)

    def _send(self, method: str, target: str, headers: Mapping[str, str], data: bytes | None) -> tuple[int, bytes]:
        try:
            if self._http is None:
                self._http = open_connection(self._server, _TIMEOUT)
            own = {"Authorization": f"Bearer {self._token.read()}", "User-Agent": "hacluster-agent"}
            self._http.request(method, target, body=data, headers={**headers, **own})
            answer = self._http.getresponse()
            body = answer.read()
        except BaseException:
            self._disconnect()
            raise
        if answer.status == http.client.UNAUTHORIZED:
            self._token.expire()
        if answer.will_close:
            self._disconnect()
        return answer.status, body

    def _disconnect(self) -> None:
        current, self._http = self._http, None
        if current is not None:
            with contextlib.suppress(OSError):
                current.close()
