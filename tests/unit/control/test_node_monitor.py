"""`NodeMonitor`: reports are recorded, and an agent is asked whether it still runs."""

from typing import Any

import pytest

from hacluster import names
from hacluster.control.liveness import Liveness, NodeRecord
from hacluster.control.node_monitor import NodeMonitor
from hacluster.control.observe import Observer
from hacluster.control.store import Store
from hacluster.kube.client import ApiError
from hacluster.kube.kinds import DAEMON_SET, HACLUSTER, HACLUSTER_NODE, NODE, POD, Kind
from hacluster.plan.status import Claim
from tests.unit.control.examples import NODE_KEY, example_object, report, resource, router

VIP = "10.0.0.1"


class MonitoredCluster:
    """A node monitor with its cache, an API server that records patches, and a clock that the test sets."""

    def __init__(self) -> None:
        self.time, self.away = 0.0, False
        self.patches: list[tuple[str, Any]] = []
        self.store, self.liveness = Store(), Liveness()
        observer = Observer(self.store, self.liveness, lambda: self.time)
        self.monitor = NodeMonitor(self, self.store, self.liveness, observer, lambda: self.time)  # type: ignore[arg-type]

    async def merge(self, kind: Kind, namespace: str, name: str, patch: Any) -> None:
        assert kind is HACLUSTER_NODE and namespace == "ns"
        if self.away:
            raise ApiError("PATCH", 0, "Unreachable", "no answer")
        self.patches.append((name, patch["metadata"]["annotations"]))

    def receive(self, kind: Kind, raw: Any) -> NodeRecord:
        """The watch reports this object. Returns what is known of node1 then."""
        self.monitor.record(self.store.put(kind, raw))
        return self.liveness.of_node(NODE_KEY)

    def add_node(self, *, ready: bool = True, version: int = 1) -> None:
        node = example_object("node1", uid="n1", version=version, namespace="", cluster="")
        status = {"conditions": [{"type": "Ready", "status": "True" if ready else "Unknown"}]}
        self.store.put(NODE, {**node, "status": status})

    def missing(self) -> bool:
        self.monitor.refresh(("ns", "web"))
        return self.liveness.of_node(NODE_KEY).missing_since is not None


@pytest.fixture
def cluster() -> MonitoredCluster:
    return MonitoredCluster()


def test_a_report_is_recorded_in_the_version_in_which_it_is_stored(cluster: MonitoredCluster) -> None:
    record = cluster.receive(HACLUSTER_NODE, report(version=7, routers=[router(VIP)]))
    assert (record.version, record.claims) == (7, {VIP: Claim(7, 0.0)})
    record = cluster.receive(HACLUSTER_NODE, report(version=9, routers=[]))
    assert (record.version, record.claims) == (9, {})


def test_a_report_that_does_not_parse_leaves_the_rest_of_the_nodes_report(cluster: MonitoredCluster) -> None:
    bad = router(VIP, "not an address")
    record = cluster.receive(HACLUSTER_NODE, report(version=7, routers=[bad]))
    assert record.claims == {VIP: Claim(7, 0.0)}


def test_a_deleted_object_removes_the_claims(cluster: MonitoredCluster) -> None:
    raw = report(version=7, routers=[router(VIP)])
    cluster.receive(HACLUSTER_NODE, raw)
    cluster.monitor.record(cluster.store.remove(HACLUSTER_NODE, raw))
    assert cluster.liveness.of_node(NODE_KEY).claims == {}


def test_an_object_that_the_operator_has_not_made_is_no_report(cluster: MonitoredCluster) -> None:
    """Whoever may create HAClusterNodes could speak for a node otherwise."""
    raw = report(version=7, routers=[router(VIP)])
    raw["metadata"]["name"] = "web.mine"
    assert cluster.receive(HACLUSTER_NODE, raw).entry is None


def test_what_the_stored_status_calls_silent_needs_no_new_time_after_a_restart(cluster: MonitoredCluster) -> None:
    cluster.add_node(ready=False)
    cluster.receive(HACLUSTER, {**resource(5), "status": {"silentNodes": ["node1"]}})
    record = cluster.receive(HACLUSTER_NODE, report(version=7, routers=[router(VIP)]))
    assert cluster.missing() and record.silent(cluster.time)
    cluster.receive(HACLUSTER_NODE, report(version=8, haproxy="Up"))
    assert cluster.missing() and not record.silent(cluster.time), "it speaks, so it gets its time"


