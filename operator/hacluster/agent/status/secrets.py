"""Secrets of the agent's namespace on the Kubernetes API server, each read by its name.

`KubernetesSecrets` is the source of an agent in a pod. The agents' Role allows get and watch of the named Secrets only, so none
is listed.
"""

import http.client
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any
from urllib.parse import quote

from hacluster.agent.secrets.source import Data, SecretForbidden, SourceFailed
from hacluster.agent.status.connection import Connection, Server
from hacluster.agent.status.publisher import ReportFailed
from hacluster.agent.status.watch import Watch


class KubernetesSecrets:
    """Follows Secrets on the API server, with a watch for each."""

    def __init__(self, server: Server, namespace: str) -> None:
        self._server, self._objects = server, f"/api/v1/namespaces/{quote(namespace)}/secrets"
        self._connection: Connection | None = None

    async def follow(self, name: str) -> AsyncGenerator[Data | None]:
        """Reads the Secret, and watches it. Ends after some minutes. Raises SourceFailed.

        A watch says nothing about an object that does not exist, so it is read first.
        """
        watch = Watch(self._server, self._objects, name)
        try:
            yield await self._get(name)
            async for event in watch.events():
                yield None if event["type"] == "DELETED" else _data(event["object"])
        except (ReportFailed, KeyError, TypeError) as error:
            raise SourceFailed(f"{error}") from None
        finally:
            watch.close()

    def close(self) -> None:
        """Closes the connection. Each watch is closed by its own `follow`."""
        if self._connection is not None:
            self._connection.close()

    async def _get(self, name: str) -> Data | None:
        if self._connection is None:
            self._connection = Connection(self._server)
        code, body = await self._connection.get(f"{self._objects}/{quote(name)}")
        if code == http.client.NOT_FOUND:
            return None
        if code == http.client.FORBIDDEN:
            raise SecretForbidden(
                f"the agent may not read the Secret {name}; let the operator grant it (value secrets.enabled of the chart)"
            )
        if code != http.client.OK:
            raise SourceFailed(f"the API server answered {code}")
        try:
            return _data(json.loads(body))
        except (ValueError, KeyError, TypeError):
            raise SourceFailed("the API server's answer is no Secret") from None


def _data(secret: Mapping[str, Any]) -> Data:
    found: Data = secret.get("data") or {}
    return found
