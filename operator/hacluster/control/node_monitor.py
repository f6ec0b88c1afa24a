"""Listens for the nodes: feeds the signs of life, and doubts itself before it calls a node silent."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from hacluster import names
from hacluster.control.heartbeats import Heard, NodeKey
from hacluster.control.observe import entry_times
from hacluster.control.store import Change, Object, Store, instance, key_of
from hacluster.control.worker import Key, RetryLater
from hacluster.kube.client import ApiError, Client
from hacluster.kube.kinds import HACLUSTER, LEASE, NODE
from hacluster.plan.status import is_silent

log = logging.getLogger(__name__)

DEAF_AFTER = timedelta(seconds=6)
"""No word from the API server for so long, where nodes renew Leases every few seconds: then perhaps it was us."""


class Ear:
    """Turns changes of Leases and of `status.nodes` into signs of life."""

    def __init__(self, client: Client, store: Store, heard: Heard, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._store = store
        self._heard = heard
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

    async def listen_again(self, key: Key) -> None:
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
        if self._clock() - self._contact > DEAF_AFTER:
            log.info("the API server was out of reach: giving the nodes time to be heard")
            self._heard.forgive(self._clock())
        for each in leases:
            self.note(self._store.put(LEASE, each))
        self._contact = self._clock()
        self._silent |= self._newly_silent(key, self._clock())
        for _, _, node in sorted(suspects & self._silent):
            log.warning("%s/%s: node %s is silent", *key, node)

    def forget(self, key: Key) -> None:
        """The resource is gone."""
        self._heard.forget(*key)
        self._silent = {each for each in self._silent if each[:2] != key}

    def _note_lease(self, change: Change) -> bool:
        lease = change.new or change.old
        node = self._node_of(lease) if lease else ""
        if lease is None or not node:
            return False
        key = (change.key[0], instance(lease), node)
        if change.new is None:
            self._heard.lease_gone(key)
            return False
        if not (renewed := (lease.get("spec") or {}).get("renewTime")):
            return False
        return self._back(key, self._heard.lease(key, datetime.fromisoformat(renewed), self._clock()))

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
            self._heard.entry_gone((*change.key, node))
        back = False
        for node, entry in entries.items():
            key = (*change.key, node)
            back |= self._back(key, self._heard.entry(key, entry, entry_times(entry), self._clock()))
        return back

    def _back(self, key: NodeKey, was_silent: bool) -> bool:
        if was_silent:
            self._silent.discard(key)
        return was_silent

    def _newly_silent(self, key: Key, now: datetime) -> set[NodeKey]:
        return {
            node
            for node, life in self._heard.of(*key)
            if node not in self._silent and life.heard is not None and is_silent(life.heard, now)
        }
