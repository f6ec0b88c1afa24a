"""Records what nodes report and what Kubernetes says of them, and asks an agent whether it still runs where that is in doubt.

The informer passes every cache change to `NodeMonitor.record`; `reconcile.py` calls `refresh` before it plans, and the status writer
`ask` for the nodes that a report doubts. A question is an annotation on the node's HAClusterNode, which its agent watches; the answer
is any later report. While nothing is in doubt, nothing is written (docs/decisions/0024-one-object-per-node.md).
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from hacluster import names
from hacluster.control.earlier_versions import entries_of_earlier_agents
from hacluster.control.liveness import Liveness, NodeKey
from hacluster.control.observe import Observer
from hacluster.control.store import Change, Store, version_of
from hacluster.control.workqueue import Key
from hacluster.kube.client import ApiError, Client
from hacluster.kube.kinds import HACLUSTER, HACLUSTER_NODE, Object
from hacluster.kube.status import read_entry

log = logging.getLogger(__name__)

TICK: Final = 1.0
"""Seconds between two calls of `Liveness.tick`."""


class NodeMonitor:
    """Turns changes of the cache into records of the nodes."""

    def __init__(
        self, client: Client, store: Store, liveness: Liveness, observer: Observer, monotonic: Callable[[], float]
    ) -> None:
        self._client = client
        self._store = store
        self._liveness = liveness
        self._observer = observer
        self._monotonic = monotonic
        self._refreshed: set[Key] = set()

    def record(self, change: Change) -> None:
        """Records the reports in a change of the cache."""
        if change.kind is HACLUSTER_NODE:
            self._record_node(change)
        if change.kind is HACLUSTER:
            self._record_earlier_agents(change)

    def refresh(self, key: Key) -> None:
        """Records which nodes of the resource Kubernetes calls missing now."""
        now = self._monotonic()
        self._liveness.tick(now)
        for node, absence in self._observer.absences(key).items():
            self._liveness.record_missing((*key, node), bool(absence), now)
        if key not in self._refreshed:
            self._refreshed.add(key)
            for node in self._observer.stored_silent_nodes(key):
                self._liveness.record_known_silent((*key, node), now)

    async def ask(self, key: NodeKey) -> None:
        """Asks the node's agent whether it still runs, unless it was asked a moment ago.

        A failure is only logged: the next report asks again.
        """
        now, record = self._monotonic(), self._liveness.of_node(key)
        found = self._store.get(HACLUSTER_NODE, key[0], names.node_object(key[1], key[2]))
        if found is None or not record.may_be_asked(now):
            return
        if not found.get("status") and not self._observer.has_present_agent(*key):
            return  # the report is of an agent before HAClusterNode, which knows no questions: Kubernetes alone says whether it runs
        version = str(record.version)
        self._liveness.record_question(key, record.version, now)  # first: the other queue must not ask as well meanwhile
        metadata = {"uid": found["metadata"]["uid"], "annotations": {names.ANNOTATION_LIVENESS_REQUEST: version}}
        try:
            await self._client.merge(HACLUSTER_NODE, key[0], found["metadata"]["name"], {"metadata": metadata})
        except ApiError as error:
            self._liveness.withdraw_question(key)
            log.warning("%s/%s: the agent on %s could not be asked: %s", *key, error)
            return
        log.info("%s/%s: the agent on %s is asked whether it still runs", *key)

    async def tick_forever(self) -> None:
        """Runs until cancelled: lets `Liveness` notice that this process was stopped."""
        while True:
            self._liveness.tick(self._monotonic())
            await asyncio.sleep(TICK)

    def forget(self, key: Key) -> None:
        """The resource was deleted: drops the records of its nodes."""
        self._liveness.forget(*key)
        self._refreshed.discard(key)

    def _record_node(self, change: Change) -> None:
        found = change.new or change.old
        spec = (found or {}).get("spec") or {}
        if found is None or change.key[1] != names.node_object(str(spec.get("cluster")), str(spec.get("nodeName"))):
            return  # the operator has not made it
        key, now = (change.key[0], spec["cluster"], spec["nodeName"]), self._monotonic()
        status = (change.new or {}).get("status")
        if change.new is None or not status:
            if (change.old or {}).get(
                "status"
            ):  # without one there was no report in it, and an earlier agent's may be in the HACluster
                self._liveness.remove_report(key)
            return
        asked = _open_question(change.new)
        # An earlier process has asked: its question has changed the resourceVersion, and names that of the report.
        version = asked if asked is not None and self._liveness.of_node(key).entry is None else version_of(change.new)
        self._liveness.record_report(key, read_entry(status, key[2]), version, now)
        if asked is not None:
            self._liveness.record_question(key, asked, now)

    def _record_earlier_agents(self, change: Change) -> None:
        before = {str(each["name"]) for each in entries_of_earlier_agents(change.old)}
        entries = {str(each["name"]): each for each in entries_of_earlier_agents(change.new)}
        for node in before | entries.keys():
            key = (*change.key, node)
            found = self._store.get(HACLUSTER_NODE, change.key[0], names.node_object(change.key[1], key[2]))
            if found and found.get("status"):
                continue  # the node's new agent has reported
            if change.new and node in entries:
                self._liveness.record_report(key, read_entry(entries[node], key[2]), version_of(change.new), self._monotonic())
            else:
                self._liveness.remove_report(key)


def _open_question(node: Object) -> int | None:
    """The report that the operator's last question is about, if the agent has not answered it; None: no question is open."""
    asked = str((node["metadata"].get("annotations") or {}).get(names.ANNOTATION_LIVENESS_REQUEST, ""))
    if not asked.isdecimal() or asked == node["status"].get("livenessResponse"):
        return None
    return int(asked)
