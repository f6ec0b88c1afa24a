"""Pods of an older template: which ones they are, whether a pod is fit, and that a deletion counts before the cache shows it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from hacluster import names
from hacluster.api import NodeStatus
from hacluster.control.pod_updates import STUCK_AFTER, PodUpdates, is_fit, is_outdated
from hacluster.control.store import Store
from hacluster.kube.kinds import DAEMON_SET, NODE, POD
from hacluster.plan.status import ObservedNode
from hacluster.timestamps import format_timestamp
from tests.unit.control.examples import example_object
from tests.unit.plan.clusters import cluster

NOW = 1000.0
"""Seconds of the operator's monotonic clock."""
WALL = datetime(2026, 1, 1, 12, tzinfo=UTC)
NODES = ("n1", "n2", "n3")


def entry(node: str, *, holds: bool = False, state: str = "", **changes: Any) -> NodeStatus:
    router = {
        "name": "VI_1", "state": state or ("Master" if holds else "Backup"), "priority": 240, "interface": "eth0",
        "since": "2026-01-01T00:00:00Z", "virtualIPs": ["192.0.2.10"] if holds else [],
    }  # fmt: skip
    values = {"name": node, "haproxy": "Up", "pod": f"pod-{node}", "routers": [router], "configRevision": "r"} | changes
    return NodeStatus.model_validate(values)


def observed(node: str, **changes: Any) -> ObservedNode:
    return ObservedNode(node, entry=entry(node, **changes))


class Deletions:
    """Stands in for the API client."""

    def __init__(self) -> None:
        self.pods: list[str] = []

    async def delete(self, _kind: object, _namespace: str, name: str, *, uid: str) -> None:
        assert uid == name, "a successor of the same name must not be deleted"
        self.pods.append(name)


