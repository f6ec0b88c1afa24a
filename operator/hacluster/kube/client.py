"""A thin client over `kubernetes.aio`: plain mappings in and out, server-side apply, one error type.

`connect` finds the API server and the credentials, `Client` sends the requests. The library's generated API classes are not used:
they need a module for each kind, and the operator treats all kinds alike. `Client.watch` is for `hacluster watch`; the operator
watches with kopf.
"""

import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio import config as kubeconfig
from kubernetes.aio.client import ApiClient, Configuration

from hacluster import names
from hacluster.kube.connections import RestClient
from hacluster.kube.kinds import MANAGED_SELECTOR, Kind, Object
from hacluster.kube.sockets import Sockets

NoCluster = kubeconfig.ConfigException
"""Raised by `connect`: there is neither a service account nor a kubeconfig."""

TIMEOUT = 30.0
"""Seconds for one request."""
WATCH = 270
"""Seconds after which the API server ends a watch."""
PAGE = 500
"""Objects in one page of a listing."""
_APPLY = "application/apply-patch+yaml"
_PATCH = "application/json-patch+json"
_MERGE = "application/merge-patch+json"
_NETWORK = (aiohttp.ClientError, TimeoutError, ssl.SSLError, OSError)
_POD_NAMESPACE = Path(names.SERVICE_ACCOUNT_DIR, "namespace")


