"""Examples for the tests of status reports: three nodes, one virtual IP, and a clock that the test sets."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hacluster.api.status import Condition, HAClusterStatus, Health, NodeProblem, NodeStatus, RouterStatus, VrrpState
from hacluster.plan.status import ObservedNode, Report, ReportInputs, VirtualIP, report
from hacluster.timestamps import format_timestamp

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

    def advance(self, seconds: float, *, alive: tuple[str, ...] = NODES) -> None:
        """Time passes; the nodes that are alive send a heartbeat at its end."""
        self.now += timedelta(seconds=seconds)
        for name in alive:
            if name in self.nodes:
                self.nodes[name] = replace(self.nodes[name], last_seen=self.now, last_received=self.now)

    def node_reports(self, name: str, *, holds: bool = False, **changes: Any) -> None:
        """The node's agent reports this now."""
        before = self.nodes.get(name, ObservedNode(name))
        claims = {VIP: before.claims.get(VIP, self.now)} if holds else {}
        new_entry = entry(name, holds=holds, at=self.now, **changes)
        self.nodes[name] = replace(before, entry=new_entry, last_seen=self.now, last_received=self.now, claims=claims)

    def all_fit(self, holder: str = "node1") -> None:
        """Three healthy nodes."""
        for name in NODES:
            self.node_reports(name, holds=name == holder)

    def report(self, **inputs: Any) -> Report:
        """Makes the next report; `inputs` replaces fields of `ReportInputs`."""
        values: dict[str, Any] = {
            "now": self.now, "generation": 1, "virtual_ips": (VirtualIP(VIP, "VI_1", 51),),
            "nodes": tuple(self.nodes[name] for name in sorted(self.nodes)), "selector": {"role": "lb"},
            "revisions": dict.fromkeys(NODES, "r1"), "priorities": {"node1": 250, "node2": 240, "node3": 230}, "has_apache": True,
        }  # fmt: skip
        self.last = report(self.status, ReportInputs(**{**values, **self.inputs, **inputs}))
        self.status = self.last.status
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
