"""The one way into the cache: for events, listings and the answers to our own writes alike. Notes signs of life, and rings."""

import logging
from collections.abc import Callable

from hacluster.control.node_monitor import NodeMonitor
from hacluster.control.store import Change, Object, Store, instance, key_of
from hacluster.control.workqueue import Key
from hacluster.kube.client import Client
from hacluster.kube.kinds import HACLUSTER, NODE, WATCHED, Kind

log = logging.getLogger(__name__)


class Informer:
    """Keeps the cache, and rings for the resources that a change concerns."""

    def __init__(
        self,
        store: Store,
        node_monitor: NodeMonitor,
        enqueue: Callable[[Key], None],
        enqueue_report: Callable[[Key], None] = lambda _: None,
    ) -> None:
        """`enqueue`: the resource has to be reconciled; `enqueue_report`: its nodes report something that belongs into status at once."""
        self._store = store
        self._node_monitor = node_monitor
        self._enqueue = enqueue
        self._enqueue_report = enqueue_report

    def put(self, kind: Kind, raw: Object) -> None:
        """The object exists."""
        self._take(self._store.put(kind, raw))

    def remove(self, kind: Kind, raw: Object) -> None:
        """The object is gone, or no longer labelled as ours."""
        self._take(self._store.remove(kind, raw))

    async def relist(self, client: Client, namespace: str | None) -> None:
        """Reads everything anew: the watches tell nothing of what went away while they were interrupted.

        Raises:
            ApiError: something could not be listed; nothing of that kind was changed.

        """
        for kind in WATCHED:
            before = self._store.uids(kind)
            listed = [each async for each in client.list(kind, namespace=namespace if kind.namespaced else None)]
            for change in self._store.replace(kind, listed, before):
                self._take(change)

    def _take(self, change: Change) -> None:
        heard_again = self._node_monitor.note(change)
        if not change.matters and not heard_again:
            return
        if change.kind is HACLUSTER:
            if _entries(change.old) != _entries(change.new):
                self._enqueue_report(change.key)
            self._enqueue(change.key)
            if _spec(change.old) != _spec(change.new):
                self._enqueue_all()  # what one resource wants or gives up, another may be waiting for
        elif change.kind is NODE:
            self._enqueue_all()
        elif owner := instance(change.old) or instance(change.new):
            self._enqueue((change.key[0], owner))

    def _enqueue_all(self) -> None:
        for each in self._store.all(HACLUSTER):
            self._enqueue(key_of(each))


def _entries(each: Object | None) -> object:
    return ((each or {}).get("status") or {}).get("nodes")


def _spec(each: Object | None) -> object:
    return None if each is None else (each.get("spec"), each["metadata"]["uid"], each["metadata"].get("deletionTimestamp"))
