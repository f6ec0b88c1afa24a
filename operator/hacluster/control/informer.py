"""Updates the cache and adds the resources that a change concerns to the work queue.

Watch events (`handlers.py`), listings (`relist`) and the answers to the operator's own writes (`apply.py`, `status_writer.py`) all
come through here, so reports are recorded and resources requeued whichever arrives first.
"""

import logging
from collections.abc import Callable

from hacluster.control.earlier_versions import entries_of_earlier_agents
from hacluster.control.node_monitor import NodeMonitor
from hacluster.control.service_objects import is_kept, resource_key, resource_of_access
from hacluster.control.store import Change, Store, key_of, owner_name
from hacluster.control.workqueue import Key
from hacluster.kube.client import Client
from hacluster.kube.kinds import (
    HACLUSTER,
    HACLUSTER_NODE,
    NAMESPACE,
    NODE,
    POD,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    Kind,
    Object,
    watched,
)

log = logging.getLogger(__name__)


class Informer:
    """Keeps the cache up to date and requeues the resources that a change concerns."""

    def __init__(
        self,
        store: Store,
        node_monitor: NodeMonitor,
        enqueue: Callable[[Key], None],
        enqueue_report: Callable[[Key], None] = lambda _: None,
    ) -> None:
        """`enqueue` requeues a resource for a whole reconcile; `enqueue_report` only for its status, after its nodes reported something."""
        self._store = store
        self._node_monitor = node_monitor
        self._enqueue = enqueue
        self._enqueue_report = enqueue_report

    def put(self, kind: Kind, raw: Object) -> None:
        """Records that the object exists in this version."""
        if kind is SERVICE and not is_kept(raw):
            if self._store.get(kind, *key_of(raw)) is not None:
                self.remove(kind, raw)
            return
        self._process(self._store.put(kind, raw))

    def remove(self, kind: Kind, raw: Object) -> None:
        """Records that the object was deleted, or has lost the operator's label."""
        self._process(self._store.remove(kind, raw))

    async def relist(self, client: Client, namespace: str | None) -> None:
        """Lists every kind again: a watch does not report what was deleted while it was interrupted.

        Raises:
            ApiError: a kind could not be listed; it and the kinds after it were not updated.

        """
        for kind in watched(namespace):
            before = self._store.uids(kind)
            found = client.list(kind, namespace=namespace if kind.namespaced else None)
            listed = [each async for each in found if kind is not SERVICE or is_kept(each)]
            for change in self._store.replace(kind, listed, before):
                self._process(change)

    def _process(self, change: Change) -> None:
        try:
            self._node_monitor.record(change)
        except Exception:
            log.exception("%s %s was not understood", change.kind.name, "/".join(change.key))  # and concerns no other object
        if not change.is_relevant:
            return
        if change.kind is HACLUSTER_NODE and (owner := owner_name(change.old) or owner_name(change.new)):
            self._enqueue_report((change.key[0], owner))
        if change.kind is HACLUSTER:
            if list(entries_of_earlier_agents(change.old)) != list(entries_of_earlier_agents(change.new)):
                self._enqueue_report(change.key)
            self._enqueue(change.key)
            if _spec(change.old) != _spec(change.new) or _router_ids(change.old) != _router_ids(change.new):
                self._enqueue_all()  # another resource may conflict with the new spec, or wait for what the old one used
        elif change.kind is NODE:
            self._enqueue_all()
        elif change.kind in (SERVICE, NAMESPACE):
            self._enqueue_for_service(change)
        elif change.kind in (ROLE, ROLE_BINDING) and (key := resource_of_access(change.old) or resource_of_access(change.new)):
            self._enqueue(key)
        elif owner := owner_name(change.old) or owner_name(change.new):
            self._enqueue((change.key[0], owner))
            if change.kind is HACLUSTER_NODE and _networks(change.old) != _networks(change.new):
                self._enqueue_all()  # which virtual routers may hear each other follows from the nodes' networks
            if change.kind is POD and change.new is None and self._store.get(HACLUSTER, change.key[0], owner) is None:
                self._enqueue_all()  # another resource may wait for what the pod of the deleted resource has held

    def _enqueue_for_service(self, change: Change) -> None:
        for key in (resource_key(change.old), resource_key(change.new)):
            if key is not None:
                self._enqueue(key)
        if change.kind is NAMESPACE or _spec(change.old) != _spec(change.new):
            for each in filter(_serves, self._store.all(HACLUSTER)):
                self._enqueue(key_of(each))  # a Service of another resource may wait for a port that this one had

    def _enqueue_all(self) -> None:
        for each in self._store.all(HACLUSTER):
            self._enqueue(key_of(each))


def _serves(cluster: Object) -> bool:
    """Whether Services of type LoadBalancer become listeners of the resource."""
    return ((cluster.get("spec") or {}).get("haproxy") or {}).get("serviceClass") is not None


def _spec(each: Object | None) -> object:
    return None if each is None else (each.get("spec"), each["metadata"]["uid"], each["metadata"].get("deletionTimestamp"))


def _router_ids(each: Object | None) -> object:
    """The VRIDs that the status records."""
    status = (each or {}).get("status") or {}
    return [(vip.get("router"), vip.get("virtualRouterID")) for vip in status.get("virtualIPs") or ()]


def _networks(each: Object | None) -> object:
    """The interfaces that a node reports, and those on which it runs virtual routers."""
    status = (each or {}).get("status") or {}
    return status.get("interfaces"), [(router.get("name"), router.get("interface")) for router in status.get("routers") or ()]