class Cluster:
    """Three nodes with pods of template A, and a DaemonSet of template B."""

    def __init__(self) -> None:
        self.store, self.client = Store(), Deletions()
        self.updates = PodUpdates(self.client, self.store)  # type: ignore[arg-type]
        self.resource = cluster(metadata={"namespace": "ns"})
        self.daemonset(template="B")
        for number, node in enumerate(NODES):
            self.node(node, version=10 + number)
            self.pod(node, "A", version=20 + number)

    def daemonset(self, template: str, *, observed_generation: int = 2, version: int = 1) -> None:
        raw = example_object("web-lb", uid="ds", version=version)
        raw["metadata"]["generation"] = 2
        raw["spec"] = {"template": {"metadata": {"annotations": {names.ANNOTATION_TEMPLATE: template}}}}
        self.store.put(DAEMON_SET, raw | {"status": {"observedGeneration": observed_generation}})

    def node(self, name: str, *, ready: bool = True, version: int) -> None:
        raw = example_object(name, namespace="", cluster="", uid=name, version=version)
        self.store.put(NODE, raw | {"status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}})

    def pod(self, node: str, template: str, *, version: int, name: str = "", **metadata: Any) -> None:
        name = name or f"pod-{node}"
        raw = example_object(name, uid=name, version=version, spec={"nodeName": node})
        raw["metadata"] |= {"annotations": {names.ANNOTATION_TEMPLATE: template}, **metadata}
        self.store.put(POD, raw)

    def step(self, *nodes: ObservedNode, now: float = NOW, planned: Sequence[str] = NODES) -> list[str]:
        """The pods that are deleted in this step. `planned`: nodes that the plan can configure."""
        self.client.pods.clear()
        plan: Any = SimpleNamespace(revisions=dict.fromkeys(planned, "r"))
        step = self.updates.step(self.resource, plan, nodes, now)
        self.look_again = step.look_again
        asyncio.run(self.updates.delete(self.resource, step))
        return list(self.client.pods)


ALL = (observed("n1", holds=True), observed("n2"), observed("n3"))


def test_a_deletion_counts_before_the_cache_shows_it() -> None:
    made = Cluster()
    assert made.step(*ALL) == ["pod-n2"]
    assert made.step(observed("n1"), observed("n2", holds=True), observed("n3")) == [], (
        "pod-n2 is ending, whoever holds the address"
    )


def test_nothing_is_deleted_before_the_controller_has_seen_the_template() -> None:
    made = Cluster()
    made.daemonset("B", observed_generation=1, version=2)
    assert made.step(*ALL) == []


@pytest.mark.parametrize("clock", [timedelta(), timedelta(hours=1), timedelta(hours=-1)], ids=["right", "ahead", "behind"])
def test_a_pod_that_does_not_end_holds_nobody_up_whatever_the_clocks_say(clock: timedelta) -> None:
    """The API server's clock differs from the operator's by `clock`. The grace period counts from when the operator saw the deletion."""
    made = Cluster()
    ending = {"deletionTimestamp": format_timestamp(WALL + clock + timedelta(seconds=40)), "deletionGracePeriodSeconds": 40}
    made.pod("n2", "A", version=50, **ending)
    assert made.step(*ALL) == []
    made.pod("n2", "A", version=51, **ending, labels={**example_object("x")["metadata"]["labels"], "other": "changed"})
    assert made.step(*ALL, now=NOW + 40 + STUCK_AFTER) == []
    assert made.step(*ALL, now=NOW + 40 + STUCK_AFTER + 1) == ["pod-n3"]


def test_the_successor_of_a_pod_that_did_not_end_has_its_own_time() -> None:
    made = Cluster()
    made.pod("n2", "A", version=50, deletionTimestamp=format_timestamp(WALL), deletionGracePeriodSeconds=0)
    assert made.step(*ALL) == []
    made.pod("n2", "A", version=60, deletionTimestamp=format_timestamp(WALL), deletionGracePeriodSeconds=0, uid="another")
    assert made.step(*ALL, now=NOW + STUCK_AFTER + 1) == []
    assert made.step(*ALL, now=NOW + 2 * STUCK_AFTER + 2) == ["pod-n3"]


def test_a_lost_node_holds_nobody_up() -> None:
    made = Cluster()
    made.node("n2", ready=False, version=60)
    assert made.step(*ALL) == ["pod-n3"]


def test_a_node_is_waited_for_as_long_as_its_deleted_pod_is_there() -> None:
    """The successor is fit already, and the old pod still has its drain."""
    made = Cluster()
    made.pod("n2", "A", version=50, deletionTimestamp=format_timestamp(WALL))
    made.pod("n2", "B", version=51, name="new-n2")
    nodes = (observed("n1", holds=True), observed("n2", pod="new-n2"), observed("n3"))
    assert made.step(*nodes) == []
    made.store.remove(POD, example_object("pod-n2", uid="pod-n2", version=52, spec={"nodeName": "n2"}))
    assert made.step(*nodes) == ["pod-n3"]


def test_a_pod_on_a_node_that_the_plan_cannot_configure_is_replaced_at_once() -> None:
    assert Cluster().step(*ALL, planned=("n1", "n2")) == ["pod-n3", "pod-n2"]


@pytest.mark.parametrize(
    "changes",
    [
        {"haproxy": "Down"}, {"haproxy": "Unknown"}, {"state": "Fault"}, {"state": "Unknown"}, {"state": "Stopped"}, {"leaving": True},
        {"routers": []}, {"configRevision": ""}, {"pod": "pod-before"}, {"pod": ""},
        {"problems": [{"reason": "HeldDown", "message": "x"}]},
    ],
)  # fmt: skip
def test_a_pod_is_fit_when_its_own_agent_says_so(changes: dict[str, Any]) -> None:
    assert is_fit(observed("n1"), "pod-n1", outdated=False)
    assert not is_fit(observed("n1", **changes), "pod-n1", outdated=False)
    assert not is_fit(replace(observed("n1"), silent=True), "pod-n1", outdated=False), "silent"


def test_an_old_pod_may_have_an_agent_that_does_not_name_it() -> None:
    assert is_fit(observed("n1", pod=""), "pod-n1", outdated=True)


def test_a_restart_that_a_user_asks_for_makes_pods_outdated() -> None:
    daemonset = {"spec": {"template": {"metadata": {"annotations": {names.ANNOTATION_TEMPLATE: "A"}}}}}
    pod = {"metadata": {"annotations": {names.ANNOTATION_TEMPLATE: "A", "other": "x"}}}
    assert not is_outdated(pod, daemonset)
    daemonset["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "now"
    assert is_outdated(pod, daemonset)
    assert not is_outdated({"metadata": {}}, {"spec": {"template": {"metadata": {}}}}), "a DaemonSet of an older operator"