class ApiError(Exception):
    """The API server refused a request (`status` is the HTTP code), or could not be reached (`status` 0)."""

    def __init__(self, what: str, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{what}: {message}" if message else f"{what}: {status} {reason}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        """Seconds that the server asks to wait (`Retry-After`); None: not stated."""

    @property
    def permanent(self) -> bool:
        """Whether repeating the same request is unlikely to help: forbidden, invalid, refused by an admission webhook."""
        return self.status in (400, 403, 405, 413, 415, 422)


async def connect() -> Configuration:
    """Address and credentials of the API server: from the pod's service account, else from the kubeconfig (`$KUBECONFIG`).

    Raises:
        kubernetes.aio.config.ConfigException: there is neither of them.

    """
    configuration = Configuration()
    try:
        kubeconfig.load_incluster_config(client_configuration=configuration)
    except kubeconfig.ConfigException:
        await kubeconfig.load_kube_config(client_configuration=configuration)
    return configuration


def is_in_cluster() -> bool:
    """Whether this process runs in a pod with a service account."""
    return _POD_NAMESPACE.exists()


def current_namespace() -> str:
    """The default namespace: the pod's own, else that of the current kubeconfig context, else `default`."""
    if is_in_cluster():
        return _POD_NAMESPACE.read_text().strip()
    try:
        _, context = kubeconfig.list_kube_config_contexts()
    except kubeconfig.ConfigException:
        return "default"
    return str((context.get("context") or {}).get("namespace") or "default")


class Client:
    """A connection pool to the API server. `manager` is the field manager of its writes.

    Every method that sends a request raises `ApiError`, unless its docstring says otherwise.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        manager: str,
        may_write: Callable[[], bool] | None = None,
        sockets: Sockets | None = None,
    ) -> None:
        """`may_write` is asked immediately before each write is sent; False: `ApiError`. `sockets` makes the connections' sockets."""
        self._api = ApiClient(configuration)
        self._api.rest_client = RestClient(configuration, sockets or Sockets())
        self._api.user_agent = manager
        self._manager, self._may_write = manager, may_write

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()

    async def list(
        self, kind: Kind, *, namespace: str | None = None, labels: str = "", fields: str = ""
    ) -> AsyncIterator[Object]:
        """Every object of the kind; of a `managed` kind only those with the operator's label. `labels` and `fields`: more selectors."""
        selector = ",".join(part for part in (MANAGED_SELECTOR if kind.managed else "", labels) if part)
        query: dict[str, Any] = {"limit": PAGE}
        if selector:
            query["labelSelector"] = selector
        if fields:
            query["fieldSelector"] = fields
        while True:
            page = await self._call("GET", kind.path(namespace), query)
            for item in page.get("items", ()):
                yield item
            if not (token := page.get("metadata", {}).get("continue")):
                return
            query["continue"] = token

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """The object; None where there is none."""
        try:
            return await self._call("GET", kind.path(namespace, name), {})
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def watch(self, kind: Kind, *, namespace: str | None = None, name: str = "") -> AsyncIterator[tuple[str, Object]]:
        """Every existing object, then each change, as event type (ADDED, MODIFIED or DELETED) and object. Ends after `WATCH` seconds.

        Raises:
            ApiError: the watch was refused or interrupted.

        """
        query: dict[str, Any] = {"watch": "1", "timeoutSeconds": WATCH}
        if name:
            query["fieldSelector"] = f"metadata.name={name}"
        what, path = f"watch {kind.plural}", kind.path(namespace)
        try:
            response = await self._send("GET", path, query, timeout=WATCH + TIMEOUT)
            if response.status >= 400:
                raise _error(what, response.status, response.reason or "", await response.read(), None)
            try:
                while line := await response.response.content.readline():
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise _error(what, event["object"].get("code", 500), "", json.dumps(event["object"]).encode(), None)
                    yield event["type"], event["object"]
            finally:
                response.response.close()
        except _NETWORK as error:
            raise ApiError(what, 0, "Unreachable", f"the API server does not answer: {error!r}") from error

    async def server_time(self) -> datetime:
        """The time of the API server's clock, from the `Date` header: to the second.

        Raises:
            ApiError: it does not answer, or answers without a readable date.

        """
        try:
            response = await self._send("GET", "/version", {})
            await response.read()
            return parsedate_to_datetime(response.headers["Date"])
        except (*_NETWORK, KeyError, ValueError) as error:
            raise ApiError("GET /version", 0, "Unreachable", f"the API server does not tell the time: {error!r}") from error

    async def apply(self, kind: Kind, manifest: Object, *, subresource: str = "", manager: str = "") -> Object:
        """Server-side apply with `force`: takes over fields of other field managers. Returns the resulting object."""
        metadata = manifest["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"], subresource)
        return await self._call("PATCH", path, {"fieldManager": manager or self._manager, "force": "true"}, manifest, _APPLY)

    async def merge(self, kind: Kind, namespace: str | None, name: str, patch: Object) -> Object:
        """JSON merge patch (RFC 7386). Returns the resulting object."""
        return await self._call("PATCH", kind.path(namespace, name), {"fieldManager": self._manager}, patch, _MERGE)

    async def patch(self, kind: Kind, namespace: str | None, name: str, operations: Sequence[Object]) -> Object:
        """JSON patch (RFC 6902): all operations or none. Returns the resulting object."""
        return await self._call("PATCH", kind.path(namespace, name), {"fieldManager": self._manager}, operations, _PATCH)

    async def create(self, kind: Kind, manifest: Object) -> Object:
        """Creates the object. Returns it as stored."""
        return await self._call("POST", kind.path(manifest["metadata"].get("namespace")), {}, manifest)

    async def delete(self, kind: Kind, namespace: str | None, name: str, *, uid: str) -> None:
        """Deletes the object with this uid. One that is already deleted, or replaced by another of its name, is no error."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background", "preconditions": {"uid": uid}}
        try:
            await self._call("DELETE", kind.path(namespace, name), {}, options)
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    async def _call(
        self, method: str, path: str, query: Mapping[str, Any], body: Any = None, content_type: str = "application/json"
    ) -> Object:
        what = f"{method} {path}"
        try:
            response = await self._send(method, path, query, body, content_type)
            content = await response.read()
        except _NETWORK as error:
            raise ApiError(what, 0, "Unreachable", f"the API server does not answer: {error!r}") from error
        if response.status < 400:
            result: Object = json.loads(content)
            return result
        raise _error(what, response.status, response.reason or "", content, response.headers.get("Retry-After"))

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any],
        body: Any = None,
        content_type: str = "application/json",
        *,
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - passed on to the library
    ) -> Any:
        """Sends the request. Returns the response with its body not yet read."""
        headers = {"Accept": "application/json", "Content-Type": content_type}
        request = await self._api.param_serialize(
            method, path, query_params=list(query.items()), header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        if method != "GET" and self._may_write and not self._may_write():
            raise ApiError(f"{method} {path}", 0, "NotLeader", "another operator acts, or the Lease could not be renewed in time")
        return await self._api.call_api(*request, _request_timeout=timeout)


def _error(what: str, status: int, reason: str, content: bytes, retry_after: str | None) -> ApiError:
    try:
        answer = json.loads(content)
        reason, message = answer.get("reason") or reason, answer.get("message") or ""
    except (ValueError, AttributeError):
        message = content[:200].decode(errors="replace")
    wait = float(retry_after) if retry_after and retry_after.isdecimal() else None
    return ApiError(what, status, reason, message, wait)