async def test_an_agent_is_asked_once_about_one_report(cluster: MonitoredCluster) -> None:
    cluster.receive(HACLUSTER_NODE, report(version=7, haproxy="Up"))
    await cluster.monitor.ask(NODE_KEY)
    await cluster.monitor.ask(NODE_KEY)
    assert cluster.patches == [("web.node1", {names.ANNOTATION_LIVENESS_REQUEST: "7"})]
    record = cluster.receive(HACLUSTER_NODE, report(version=8, asked="7", haproxy="Up"))
    assert record.version == 7, "the question is no report"
    cluster.time = 3.0
    assert record.silent(cluster.time)
    cluster.receive(HACLUSTER_NODE, report(version=9, asked="7", haproxy="Up", livenessResponse="7"))
    assert not record.silent(100.0)


async def test_a_question_that_could_not_be_asked_does_not_make_the_node_silent(cluster: MonitoredCluster) -> None:
    record = cluster.receive(HACLUSTER_NODE, report(version=7, haproxy="Up"))
    cluster.away = True
    await cluster.monitor.ask(NODE_KEY)
    assert record.question is None and not record.silent(1000.0)


def test_an_open_question_of_an_earlier_process_names_the_version_of_the_report(cluster: MonitoredCluster) -> None:
    record = cluster.receive(HACLUSTER_NODE, report(version=300, asked="90", routers=[router(VIP)]))
    assert record.version == 90 and record.claims[VIP].version == 90
    assert record.silent(3.0)


def test_a_node_is_missing_when_kubernetes_says_so(cluster: MonitoredCluster) -> None:
    cluster.add_node()
    cluster.receive(HACLUSTER_NODE, report(haproxy="Up"))
    assert not cluster.missing(), "without a DaemonSet controller a missing pod means nothing"
    daemonset = example_object("web-lb", status={"observedGeneration": 1})
    cluster.store.put(DAEMON_SET, daemonset)
    assert cluster.missing(), "it has no pod"
    pod = example_object("web-lb-1", uid="p1", spec={"nodeName": "node1"})
    running = {"initContainerStatuses": [{"name": "agent", "state": {"running": {}}}]}
    cluster.store.put(POD, {**pod, "status": running})
    assert not cluster.missing()
    waiting = {"initContainerStatuses": [{"name": "agent", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}
    pod["metadata"]["resourceVersion"] = "2"
    cluster.store.put(POD, {**pod, "status": waiting})
    assert cluster.missing()
    pod["metadata"]["resourceVersion"] = "3"
    cluster.store.put(POD, {**pod, "status": running})
    cluster.add_node(ready=False, version=2)
    assert cluster.missing()


def test_the_entry_of_an_earlier_agent_counts_until_the_new_one_reports(cluster: MonitoredCluster) -> None:
    entry = {"name": "node1", "routers": [router(VIP)]}
    assert cluster.receive(HACLUSTER, resource(5, nodes=[entry])).claims == {VIP: Claim(5, 0.0)}
    cluster.receive(HACLUSTER_NODE, report(version=6, haproxy="Up"))
    record = cluster.receive(HACLUSTER, resource(7, nodes=[{**entry, "haproxy": "Down"}]))
    assert (record.version, record.claims) == (6, {})
    cluster.receive(HACLUSTER, resource(8))
    assert cluster.liveness.of_node(NODE_KEY).version == 6


def test_an_object_without_a_report_does_not_remove_the_entry_of_an_earlier_agent(cluster: MonitoredCluster) -> None:
    """A listing, or the agent's restart, brings the object again while the new agent has not reported."""
    cluster.receive(HACLUSTER, resource(5, nodes=[{"name": "node1", "routers": [router(VIP)]}]))
    empty = {**report(version=6), "status": {}}
    for version in ("6", "7"):
        empty["metadata"]["resourceVersion"] = version
        assert cluster.receive(HACLUSTER_NODE, empty).claims == {VIP: Claim(5, 0.0)}


def test_an_entry_that_an_earlier_agent_has_removed_removes_its_claims(cluster: MonitoredCluster) -> None:
    cluster.receive(HACLUSTER, resource(5, nodes=[{"name": "node1", "routers": [router(VIP)]}]))
    assert cluster.receive(HACLUSTER, resource(6)).claims == {}


def test_an_entry_that_the_operator_has_written_is_no_report(cluster: MonitoredCluster) -> None:
    raw = resource(5, nodes=[{"name": "node1", "routers": [router(VIP)]}])
    raw["metadata"]["managedFields"] = [{"manager": names.OPERATOR_MANAGER}]
    assert cluster.receive(HACLUSTER, raw).entry is None
