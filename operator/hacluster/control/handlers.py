"""Configures kopf, which runs the watches. `run.py` passes `settings` and `registry` to `kopf.operator`.

kopf is used only to watch (with its reconnects and backoff): each event goes straight to the informer. kopf writes no finalizer,
annotation or Event of its own, because the work queue and the status are kept by the operator itself.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import kopf

from hacluster import names
from hacluster.control.informer import Informer
from hacluster.kube.client import connect
from hacluster.kube.connections import watch_session
from hacluster.kube.kinds import MANAGED_SELECTOR, Kind, Object, watched
from hacluster.kube.sockets import Sockets

log = logging.getLogger(__name__)


class _EndlessBackoff:
    """Seconds between attempts of a failed request, without end: kopf stops the operator when the delays are used up."""

    def __iter__(self) -> Iterator[float]:
        yield from (0.5, 1)
        while True:
            yield 2


def settings() -> kopf.OperatorSettings:
    """Settings with which kopf only watches: it stores nothing on objects, and posts no Events."""
    result = kopf.OperatorSettings()
    result.posting.enabled = False
    result.peering.standalone = True
    result.scanning.disabled = True  # the kinds are fixed: without scanning the operator needs no rights on CRDs and namespaces
    result.networking.error_backoffs = _EndlessBackoff()
    result.networking.request_timeout = 30
    result.networking.connect_timeout = 10
    result.watching.reconnect_backoff = 0.5
    result.queueing.idle_timeout = 2
    result.persistence.finalizer = f"{names.GROUP}/unused"
    result.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=names.GROUP)
    result.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=names.GROUP)
    for kind in watched(None):
        if kind.managed:
            result.watching.label_selectors[(kind.group, kind.version, kind.plural)] = MANAGED_SELECTOR
    return result


def registry(informer: Informer, sockets: Sockets, namespace: str | None = None) -> kopf.OperatorRegistry:
    """One event handler for each kind that is watched in this namespace (None: in all), and the login.

    `sockets` makes the sockets of the watches.
    """
    result = kopf.OperatorRegistry()
    for kind in watched(namespace):
        kopf.on.event(kind.group, kind.version, kind.plural, id=f"watch-{kind.plural}", registry=result)(_handler(kind, informer))
    kopf.on.login(registry=result)(_login(sockets))
    return result


def _handler(kind: Kind, informer: Informer) -> Callable[..., Any]:
    async def handle(event: Any, **_: Any) -> None:
        try:
            raw: Object = event["object"]
            if event["type"] == "DELETED":
                informer.remove(kind, raw)
            else:
                informer.put(kind, raw)
        except Exception:
            log.exception("%s event was not understood", kind.name)  # the next relist repairs the cache

    return handle


def _login(sockets: Sockets) -> Callable[..., Any]:
    async def login(**_: Any) -> kopf.AiohttpSession:
        """The credentials for kopf's connections: the same that the operator's own client uses."""
        configuration = await connect()
        return kopf.AiohttpSession(server=configuration.host, aiohttp_session=await watch_session(configuration, sockets))

    return login
