"""The node's HAClusterNode on the Kubernetes API server: writes its status, and watches it. Other nodes' are read.

`KubernetesReporter` is the `Reporter` of an agent in a pod.
"""

import http.client
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from hacluster import names
from hacluster.agent.status.connection import JSON_PATCH, Connection, Server
from hacluster.agent.status.publisher import ReportFailed, ResourceGone, Stored
from hacluster.agent.status.watch import Watch
from hacluster.api.status import NodeStatus

__all__ = ["KubernetesReporter", "Server"]


class KubernetesReporter:
    """Reports to the API server: the status of the node's HAClusterNode of one resource."""

    def __init__(self, server: Server, cluster: str, namespace: str, node: str) -> None:
        self._cluster, self._name = cluster, names.node_object(cluster, node)
        self._objects = f"/apis/{names.API_VERSION}/namespaces/{quote(namespace)}/{names.NODE_PLURAL}"
        self._status_path = f"{self._objects}/{quote(self._name)}/status"
        self._connection = Connection(server)
        self._watch = Watch(server, self._objects, self._name)

    async def apply(self, entry: NodeStatus) -> None:
        """Replaces the whole status by the entry, so that nothing remains that another client has put there.

        Raises ReportFailed; ResourceGone when there is no such object.
        """
        status = entry.model_dump(mode="json", by_alias=True, exclude_none=True)
        patch = [{"op": "add", "path": "/status", "value": status}]
        code = await self._connection.patch(self._status_path, {"fieldManager": names.AGENT_MANAGER}, JSON_PATCH, patch)
        if code == http.client.NOT_FOUND:
            raise ResourceGone(f"there is no {names.NODE_KIND} {self._name}")
        if code >= 300:
            raise ReportFailed(f"the API server answered {code} to the status")

    async def read(self, node: str) -> NodeStatus | None:
        """The entry of another node of the resource; None: there is none, or it cannot be read now."""
        try:
            code, body = await self._connection.get(f"{self._objects}/{quote(names.node_object(self._cluster, node))}")
            return _stored(json.loads(body)).entry if code == http.client.OK else None
        except (ReportFailed, ValueError, KeyError):
            return None

    async def watch(self) -> AsyncIterator[Stored]:
        """The stored object, first as it is and then after each change. Ends after some minutes. Raises ReportFailed."""
        async for raw in self._watch.objects():
            yield _stored(raw)

    async def close(self) -> None:
        """Closes the connections."""
        self._connection.close()
        self._watch.close()


def _stored(raw: Mapping[str, Any]) -> Stored:
    request = str((raw["metadata"].get("annotations") or {}).get(names.ANNOTATION_LIVENESS_REQUEST, ""))
    try:
        return Stored(NodeStatus.model_validate(raw["status"]), request)
    except (KeyError, ValidationError):
        return Stored(None, request)
