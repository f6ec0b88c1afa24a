"""Listens for the nodes: feeds the signs of life, and doubts itself before it calls a node silent."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from hacluster import names
from hacluster.control.heartbeats import Heartbeats, NodeKey
from hacluster.control.observe import entry_times
from hacluster.control.store import Change, Object, Store, instance, key_of
from hacluster.control.workqueue import Key, RetryLater
from hacluster.kube.client import ApiError, Client
from hacluster.kube.kinds import HACLUSTER, LEASE, NODE
from hacluster.plan.status import is_silent

log = logging.getLogger(__name__)

WATCH_QUIET = timedelta(seconds=6)
"""No word from the API server for so long, where nodes renew Leases every few seconds: then perhaps it was us."""


class NodeMonitor:
    """Turns changes of Leases and of `status.nodes` into signs of life."""

    def __init__(self, client: Client, store: Store, heartbeats: Heartbeats, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._store = store
        self._heartbeats = heartbeats
        self._clock = clock
        self._contact = clock()
        self._silent: set[NodeKey] = set()

    def note(self, change: Change) -> bool:
        """Takes in what an event changed; whether a silent node is heard again."""
        self._contact = self._clock()
        if change.kind is LEASE:
            return self._note_lease(change)
        if change.kind is HACLUSTER:
            return self._note_entries(change)
        return False

    async def confirm_silence(self, key: Key) -> None:
        """Before a node counts as silent: read the Leases once more, and ask whether it was us who could not hear.

        Raises:
            RetryLater: the API server does not answer: then nobody can be called silent.

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
        if self._clock() - self._contact > WATCH_QUIET:
            log.info("the API server was out of reach: giving the nodes time to be heard")
            self._heartbeats.grant_time(self._clock())
        for each in leases:
            self.note(self._store.put(LEASE, each))
        self._contact = self._clock()
        self._silent |= self._newly_silent(key, self._clock())
        for _, _, node in sorted(suspects & self._silent):
            log.warning("%s/%s: node %s is silent", *key, node)

    def forget(self, key: Key) -> None:
        """The resource is gone."""
        self._heartbeats.forget(*key)
        self._silent = {each for each in self._silent if each[:2] != key}

    def _note_lease(self, change: Change) -> bool:
        lease = change.new or change.old
        node = self._node_of(lease) if lease else ""
        if lease is None or not node:
            return False
        key = (change.key[0], instance(lease), node)
        if change.new is None:
            self._heartbeats.lease_gone(key)
            return False
        if not (renewed := (lease.get("spec") or {}).get("renewTime")):
            return False
        return self._back(key, self._heartbeats.lease(key, datetime.fromisoformat(renewed), self._clock()))

    def _node_of(self, lease: Object) -> str:
        cluster, name = instance(lease), key_of(lease)[1]
        node = name.removeprefix(f"{cluster}-")
        if len(name) < names.MAX_KEY and node != name:
            return node
        nodes = (each["metadata"]["name"] for each in self._store.all(NODE))
        return next((each for each in nodes if names.lease(cluster, each) == name), "")

    def _note_entries(self, change: Change) -> bool:
        entries = {each["name"]: each for each in ((change.new or {}).get("status") or {}).get("nodes") or ()}
        before = {each["name"] for each in ((change.old or {}).get("status") or {}).get("nodes") or ()}
        for node in before - entries.keys():
            self._heartbeats.entry_gone((*change.key, node))
        back = False
        for node, entry in entries.items():
            key = (*change.key, node)
            back |= self._back(key, self._heartbeats.entry(key, entry, entry_times(entry), self._clock()))
        return back

    def _back(self, key: NodeKey, was_silent: bool) -> bool:
        if was_silent:
            self._silent.discard(key)
        return was_silent

    def _newly_silent(self, key: Key, now: datetime) -> set[NodeKey]:
        return {
            node
            for node, life in self._heartbeats.of(*key)
            if node not in self._silent and life.heard is not None and is_silent(life.heard, now)
        }
