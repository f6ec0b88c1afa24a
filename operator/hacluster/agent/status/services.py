"""Services and EndpointSlices on the Kubernetes API server, of the agent's own namespace and of others.

`KubernetesServices` is the source of an agent in a pod. It lists both kinds, and follows each by a watch from there. A watch that the API
server ends after some minutes is begun again where it was; after any error all is listed again.
"""

import asyncio
import http.client
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from hacluster.agent.services.objects import SERVICE_LABEL, Kind, ObjectCache
from hacluster.agent.services.source import SourceFailed, Views
from hacluster.agent.status.connection import Connection, Server
from hacluster.agent.status.publisher import ReportFailed
from hacluster.agent.status.watch import EventStream

_PATHS: Final = {
    Kind.SERVICE: "/api/v1/namespaces/{}/services",
    Kind.SLICE: "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
}


_LASTS: Final = (45, 60)
"""Seconds of one watch: a connection over which nothing arrives any more, and which nobody has closed, is noticed after that time."""

_PAUSE: Final = 0.2
"""Seconds between two watches. What happens in this time is told by the next one."""


class KubernetesServices:
    """Follows Services on the API server. One caller at a time follows one namespace."""

    def __init__(self, server: Server, namespace: str) -> None:
        """`namespace`: the agent's own."""
        self._server, self._namespace = server, namespace
        self._places: dict[str, _Place] = {}

    async def follow(self, names: Collection[str], changed: Callable[[Views], None], namespace: str = "") -> None:
        """Lists and watches. Raises SourceFailed at the first error."""
        place = self._places.get(namespace) or _Place(self._server, namespace or self._namespace)
        self._places[namespace] = place
        try:
            await place.follow(names, changed)
        except asyncio.CancelledError:  # perhaps nobody follows this namespace any more
            self._places.pop(namespace).close()
            raise

    def close(self) -> None:
        """Closes the connections."""
        for each in self._places.values():
            each.close()


class _Place:
    """One namespace, with connections of its own: what is wrong with one namespace concerns no other."""

    def __init__(self, server: Server, namespace: str) -> None:
        self._server, self._namespace = server, quote(namespace)
        self._connection: Connection | None = None
        self._streams: dict[Kind, EventStream] = {}

    async def follow(self, names: Collection[str], changed: Callable[[Views], None]) -> None:
        cache = ObjectCache(names)

        def show() -> None:
            if (views := cache.views()) is not None:
                changed(views)

        try:
            async with asyncio.TaskGroup() as group:
                for kind in Kind:
                    group.create_task(self._follow(kind, names, cache, show))
        except* (ReportFailed, ValueError, KeyError, TypeError) as errors:
            raise SourceFailed(f"{errors.exceptions[0]}") from None

    def close(self) -> None:
        """Closes the connections."""
        for each in (self._connection, *self._streams.values()):
            if each is not None:
                each.close()

    async def _follow(self, kind: Kind, names: Collection[str], cache: ObjectCache, show: Callable[[], None]) -> None:
        path, selector = _PATHS[kind].format(self._namespace), _selector(kind, names)
        listed = await self._list(kind, f"{path}?{urlencode(selector)}" if selector else path)
        cache.replace(kind, listed.get("items") or ())
        show()
        version = str(listed["metadata"]["resourceVersion"])
        stream = self._streams.setdefault(kind, EventStream(self._server, _LASTS))
        while True:
            async for event in stream.events(path, {**selector, "resourceVersion": version, "allowWatchBookmarks": "true"}):
                found = event["object"]
                version = str(found["metadata"]["resourceVersion"])
                if event["type"] != "BOOKMARK":
                    cache.put(kind, found, deleted=event["type"] == "DELETED")
                    show()
            await asyncio.sleep(_PAUSE)

    async def _list(self, kind: Kind, path: str) -> Mapping[str, Any]:
        if self._connection is None:
            self._connection = Connection(self._server)
        code, body = await self._connection.get(path)
        if code != http.client.OK:
            raise ReportFailed(f"the API server answered {code} to the list of {kind.value}s")
        listed: Mapping[str, Any] = json.loads(body)
        return listed


def _selector(kind: Kind, names: Collection[str]) -> Mapping[str, str]:
    """Slices name their Service in a label. Services have no label with their own name: all of the namespace are listed."""
    return {"labelSelector": f"{SERVICE_LABEL} in ({','.join(sorted(names))})"} if kind is Kind.SLICE else {}
