"""Static pods on the three workers: a cold start without an API server, a failover, the operator beside them, and in their place."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster import Lab
from tests.e2e import static_pods
from tests.e2e.clients import both_clients
from tests.e2e.conftest import delete
from tests.e2e.front import VIP, Front, measured
from tests.e2e.invariant import one_holder, path_of
from tests.e2e.static_pods import (
    answers,
    daemons,
    put,
    served_within,
    start_api_server,
    start_server,
    static_agent,
    stop_api_server,
    take_away,
)
from tests.e2e.test_2_failures import kill_haproxy_until_moved
from tests.waiting import eventually

pytestmark = pytest.mark.kind

ALL = frozenset({"node1", "node2", "node3"})
ONE_SET = dict.fromkeys(ALL, (1, 1))
"""One HAProxy and one keepalived on each node."""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("static")


@pytest.fixture(scope="module")
def cold(labelled: Lab, scratch: Path) -> Iterator[Front]:
    """Static pods on the workers, and a server behind them on the client's host. Everything is removed afterwards."""
    delete(Front(labelled, "default", "web"))
    front = Front(labelled, "default", static_pods.NAME)
    server = start_server(labelled)
    try:
        put(labelled, scratch, static_pods.NODES)
        served_within(front, 90)
        yield front
    finally:
        start_api_server(labelled)
        delete(front)
        take_away(labelled)
        server.terminate()
        server.wait(30)


def _assert_held_by(front: Front, node: str) -> None:
    assert front.holders() == [node], front.holders()


def on_static_pods(front: Front) -> set[str]:
    """The nodes of which status says that a static pod serves there."""
    found = front.status().get("nodes", [])
    return {node["name"] for node in found if "StaticPod" in {each["reason"] for each in node["problems"]}}


def assert_served_by(front: Front, static: frozenset[str]) -> None:
    """Asserts that the nodes' static pods serve on these, and the operator's pods on the others, all of them fit."""
    assert on_static_pods(front) == static, front.status()
    assert front.condition("Ready")["status"] == "True", front.condition("Ready")
    assert [front.status()["vipHolder"]] == front.holders(), front.status()
    assert {node: daemons(front, node) for node in front.lab.nodes} == ONE_SET


def test_all_nodes_start_cold_and_fail_over_without_an_api_server(cold: Front) -> None:
    lab = cold.lab
    stop_api_server(lab)
    for node in lab.nodes:
        lab.stop_node(node)
    assert not cold.holders()
    started = time.monotonic()
    for node in lab.nodes:
        lab.power_on(node)
    served_within(cold, 120)
    measured(f"static pods: three nodes started without an API server, answers after {time.monotonic() - started:.0f} s")
    assert not answers(lab)
    eventually(lambda: _assert_held_by(cold, "node1"), within=60)
    kill_haproxy_until_moved(cold, "node1", within=20)
    assert served_within(cold, 10) < 10
    assert not answers(lab)
    eventually(lambda: _assert_held_by(cold, "node1"), within=90)


def test_the_operator_reports_them_and_starts_no_second_set(cold: Front) -> None:
    start_api_server(cold.lab)
    cold.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(static_pods.RESOURCE))
    eventually(lambda: assert_served_by(cold, ALL), within=180, every=0.5)
    assert cold.condition("Warning")["reason"] == "StaticPod"
    # What was rendered from the nodes' addresses alone are the operator's own files.
    assert cold.condition("Degraded")["status"] == "False", cold.condition("Degraded")


def test_a_changed_resource_is_loaded_from_the_files_that_status_asks_for(cold: Front, scratch: Path) -> None:
    cold.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(static_pods.changed()))

    def differs() -> None:
        degraded = cold.condition("Degraded")
        assert degraded["reason"] == "StaticPodDiffers" and "render" in degraded["message"], degraded

    eventually(differs, within=30, every=0.5)
    with both_clients(cold.lab, "static pods: changed files") as seen:
        put(cold.lab, scratch, cold.status()["nodes"], static_pods.changed())

        def alike() -> None:
            assert cold.condition("Degraded")["status"] == "False", cold.condition("Degraded")

        eventually(alike, within=60, every=0.5)
    assert not seen[0].failed, seen[0].failed[:5]
    assert_served_by(cold, ALL)


def test_a_failover_of_static_pods_is_in_status(cold: Front) -> None:
    cold.held_by("node1", within=60)
    kill_haproxy_until_moved(cold, "node1", within=20)

    def told() -> None:
        assert any(f"{VIP} moved from node1 to node" in each for each in cold.events()), cold.events()

    eventually(told, within=15)
    cold.held_by("node1", within=90)


def test_the_operators_pod_starts_nothing_when_the_static_pods_agent_is_killed(cold: Front) -> None:
    eventually(lambda: assert_served_by(cold, ALL), within=60, every=0.5)
    (before,) = static_agent(cold, "node1")
    running = cold.process_ids("node1", "^/usr/sbin/(haproxy -W|keepalived -n)")
    with one_holder(cold.lab, "static pods: node1's agent killed", ownerless=0.1) as changes:
        cold.lab.on_node("node1", "kill", "-KILL", before)

        def restarted() -> None:
            assert static_agent(cold, "node1") not in ([], [before])

        eventually(restarted, within=60, every=0.5)
        eventually(lambda: assert_served_by(cold, ALL), within=60, every=0.5)
    assert not path_of(changes)[1:], changes
    assert cold.process_ids("node1", "^/usr/sbin/(haproxy -W|keepalived -n)") == running


def test_node_by_node_the_operators_pods_take_over_when_the_manifests_are_removed(cold: Front) -> None:
    what = "static pods: manifests removed, one node after the other"
    with both_clients(cold.lab, what) as seen, one_holder(cold.lab, what, ownerless=2):
        left = ALL
        for node in cold.lab.nodes:
            take_away(cold.lab, [node])
            left -= {node}
            eventually(lambda left=left: assert_served_by(cold, left), within=120, every=0.5)  # type: ignore[misc]
        cold.held_by("node1", within=60)
    assert not seen[0].failed, seen[0].failed[:5]


def test_node_by_node_static_pods_take_over_when_the_operators_pods_are_deleted(cold: Front, scratch: Path) -> None:
    put(cold.lab, scratch, cold.status()["nodes"], static_pods.changed())

    def all_wait() -> None:
        assert all(static_agent(cold, node) for node in cold.lab.nodes)

    eventually(all_wait, within=60, every=0.5)
    assert_served_by(cold, frozenset())
    what = "static pods: the operator's pods deleted, one after the other"
    with both_clients(cold.lab, what) as seen, one_holder(cold.lab, what, ownerless=2):
        there: frozenset[str] = frozenset()
        for pod in cold.pods("lb"):
            cold.kubectl("delete", "pod", pod["metadata"]["name"])
            there |= {pod["spec"]["nodeName"]}
            eventually(lambda there=there: assert_served_by(cold, there), within=120, every=0.5)  # type: ignore[misc]
        cold.held_by("node1", within=60)
    assert not seen[0].failed, seen[0].failed[:5]
