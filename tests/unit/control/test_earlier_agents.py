"""Agents of the version before HAClusterNode cannot be asked: what makes them count as lost, and what does not."""

from typing import Any

import pytest

from hacluster import names
from hacluster.control.liveness import NodeRecord
from hacluster.kube.kinds import DAEMON_SET, HACLUSTER, HACLUSTER_NODE, POD
from hacluster.plan.status import ObservedNode
from hacluster.plan.status.doubts import doubted_nodes
from tests.unit.control.examples import NODE_KEY, example_object, report, resource, router
from tests.unit.control.test_node_monitor import VIP, MonitoredCluster

ENTRY = {"name": "node1", "routers": [router(VIP)]}


class EarlierAgent(MonitoredCluster):
    """node1 runs a pod of template A, whose agent has reported in the way of that version; the DaemonSet has template B."""

    def __init__(self) -> None:
        super().__init__()
        self.versions = iter(range(10, 100))
        self.add_node()
        template = {"metadata": {"annotations": {names.ANNOTATION_TEMPLATE: "B"}}}
        self.store.put(DAEMON_SET, example_object("web-lb", status={"observedGeneration": 1}, spec={"template": template}))
        self.pod("A")
        self.receive(HACLUSTER_NODE, {**report(version=next(self.versions)), "status": {}})
        self.reports()

    def pod(self, template: str, *, runs: bool = True) -> None:
        pod = example_object("web-lb-1", uid=f"p{template}", version=next(self.versions), spec={"nodeName": "node1"})
        pod["metadata"]["annotations"] = {names.ANNOTATION_TEMPLATE: template}
        state: dict[str, Any] = {"running": {}} if runs else {"waiting": {}}
        self.store.put(POD, {**pod, "status": {"initContainerStatuses": [{"name": "agent", "state": state}]}})

    def reports(self, **changes: Any) -> NodeRecord:
        return self.receive(HACLUSTER, resource(next(self.versions), nodes=[{**ENTRY, **changes}]))

    def silent_after(self, seconds: float) -> bool:
        """Whether the node counts as lost so many seconds later. The operator is not stopped: its clock goes on in steps."""
        until = self.time + seconds
        while self.time < until:
            self.time = min(self.time + 1.0, until)
            self.liveness.tick(self.time)
        self.missing()
        return self.liveness.of_node(NODE_KEY).silent(self.time)


@pytest.fixture
def earlier() -> EarlierAgent:
    return EarlierAgent()


async def test_one_that_runs_is_never_lost_however_often_it_is_doubted(earlier: EarlierAgent) -> None:
    for _ in range(5):
        await earlier.monitor.ask(NODE_KEY)
        assert not earlier.silent_after(1000.0)
    assert earlier.patches == []


@pytest.mark.parametrize("cause", ["node", "agent", "pod"])
def test_one_that_kubernetes_calls_missing_is_lost_after_ten_seconds_until_it_reports(earlier: EarlierAgent, cause: str) -> None:
    if cause == "node":
        earlier.add_node(ready=False, version=2)
    elif cause == "agent":
        earlier.pod("A", runs=False)
    else:
        (pod,) = earlier.store.all(POD)
        earlier.store.remove(POD, pod)
    assert not earlier.silent_after(0.0) and not earlier.silent_after(9.0) and earlier.silent_after(1.0)
    earlier.reports(haproxy="Up")
    assert not earlier.silent_after(0.0), "its agent lives: the kubelet does not answer"
    assert earlier.silent_after(10.0)


async def test_its_last_report_is_not_believed_for_ever_when_its_successor_says_nothing(earlier: EarlierAgent) -> None:
    """The new pod runs, and its agent cannot report: it is asked, because it could answer."""
    earlier.pod("B")
    record = earlier.liveness.of_node(NODE_KEY)
    node = ObservedNode("node1", entry=record.entry, version=record.version, received=record.received)
    assert doubted_nodes([node], ["node1"], record.received + 10.0) == ("node1",), "the roll-out waits for it"
    assert not earlier.silent_after(0.0)
    await earlier.monitor.ask(NODE_KEY)
    assert [name for name, _ in earlier.patches] == ["web.node1"]
    assert not earlier.silent_after(2.9) and earlier.silent_after(0.1)
    earlier.receive(HACLUSTER_NODE, report(version=next(earlier.versions), haproxy="Up"))
    assert not earlier.silent_after(1000.0)
