"""Static pods on the three workers: a cold start without an API server, a failover, the operator beside them, and in their place."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster import Lab
from tests.e2e import static_pods
from tests.e2e.conftest import delete
from tests.e2e.front import VIP, Front, measured
from tests.e2e.static_pods import PORT, answers, daemons, put, served_within, start_api_server, stop_api_server, take_away
from tests.e2e.test_2_failures import kill_haproxy_until_moved
from tests.waiting import eventually

pytestmark = pytest.mark.kind

ONE_SET = dict.fromkeys(("node1", "node2", "node3"), (1, 1))
"""One HAProxy and one keepalived on each node."""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("static")


@pytest.fixture(scope="module")
def cold(labelled: Lab, scratch: Path) -> Iterator[Front]:
    """Static pods on the workers, and a server behind them on the client's host. Everything is removed afterwards."""
    delete(Front(labelled, "default", "web"))
    server = labelled.client_spawn("timeout", "1800", "python3", "-m", "http.server", str(PORT))
    front = Front(labelled, "default", static_pods.NAME)
    try:
        put(labelled, scratch, static_pods.NODES)
        served_within(front, 90)
        yield front
    finally:
        start_api_server(labelled)
        delete(front)
        take_away(labelled)
        labelled.client("pkill", "-f", f"http.server {PORT}", check=False)
        server.kill()
        server.communicate()


def one_holder(front: Front) -> str:
    (holder,) = front.holders()
    return holder


def test_all_nodes_start_cold_and_fail_over_without_an_api_server(cold: Front) -> None:
    lab = cold.lab
    stop_api_server(lab)
    for node in lab.nodes:
        lab.stop_node(node)
    for node in lab.nodes:
        lab.power_on(node)
    seconds = served_within(cold, 120)
    assert not answers(lab)
    measured(f"static pods: three nodes started cold without an API server, the virtual IP answered after {seconds:.0f} s")
    eventually(lambda: _assert_held_by(cold, "node1"), within=60)
    kill_haproxy_until_moved(cold, "node1", within=20)
    assert served_within(cold, 10) < 10
    assert not answers(lab)
    eventually(lambda: _assert_held_by(cold, "node1"), within=90)


def _assert_held_by(front: Front, node: str) -> None:
    assert front.holders() == [node], front.holders()


def test_the_operator_reports_them_and_starts_no_second_set(cold: Front, scratch: Path) -> None:
    start_api_server(cold.lab)
    cold.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(static_pods.RESOURCE))

    def reported() -> None:
        status, holder = cold.status(), one_holder(cold)
        assert status.get("vipHolder") == holder, status
        reasons = {each["name"]: [problem["reason"] for problem in each["problems"]] for each in status["nodes"]}
        assert all("StaticPod" in reasons.get(node, ()) for node in cold.lab.nodes), reasons
        assert cold.condition("Warning")["reason"] == "StaticPod"
        assert cold.condition("Ready")["status"] == "True", cold.condition("Ready")

    eventually(reported, within=180, every=0.5)
    assert {node: daemons(cold, node) for node in cold.lab.nodes} == ONE_SET
    # The files were rendered before the nodes' link-local addresses were known. The cure is the one that status names.
    degraded = cold.condition("Degraded")
    assert degraded["reason"] == "StaticPodDiffers" and "render" in degraded["message"], degraded
    put(cold.lab, scratch, cold.status()["nodes"])

    def alike() -> None:
        assert cold.condition("Degraded")["status"] == "False", cold.condition("Degraded")

    eventually(alike, within=60, every=0.5)
    reported()


def test_a_failover_of_static_pods_is_in_status(cold: Front) -> None:
    cold.held_by("node1", within=60)
    kill_haproxy_until_moved(cold, "node1", within=20)

    def told() -> None:
        assert any(f"{VIP} moved from node1 to node" in each for each in cold.events()), cold.events()

    eventually(told, within=15)
    cold.held_by("node1", within=90)


def test_the_operators_pods_take_over_when_the_manifests_are_removed(cold: Front) -> None:
    take_away(cold.lab)
    served_within(cold, 60)

    def adopted() -> None:
        status = cold.status()
        assert not [each for node in status["nodes"] for each in node["problems"] if each["reason"] == "StaticPod"], status[
            "nodes"
        ]
        assert cold.condition("Ready")["status"] == "True", cold.condition("Ready")

    eventually(adopted, within=120, every=0.5)
    assert {node: daemons(cold, node) for node in cold.lab.nodes} == ONE_SET
    assert cold.status()["vipHolder"] == one_holder(cold)
