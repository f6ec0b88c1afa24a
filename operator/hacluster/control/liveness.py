"""What is known of each node: its last report, what it claims since when, and whether it still counts as alive.

`node_monitor.py` records every change; `observe.py` reads the result. No wall clock is compared, neither a node's nor this machine's:
what came first is decided by the API server's resourceVersions, and how long something lasts by this process's monotonic clock
(docs/decisions/0024-one-object-per-node.md). All times here are seconds of that clock.
"""

from dataclasses import dataclass, field

from hacluster.api import NodeStatus
from hacluster.plan.status import Claim
from hacluster.timing import ANSWER_WITHIN, ASK_AGAIN, SILENT_AFTER, STALLED_AFTER

NodeKey = tuple[str, str, str]
"""Namespace and name of the resource, and the node."""


@dataclass
class Question:
    """The operator asked the node's agent whether it still runs."""

    version: int
    """The report that is doubted. A later report is an answer, whatever it says."""
    at: float


@dataclass
class NodeRecord:
    """What is known of one node of one resource."""

    entry: NodeStatus | None = None
    """Its last report; None: none."""
    version: int = 0
    """resourceVersion of the last report."""
    received: float = 0.0
    """When this process received the last report."""
    claims: dict[str, Claim] = field(default_factory=dict)
    """Virtual IP → the report that first claimed it, without a report in between that did not."""
    lost: dict[str, int] = field(default_factory=dict)
    """Node that this one reports as lost → version of the report that first said so."""
    missing_since: float | None = None
    """Since when Kubernetes says that the node or its agent does not run; None: it does not say so."""
    question: Question | None = None

    def silent(self, now: float) -> bool:
        """Whether the node counts as lost: its last report is no longer believed."""
        return self.silent_in(now) == 0.0

    def silent_in(self, now: float) -> float | None:
        """In how many seconds it counts as lost if nothing is heard from it, 0: it does now; None: nothing is wrong."""
        times = []
        if self.missing_since is not None:
            times.append(self.missing_since + SILENT_AFTER)
        if self.question and self.question.version == self.version:
            times.append(self.question.at + ANSWER_WITHIN)
        return max(min(times) - now, 0.0) if times else None

    def may_be_asked(self, now: float) -> bool:
        """Whether a new question can tell anything: the last one is answered, and some seconds old."""
        asked = self.question
        return self.entry is not None and (asked is None or (asked.version != self.version and now - asked.at >= ASK_AGAIN))


class Liveness:
    """The records of every node of every resource."""

    def __init__(self) -> None:
        self._nodes: dict[NodeKey, NodeRecord] = {}
        self._ticked_at: float | None = None

    def of_node(self, key: NodeKey) -> NodeRecord:
        """The node's record; an empty one where nothing was recorded."""
        return self._nodes.get(key) or NodeRecord()

    def nodes_of(self, namespace: str, name: str) -> frozenset[str]:
        """Every node with a record for this resource."""
        return frozenset(node for *owner, node in self._nodes if tuple(owner) == (namespace, name))

    def record_report(self, key: NodeKey, entry: NodeStatus, version: int, now: float) -> bool:
        """Records a report that is stored in this resourceVersion. Returns whether it is new."""
        record = self._nodes.setdefault(key, NodeRecord())
        if record.entry == entry:
            return False
        held = {address for router in entry.routers for address in router.virtual_ips}
        record.claims = {address: record.claims.get(address) or Claim(version, now) for address in sorted(held)}
        record.lost = {node: record.lost.get(node, version) for node in entry.lost_nodes}
        record.entry, record.version, record.received = entry, version, now
        if record.missing_since is not None:
            record.missing_since = now  # it was heard after all
        return True

    def record_question(self, key: NodeKey, version: int, now: float) -> None:
        """The operator has asked, or a question of an earlier process is still open."""
        record = self._nodes.setdefault(key, NodeRecord())
        if record.question is None or record.question.version != version:
            record.question = Question(version, now)

    def withdraw_question(self, key: NodeKey) -> None:
        """The question could not be written."""
        if record := self._nodes.get(key):
            record.question = None

    def record_missing(self, key: NodeKey, missing: bool, now: float) -> None:
        """What Kubernetes says now of the node and of its agent's container."""
        if missing or key in self._nodes:
            record = self._nodes.setdefault(key, NodeRecord())
            record.missing_since = (now if record.missing_since is None else record.missing_since) if missing else None

    def record_known_silent(self, key: NodeKey, now: float) -> None:
        """An earlier process has counted the node as silent: if it is missing, or has not answered, it needs no new period of grace."""
        record = self._nodes.get(key)
        if record and record.missing_since is not None:
            record.missing_since = min(record.missing_since, now - SILENT_AFTER)
        if record and record.question:
            record.question.at = min(record.question.at, now - ANSWER_WITHIN)

    def remove_report(self, key: NodeKey) -> None:
        """The node's report was removed."""
        if record := self._nodes.get(key):
            self._nodes[key] = NodeRecord(missing_since=record.missing_since)

    def forget(self, namespace: str, name: str) -> None:
        """Drops the records of all nodes of a resource."""
        for node in self.nodes_of(namespace, name):
            del self._nodes[namespace, name, node]

    def tick(self, now: float) -> None:
        """To be called every second. After a gap this process itself did not run, so every node gets the missed time."""
        gap = 0.0 if self._ticked_at is None else now - self._ticked_at
        self._ticked_at = now
        if gap < STALLED_AFTER:
            return
        for record in self._nodes.values():
            if record.missing_since is not None:
                record.missing_since += gap
            if record.question:
                record.question.at += gap
