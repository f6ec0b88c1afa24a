"""The Kubernetes API server, for the two PATCH requests that an agent makes.

The standard library's client runs in threads of its own, one for a connection: a status update that hangs does not hold up
the sign of life, and neither holds up the agent.
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
"""Of each step of a request: connecting, sending, waiting for the answer."""
_DEADLINE: Final = 8.0
_TOKEN_AGE: Final = 60.0
# The answer to a PATCH is the whole resource, which the agent has no use for.
_ACCEPT: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"


@dataclass(frozen=True)
class Server:
    """Where the API server is, and how to be known there. `tls` False is for a server that speaks plain HTTP (tests)."""

    host: str
    port: int
    account: Path = SERVICE_ACCOUNT
    tls: bool = True


class Token:
    """The service account's token; the kubelet renews the file."""

    def __init__(self, file: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._file, self._monotonic = file, monotonic
        self._value = ""
        self._read_at: float | None = None

    def read(self) -> str:
        """The token, read from the file at most once a minute. Raises OSError."""
        now = self._monotonic()
        if self._read_at is None or now - self._read_at >= _TOKEN_AGE:
            self._value = self._file.read_text().strip()
            self._read_at = now
        return self._value

    def forget(self) -> None:
        """After a refusal: the file may hold a newer one."""
        self._read_at = None


class Connection:
    """One kept-alive connection with a thread of its own."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._token = Token(server.account / "token")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="api")
        self._http: http.client.HTTPConnection | None = None

    async def patch(self, path: str, query: Mapping[str, str], kind: str, body: Any) -> int:
        """The answer's status code. Raises ReportFailed when there was none."""
        target = f"{path}?{urlencode(query)}" if query else path
        data = json.dumps(body, separators=(",", ":")).encode()
        work = asyncio.get_running_loop().run_in_executor(self._thread, self._patch, target, kind, data)
        try:
            async with asyncio.timeout(_DEADLINE):
                return await work
        except TimeoutError:
            self._cut()
            raise ReportFailed("the API server did not answer in time") from None
        except (OSError, http.client.HTTPException) as error:
            raise ReportFailed(f"the API server cannot be reached: {error or type(error).__name__}") from None

    def close(self) -> None:
        """Ends the connection and lets its thread go."""
        self._cut()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _patch(self, target: str, kind: str, data: bytes) -> int:
        """In the thread. A kept connection may have been dropped while it was idle: then once more on a new one."""
        kept = self._http is not None
        try:
            return self._send(target, kind, data)
        except (OSError, http.client.HTTPException) as error:
            if not kept or isinstance(error, TimeoutError):
                raise
            return self._send(target, kind, data)

    def _send(self, target: str, kind: str, data: bytes) -> int:
        try:
            if self._http is None:
                self._http = self._open()
            headers = {"Authorization": f"Bearer {self._token.read()}", "Content-Type": kind, "Accept": _ACCEPT}
            self._http.request("PATCH", target, body=data, headers=headers | {"User-Agent": "hacluster-agent"})
            answer = self._http.getresponse()
            answer.read()
        except BaseException:
            self._cut()
            raise
        if answer.status == http.client.UNAUTHORIZED:
            self._token.forget()
        if answer.will_close:
            self._cut()
        return answer.status

    def _open(self) -> http.client.HTTPConnection:
        server = self._server
        if not server.tls:
            return http.client.HTTPConnection(server.host, server.port, timeout=_TIMEOUT)
        context = ssl.create_default_context(cafile=str(server.account / "ca.crt"))
        return http.client.HTTPSConnection(server.host, server.port, timeout=_TIMEOUT, context=context)

    def _cut(self) -> None:
        current, self._http = self._http, None
        if current is not None:
            with contextlib.suppress(OSError):
                current.close()


class KubernetesReporter:
    """The node's entry in the resource's status, and its Lease."""

    def __init__(self, server: Server, cluster: str, namespace: str, node: str, clock: Clock) -> None:
        self._cluster, self._node, self._clock = cluster, node, clock
        self._status_path = f"/apis/{names.API_VERSION}/namespaces/{quote(namespace)}/{names.PLURAL}/{quote(cluster)}/status"
        self._lease_path = (
            f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace)}/leases/{quote(names.lease(cluster, node))}"
        )
        self._status, self._lease = Connection(server), Connection(server)

    async def apply(self, entry: NodeStatus) -> None:
        """Server-side apply with this node's own field manager."""
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
        """Renews the Lease; that there is none yet is the operator's business."""
        spec = {"holderIdentity": self._node, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": format_timestamp(self._clock())}
        code = await self._lease.patch(self._lease_path, {}, MERGE, {"spec": spec})
        if code >= 300 and code != http.client.NOT_FOUND:
            raise ReportFailed(f"the API server answered {code} to the Lease")

    async def close(self) -> None:
        """Closes both connections."""
        self._status.close()
        self._lease.close()
