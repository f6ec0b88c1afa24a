"""Faults (HAProxy killed, a node lost, the operator away, objects edited): what a client sees, and what status reports."""

import time

import pytest

from tests.e2e.clients import both_clients
from tests.e2e.front import VIP, Front, measured
from tests.e2e.invariant import one_holder
from tests.waiting import eventually

pytestmark = pytest.mark.kind


# In one program on the node: on a busy machine a command from outside takes so long that HAProxy answers again between two kills.
_KILL_UNTIL_MOVED = """
until [ -z "$(ip -o address show to "$1")" ] || [ "$(cut -d. -f1 /proc/uptime)" -ge "$2" ]; do pkill -KILL -x haproxy; sleep 0.05; done
"""


def kill_haproxy_until_moved(front: Front, node: str, within: int) -> None:
    """Kills HAProxy again whenever the kubelet has restarted it, until the virtual IP has left the node. `within` are seconds."""
    end = time.monotonic() + within
    up = float(front.lab.on_node(node, "cat", "/proc/uptime").split()[0])
    front.lab.on_node(node, "sh", "-c", _KILL_UNTIL_MOVED, "kill", VIP, str(round(up + within)))
    while node in front.holders():
        assert time.monotonic() < end, f"the virtual IP stayed on {node} although HAProxy was dead"


def test_haproxy_killed_moves_the_virtual_ip_to_node2_and_back(tutorial: Front) -> None:
    transitions = tutorial.status()["virtualIPs"][0]["transitions"]
    what = "HAProxy killed, the tutorial's settings"
    with both_clients(tutorial.lab, what), one_holder(tutorial.lab, what, ownerless=10):
        kill_haproxy_until_moved(tutorial, "node1", within=20)

        def on_node2() -> None:
            virtual_ip, events = tutorial.status()["virtualIPs"][0], tutorial.events()
            assert virtual_ip["transitions"] > transitions, virtual_ip
            assert f"{VIP} moved from node1 to node2 (HAProxyDown)" in events, events

        eventually(on_node2, within=10, every=0.05)
        tutorial.held_by("node1", within=60)
    tutorial.ready()


def test_a_lost_node_loses_the_virtual_ip_and_gets_it_back(tutorial: Front) -> None:
    try:
        with both_clients(tutorial.lab, "node lost, the tutorial's settings"), tutorial.probe(seconds=20) as probe:
            tutorial.lab.stop_node("node1")

            def on_node2() -> None:
                assert tutorial.status()["vipHolder"] == "node2"

            eventually(on_node2, within=15)
            assert VIP in tutorial.lab.on_node("node2", "ip", "-o", "address", "show", "dev", "ens3")
            assert VIP not in tutorial.lab.on_node("node3", "ip", "-o", "address", "show", "dev", "ens3")
            report = probe.result()
        # Later gaps are requests that HAProxy still sends to the lost node's Apache: the tutorial's checks take half a minute.
        measured(f"node lost, the tutorial's settings: the virtual IP was away {report['gaps'][0]} ms for a client")
        assert "Node 2" in str(report["answers"]) and "Node 3" in str(report["answers"]), report

        def reported() -> None:
            degraded = tutorial.condition("Degraded")
            assert degraded["status"] == "True" and "node1" in degraded["message"], degraded
            assert tutorial.condition("SplitBrain")["status"] != "True"

        eventually(reported, within=30)
    finally:
        tutorial.lab.start_node("node1")
    tutorial.held_by("node1", within=120)
    tutorial.ready(within=120)


def test_a_failover_works_without_the_operator(tutorial: Front) -> None:
    """keepalived and HAProxy do not need it, and its status is right again when it is back."""
    tutorial.lab.kubectl("-n", "hacluster-system", "scale", "deployment", "--all", "--replicas=0")
    try:
        kill_haproxy_until_moved(tutorial, "node1", within=20)
        assert tutorial.holders() != ["node1"]
    finally:
        tutorial.lab.kubectl("-n", "hacluster-system", "scale", "deployment", "--all", "--replicas=1")
    tutorial.held_by("node1", within=90)
    tutorial.ready()


def test_a_deleted_and_an_edited_object_are_restored(tutorial: Front) -> None:
    before = tutorial.restarts()
    tutorial.kubectl("delete", "configmap", "web-config", "--wait=false")
    tutorial.kubectl("label", "daemonset", "web-lb", "app.kubernetes.io/component=edited", "--overwrite")

    def repaired() -> None:
        assert "node1.haproxy.cfg" in tutorial.kubectl("get", "configmap", "web-config", "-o", "jsonpath={.data}", check=False)
        label = tutorial.kubectl(
            "get", "daemonset", "web-lb", "-o", "jsonpath={.metadata.labels.app\\.kubernetes\\.io/component}"
        )
        assert label == "lb"

    eventually(repaired, within=10)
    tutorial.ready()
    assert tutorial.restarts() == before
    assert tutorial.holders() == ["node1"]
