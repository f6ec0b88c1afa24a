"""A roll-out of Apache leaves HAProxy enough servers: a ready pod counts when HAProxy has found its server to be up."""

import pytest

from hacluster import names
from hacluster.kube.kinds import DAEMON_SET, POD
from hacluster.plan.rollout.pods import CHECKED_WITHIN, REPORTED_WITHIN
from hacluster.plan.status import ObservedNode
from tests.unit.control.examples import example_object
from tests.unit.control.test_pod_updates import NOW, Cluster, observed
from tests.unit.plan.clusters import cluster


class Apaches(Cluster):
    """Nodes whose Apache pods are of template A, and whose DaemonSet is of template B."""

    def __init__(self, *nodes: str) -> None:
        super().__init__()
        self.nodes, self.version = nodes, 100
        self.daemonset("A", version=2)
        raw = example_object(names.apache("web"), uid="apache")
        raw["metadata"]["generation"] = 1
        raw["spec"] = {"template": {"metadata": {"annotations": {names.ANNOTATION_TEMPLATE: "B"}}}}
        self.store.put(DAEMON_SET, raw | {"status": {"observedGeneration": 1}})
        for node in nodes:
            self.apache(node, "A")

    def apache(self, node: str, template: str, *, ready: bool = True) -> None:
        """Puts the node's pod; one of template B takes the place of the one of A."""
        self.version += 1
        old, name = f"apache-{node}-A", f"apache-{node}-{template}"
        if template != "A":
            self.store.remove(POD, example_object(old, uid=old, version=self.version, spec={"nodeName": node}))
        raw = example_object(name, uid=name, version=self.version, spec={"nodeName": node})
        raw["metadata"]["labels"][names.LABEL_COMPONENT] = names.COMPONENT_APACHE
        raw["metadata"]["annotations"] = {names.ANNOTATION_TEMPLATE: template}
        conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
        self.store.put(POD, raw | {"status": {"conditions": conditions}})

    def next(self, up: int, *, now: float = NOW) -> list[str]:
        """The pods that are deleted when the holder reports so many servers up."""
        listener = {"name": "web", "port": 80, "serversUp": up, "servers": len(self.nodes)}
        reported: list[ObservedNode] = [
            observed(
                node, holds=node == self.nodes[0], listeners=[listener if node == self.nodes[0] else {**listener, "serversUp": 0}]
            )
            for node in self.nodes
        ]
        return self.step(*reported, now=now, planned=self.nodes)


def test_of_two_the_second_waits_until_the_first_passes_its_checks_again() -> None:
    made = Apaches("n1", "n2")
    assert made.next(up=2) == ["apache-n1-A"]
    made.apache("n1", "B", ready=False)
    assert made.next(up=1) == []
    made.apache("n1", "B")
    assert made.next(up=1) == [], "ready, and HAProxy sends it nothing yet"
    assert made.next(up=1, now=NOW + 10 * CHECKED_WITHIN) == [], "the last server"
    assert made.next(up=2, now=NOW + 10 * CHECKED_WITHIN) == ["apache-n2-A"]


def test_a_report_of_the_time_before_the_replacement_is_not_believed() -> None:
    """HAProxy may have missed the server already, and its agent says so seconds later."""
    made = Apaches("n1", "n2")
    assert made.next(up=2) == ["apache-n1-A"]
    made.apache("n1", "B")
    assert made.next(up=2) == []
    assert made.look_again == REPORTED_WITHIN
    assert made.next(up=2, now=NOW + 2) == []
    assert made.look_again == REPORTED_WITHIN - 2
    assert made.next(up=1, now=NOW + REPORTED_WITHIN) == []
    assert made.next(up=2, now=NOW + REPORTED_WITHIN) == ["apache-n2-A"]


def test_of_three_a_server_that_is_never_found_up_holds_nobody_up_for_ever() -> None:
    made = Apaches("n1", "n2", "n3")
    assert made.next(up=3) == ["apache-n1-A"]
    made.apache("n1", "B")
    assert made.next(up=2) == []
    assert made.next(up=2, now=NOW + CHECKED_WITHIN) == ["apache-n2-A"]
    made.apache("n2", "B")
    assert made.next(up=1, now=NOW + 10 * CHECKED_WITHIN) == [], "the last server"


@pytest.mark.parametrize("nodes", [("n1",), ("n1", "n2")])
def test_where_no_server_is_up_nothing_is_lost_by_a_replacement(nodes: tuple[str, ...]) -> None:
    assert Apaches(*nodes).next(up=0) == ["apache-n1-A"]


def test_an_operator_that_starts_meanwhile_does_not_take_the_last_server() -> None:
    made = Apaches("n1", "n2")
    made.apache("n1", "B")
    assert made.next(up=1) == []


def test_the_only_one_is_replaced() -> None:
    assert Apaches("n1").next(up=1) == ["apache-n1-A"]


def test_listeners_with_other_servers_are_not_asked() -> None:
    made = Apaches("n1", "n2")
    servers = [{"name": "other", "address": "192.0.2.77", "port": 8080}]
    listeners = [{"name": "web", "port": 80, "backend": {"servers": servers}}]
    made.resource = cluster(metadata={"namespace": "ns"}, haproxy={"listeners": listeners})
    assert made.next(up=1) == ["apache-n1-A"]
