"""Secrets of the agent's namespace on the Kubernetes API server, each by its name: the agents' Role names them, and allows no list.

`KubernetesSecrets` is the source of an agent in a pod.
"""

import http.client
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final
from urllib.parse import quote

from hacluster.agent.secrets.source import Data, SecretForbidden, SourceFailed
from hacluster.agent.status.connection import Connection, Server
from hacluster.agent.status.publisher import ReportFailed
from hacluster.agent.status.watch import EventStream

_LASTS: Final = (45, 60)
"""Seconds of one watch: a connection over which nothing arrives any more, and which nobody has closed, is noticed after that time."""
_FORBIDDEN: Final = (
    "the agent may not read it. The operator grants that if it may itself (secrets.enabled of the chart), which takes a moment"
)


class KubernetesSecrets:
    """Follows Secrets on the API server: each is read, and then watched."""

    def __init__(self, server: Server, namespace: str) -> None:
        self._server, self._path = server, f"/api/v1/namespaces/{quote(namespace)}/secrets"
        self._connection: Connection | None = None

    async def follow(self, name: str) -> AsyncGenerator[Data | None]:
        """The Secret, and again after each change, until the watch ends. Raises SourceFailed."""
        stream = EventStream(self._server, _LASTS)
        try:
            query = {"fieldSelector": f"metadata.name={name}"}
            found = await self._read(name)
            yield None if found is None else _data(found)
            if found is not None:
                query["resourceVersion"] = str(found["metadata"]["resourceVersion"])
            async for event in stream.events(self._path, query):
                yield None if event["type"] == "DELETED" else _data(event["object"])
        except ReportFailed as error:
            raise SourceFailed(str(error)) from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # The error's own message may quote what was read.
            raise SourceFailed(f"the API server's answer is no Secret ({type(error).__name__})") from None
        finally:
            stream.close()

    def close(self) -> None:
        """Closes the connection. Each watch is closed by its own `follow`."""
        if self._connection is not None:
            self._connection.close()

    async def _read(self, name: str) -> Mapping[str, Any] | None:
        if self._connection is None:
            self._connection = Connection(self._server)
        code, body = await self._connection.get(f"{self._path}/{quote(name)}")
        if code == http.client.NOT_FOUND:
            return None
        if code == http.client.FORBIDDEN:
            raise SecretForbidden(_FORBIDDEN)
        if code != http.client.OK:
            raise SourceFailed(f"the API server answered {code}")
        found: Mapping[str, Any] = json.loads(body)
        return found


def _data(secret: Mapping[str, Any]) -> Data:
    found: Data = secret.get("data") or {}
    return found
