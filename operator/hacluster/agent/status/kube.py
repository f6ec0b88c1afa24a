"""Sends the node's entry and its Lease to the Kubernetes API server.

`KubernetesReporter` is the `Reporter` of an agent in a pod. It makes two kinds of PATCH requests, so the standard library's HTTP
client is enough. That client blocks: each connection has a thread of its own. A status update that hangs therefore delays
neither the renewal of the Lease nor the event loop.
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
from urllib.parse import quote, urlencode

from hacluster import names
from hacluster.agent.paths import SERVICE_ACCOUNT
from hacluster.agent.status.publisher import ReportFailed, ResourceGone
from hacluster.agent.system.clock import Clock
from hacluster.api.status import NodeStatus
from hacluster.timestamps import format_timestamp
from hacluster.timing import LEASE_SECONDS

_TIMEOUT: Final = 3.0
"""Seconds for each step of a request: connecting, sending, waiting for the answer."""
_DEADLINE: Final = 8.0
"""Seconds for a whole request."""
_TOKEN_MAX_AGE: Final = 60.0
"""Seconds after which the token's file is read again."""
# By default, the answer to a PATCH is the whole resource. The agent does not need it: the metadata is shorter.
_ACCEPT: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"


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
        request = asyncio.get_running_loop().run_in_executor(self._thread, self._patch, target, content_type, data)
        try:
            async with asyncio.timeout(_DEADLINE):
                return await request
        except TimeoutError:
            self._disconnect()
            raise ReportFailed("the API server did not answer in time") from None
        except (OSError, http.client.HTTPException) as error:
            raise ReportFailed(f"the API server cannot be reached: {error or type(error).__name__}") from None

    def close(self) -> None:
        """Closes the connection and ends its thread."""
        self._disconnect()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _patch(self, target: str, content_type: str, data: bytes) -> int:
        """Runs in the thread. The server may have closed an idle connection: then the request is sent again on a new one."""
        reused = self._http is not None
        try:
            return self._send(target, content_type, data)
        except (OSError, http.client.HTTPException) as error:
            if not reused or isinstance(error, TimeoutError):
                raise
            return self._send(target, content_type, data)

    def _send(self, target: str, content_type: str, data: bytes) -> int:
        try:
            if self._http is None:
                self._http = self._open()
            headers = {"Authorization": f"Bearer {self._token.read()}", "Content-Type": content_type, "Accept": _ACCEPT}
            self._http.request("PATCH", target, body=data, headers=headers | {"User-Agent": "hacluster-agent"})
            answer = self._http.getresponse()
            answer.read()
        except BaseException:
            self._disconnect()
            raise
        if answer.status == http.client.UNAUTHORIZED:
            self._token.expire()
        if answer.will_close:
            self._disconnect()
        return answer.status

    def _open(self) -> http.client.HTTPConnection:
        server = self._server
        if not server.tls:
            return http.client.HTTPConnection(server.host, server.port, timeout=_TIMEOUT)
        context = ssl.create_default_context(cafile=str(server.account / "ca.crt"))
        return http.client.HTTPSConnection(server.host, server.port, timeout=_TIMEOUT, context=context)

    def _disconnect(self) -> None:
        current, self._http = self._http, None
        if current is not None:
            with contextlib.suppress(OSError):
                current.close()


class KubernetesReporter:
    """Reports to the API server: the node's entry in the resource's status, and the node's Lease."""

    def __init__(self, server: Server, cluster: str, namespace: str, node: str, clock: Clock) -> None:
        self._cluster, self._node, self._clock = cluster, node, clock
        self._status_path = f"/apis/{names.API_VERSION}/namespaces/{quote(namespace)}/{names.PLURAL}/{quote(cluster)}/status"
        self._lease_path = (
            f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace)}/leases/{quote(names.lease(cluster, node))}"
        )
        self._status, self._lease = Connection(server), Connection(server)

    async def apply(self, entry: NodeStatus) -> None:
        """Applies the entry (server-side apply) with this node's own field manager, so that other nodes' entries stay.

        Raises ReportFailed; ResourceGone when there is no such resource.
        """
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {"name": self._cluster},
            "status": {"nodes": [entry.model_dump(mode="json", by_alias=True, exclude_none=True)]},
        }
        query = {"fieldManager": names.agent_manager(self._node), "force": "true"}
        code = await self._status.patch(self._status_path, query, APPLY, body)
        if code == http.client.NOT_FOUND:
            raise ResourceGone(f"there is no {names.KIND} {self._cluster}")
        if code >= 300:
            raise ReportFailed(f"the API server answered {code} to the status")

    async def renew_lease(self) -> None:
        """Renews the Lease. A missing Lease is no error: the operator creates it. Raises ReportFailed."""
        spec = {"holderIdentity": self._node, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": format_timestamp(self._clock())}
        code = await self._lease.patch(self._lease_path, {}, MERGE, {"spec": spec})
        if code >= 300 and code != http.client.NOT_FOUND:
            raise ReportFailed(f"the API server answered {code} to the Lease")

    async def close(self) -> None:
        """Closes both connections."""
        self._status.close()
        self._lease.close()
