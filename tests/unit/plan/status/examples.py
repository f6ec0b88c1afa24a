"""Examples for the tests of status reports: three nodes, one virtual IP, and a clock that the test sets."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hacluster.api.status import Condition, HAClusterStatus, Health, NodeProblem, NodeStatus, RouterStatus, VrrpState
from hacluster.plan.status import Claim, ObservedNode, Report, ReportInputs, VirtualIP, report
from hacluster.timestamps import format_timestamp
from hacluster.timing import SILENT_AFTER
from tests.outage import assert_outages_are_explained

VIP = "172.16.7.200"
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
NODES = ("node1", "node2", "node3")


def entry(name: str, *, holds: bool = False, at: datetime = START, state: VrrpState | None = None, **changes: Any) -> NodeStatus:
    """The entry of a healthy node in `status.nodes`, with changes."""
    router = RouterStatus(
        name="VI_1", state=state or (VrrpState.MASTER if holds else VrrpState.BACKUP), priority=100, interface="ens3",
        virtual_ips=(VIP,) if holds else (), since=format_timestamp(at),
    )  # fmt: skip
    values = {
        "routers": (router,),
        "haproxy": Health.UP,
        "apache": Health.UP,
        "config_revision": "r1",
        "since": format_timestamp(at),
    }
    return NodeStatus(name=name, **{**values, **changes})


def problem(reason: str, message: str = "is wrong") -> NodeProblem:
    return NodeProblem(reason=reason, message=message)


@dataclass
class ReportSequence:
    """Makes one report after the other, each from the status that the one before left."""

    now: datetime = START
    status: HAClusterStatus = field(default_factory=HAClusterStatus)
    nodes: dict[str, ObservedNode] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    last: Report | None = None
    monotonic: float = 1000.0
    version: int = 1

    def advance(self, seconds: float, *, alive: tuple[str, ...] = NODES) -> None:
        """Time passes; Kubernetes says from its beginning on that the nodes which are not alive do not run."""
        for name, node in self.nodes.items():
            missing_since = None
            if name not in alive:
                missing_since = self.monotonic if node.missing_since is None else node.missing_since
            self.nodes[name] = replace(node, missing_since=missing_since)
        self.now += timedelta(seconds=seconds)
        self.monotonic += seconds
        for name, node in self.nodes.items():
            due = None if node.missing_since is None else max(node.missing_since + SILENT_AFTER - self.monotonic, 0.0)
            self.nodes[name] = replace(node, silent_in=due, silent=due == 0.0)

    def node_reports(self, name: str, *, holds: bool = False, **changes: Any) -> None:
        """The node's agent reports this now."""
        self.version += 1
        before = self.nodes.get(name, ObservedNode(name))
        claims = {VIP: before.claims.get(VIP, Claim(self.version, self.monotonic))} if holds else {}
        new_entry = entry(name, holds=holds, at=self.now, **changes)
        lost = {other: before.lost.get(other, self.version) for other in new_entry.lost_nodes}
        self.nodes[name] = replace(
            before, entry=new_entry, version=self.version, received=self.monotonic, claims=claims, lost=lost
        )

    def answers(self, *nodes: str) -> None:
        """The nodes' agents answer the operator's question: they report the same once more."""
        for name in nodes:
            self.version += 1
            self.nodes[name] = replace(self.nodes[name], version=self.version, received=self.monotonic)

    def all_fit(self, holder: str = "node1") -> None:
        """Three healthy nodes."""
        for name in NODES:
            self.node_reports(name, holds=name == holder)

    def report(self, **inputs: Any) -> Report:
        """Makes the next report; `inputs` replaces fields of `ReportInputs`. It asserts what must hold for every report."""
        values: dict[str, Any] = {
            "now": self.now, "monotonic": self.monotonic, "generation": 1, "virtual_ips": (VirtualIP(VIP, "VI_1", 51),),
            "nodes": tuple(self.nodes[name] for name in sorted(self.nodes)), "selector": {"role": "lb"},
            "revisions": dict.fromkeys(NODES, "r1"), "priorities": {"node1": 250, "node2": 240, "node3": 230}, "has_apache": True,
        }  # fmt: skip
        self.last = report(self.status, ReportInputs(**{**values, **self.inputs, **inputs}))
        self.status = self.last.status
        assert_outages_are_explained(self.status)
        return self.last

    def condition(self, kind: str) -> Condition:
        return next(each for each in self.status.conditions if each.type == kind)

    def condition_state(self, kind: str) -> tuple[str, str]:
        """Status and reason of a condition."""
        condition = self.condition(kind)
        return condition.status.value, condition.reason

    def event_reasons(self) -> list[str]:
        """Reasons of the last report's events."""
        assert self.last is not None
        return [each.reason for each in self.last.events]


def settled(*, seconds: float = 0.0) -> ReportSequence:
    """Three fit nodes with node1 as the holder, and one report; then so many seconds pass."""
    reports = ReportSequence()
    reports.all_fit()
    reports.report()
    if seconds:
        reports.advance(seconds)
    return reports


def last_move(reports: ReportSequence) -> tuple[str, str, str]:
    """Old holder, new holder and reason of the last failover."""
    last = reports.status.last_failover
    assert last is not None
    return last.from_, last.to, last.reason
