"""Records the nodes' heartbeats, and confirms with the API server that a node is silent.

The informer passes every cache change to `NodeMonitor.record`; the reconcile calls `confirm_silence` before it plans. A node is
silent after ten seconds without a heartbeat (`timing.SILENT_AFTER`). But a broken watch or an API server that is away looks the
same for every node at once, so the Leases are read once more before a node counts as silent.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from hacluster import names
from hacluster.control.heartbeats import Heartbeats, NodeKey
from hacluster.control.observe import entry_time
from hacluster.control.store import Change, Store, key_of, owner_name
from hacluster.control.workqueue import Key, RetryLater
from hacluster.kube.client import ApiError, Client
from hacluster.kube.kinds import HACLUSTER, LEASE, NODE, Object
from hacluster.plan.status import is_silent
from hacluster.timing import WATCH_QUIET

log = logging.getLogger(__name__)


class NodeMonitor:
    """Turns changes of Leases and of `status.nodes` into heartbeats."""

    def __init__(self, client: Client, store: Store, heartbeats: Heartbeats, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._store = store
        self._heartbeats = heartbeats
        self._clock = clock
        self._last_contact = clock()
        self._known_silent: set[NodeKey] = set()

    def record(self, change: Change) -> bool:
        """Records the heartbeats in a change of the cache. Returns whether a node that was silent is back."""
        self._last_contact = self._clock()
        if change.kind is LEASE:
            return self._record_lease(change)
        if change.kind is HACLUSTER:
            return self._record_entries(change)
        return False

    async def confirm_silence(self, key: Key) -> None:
        """Reads the Leases once more where a node of the resource is newly silent, and records what they show.

        If no event arrived for `WATCH_QUIET`, every node first gets the time of one renewal.

        Raises:
            RetryLater: the API server does not answer, so no node can be called silent.

        """
        now = self._clock()
        if not (suspects := self._newly_silent(key, now)):
            return
        try:
            leases = [
                each async for each in self._client.list(LEASE, namespace=key[0], labels=f"{names.LABEL_INSTANCE}={key[1]}")
            ]
        except ApiError as error:
            raise RetryLater(str(error)) from error
        if self._clock() - self._last_contact > WATCH_QUIET:
            log.info("no event from the API server for some seconds: every node gets time to renew its Lease")
            self._heartbeats.extend_deadlines(self._clock())
        for each in leases:
            self.record(self._store.put(LEASE, each))
        self._last_contact = self._clock()
        self._known_silent |= self._newly_silent(key, self._clock())
        for _, _, node in sorted(suspects & self._known_silent):
            log.warning("%s/%s: node %s is silent", *key, node)

    def forget(self, key: Key) -> None:
        """The resource was deleted: drops the heartbeats of its nodes."""
        self._heartbeats.forget(*key)
        self._known_silent = {each for each in self._known_silent if each[:2] != key}

    def _record_lease(self, change: Change) -> bool:
        lease = change.new or change.old
        node = self._node_of(lease) if lease else ""
        if lease is None or not node:
            return False
        key = (change.key[0], owner_name(lease), node)
        if change.new is None:
            self._heartbeats.remove_lease(key)
            return False
        if not (renewed := (lease.get("spec") or {}).get("renewTime")):
            return False
        return self._mark_alive(key, self._heartbeats.record_lease(key, datetime.fromisoformat(renewed), self._clock()))

    def _node_of(self, lease: Object) -> str:
        # A Lease is named RESOURCE-NODE; a name that would be too long ends in a hash, so the cached nodes are tried.
        cluster, name = owner_name(lease), key_of(lease)[1]
        node = name.removeprefix(f"{cluster}-")
        if len(name) < names.MAX_KEY and node != name:
            return node
        nodes = (each["metadata"]["name"] for each in self._store.all(NODE))
        return next((each for each in nodes if names.lease(cluster, each) == name), "")

    def _record_entries(self, change: Change) -> bool:
        entries = {each["name"]: each for each in ((change.new or {}).get("status") or {}).get("nodes") or ()}
        before = {each["name"] for each in ((change.old or {}).get("status") or {}).get("nodes") or ()}
        for node in before - entries.keys():
            self._heartbeats.remove_entry((*change.key, node))
        returned = False
        for node, entry in entries.items():
            key = (*change.key, node)
            returned |= self._mark_alive(key, self._heartbeats.record_entry(key, entry, entry_time(entry), self._clock()))
        return returned

    def _mark_alive(self, key: NodeKey, was_silent: bool) -> bool:
        if was_silent:
            self._known_silent.discard(key)
        return was_silent

    def _newly_silent(self, key: Key, now: datetime) -> set[NodeKey]:
        return {
            node
            for node, heartbeat in self._heartbeats.of_resource(*key)
            if node not in self._known_silent and heartbeat.last_seen is not None and is_silent(heartbeat.last_seen, now)
        }
