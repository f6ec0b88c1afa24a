"""The smallest resource: what is discovered, the default health check, memory, and that nothing is left after its deletion."""

import re

import pytest

from tests.e2e.conftest import SYSTEM, delete
from tests.e2e.front import VIP, Front, measured, resident_megabytes
from tests.e2e.invariant import one_holder
from tests.e2e.test_2_failures import kill_haproxy_until_moved
from tests.waiting import eventually

pytestmark = pytest.mark.kind


def test_interfaces_and_priorities_are_found_by_themselves(minimal: Front) -> None:
    status = minimal.status()
    routers = {node["name"]: node["routers"][0] for node in status["nodes"]}
    assert {name: router["interface"] for name, router in routers.items()} == dict.fromkeys(("node1", "node2", "node3"), "ens3")
    assert {name: router["priority"] for name, router in routers.items()} == {"node1": 250, "node2": 240, "node3": 230}
    assert len({minimal.get(f"http://{VIP}/") for _ in range(3)}) == 3


def test_a_killed_haproxy_causes_a_failover_within_seconds(minimal: Front) -> None:
    with one_holder(minimal.lab, "HAProxy killed, default settings", ownerless=1), minimal.probe(seconds=8) as probe:
        minimal.lab.on_node("node1", "pkill", "-KILL", "-x", "haproxy")

        def moved() -> None:
            assert minimal.status().get("lastFailover", {}).get("reason") == "HAProxyDown"

        eventually(moved, within=5, every=0.05)
        report = probe.result()
    measured(f"HAProxy killed, default settings: gaps seen by a client {report['gaps']} ms of {report['sent']} requests")
    minimal.held_by("node1", within=60)


def test_memory_without_load_is_within_limits(minimal: Front) -> None:
    agents = {node: sum(resident_megabytes(minimal.lab, node, "hacluster agent")) for node in minimal.lab.nodes}
    (deployment,) = minimal.lab.kubectl("-n", SYSTEM, "get", "deployment", "-o", "name").split()
    status = minimal.lab.kubectl("-n", SYSTEM, "exec", deployment, "--", "cat", "/proc/1/status")
    operator = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024
    measured(f"resident memory: operator {operator:.0f} MB, agents {[round(mb) for mb in agents.values()]} MB")
    assert operator <= 100
    assert all(0 < each <= 50 for each in agents.values()), agents


def test_the_address_returns_after_haproxy_was_killed_repeatedly(minimal: Front) -> None:
    kill_haproxy_until_moved(minimal, "node1", within=20)
    minimal.held_by("node1", within=90)


def test_deleting_the_resource_leaves_nothing(minimal: Front) -> None:
    delete(minimal)
    for node in minimal.lab.nodes:
        assert VIP not in minimal.lab.on_node(node, "ip", "-o", "address")
        assert not minimal.process_ids(node, "keepalived|haproxy|apache2|hacluster agent|rsyslogd"), node
        assert VIP not in minimal.lab.on_node(node, "ip", "rule")
        assert not re.search(r"hacluster_[0-9a-f]{4}\b", minimal.lab.on_node(node, "nft", "list", "tables"))

    def no_objects() -> None:
        for kind in ("daemonset", "configmap", "role", "rolebinding", "serviceaccount", "lease", "pod"):
            left = minimal.kubectl("get", kind, "-l", "app.kubernetes.io/instance=web", "-o", "name").strip()
            assert not left, left

    eventually(no_objects, within=60)
