"""The smallest resource: what is discovered, the default health check, memory, and that nothing is left after its deletion."""

import re

import pytest

from tests.e2e.clients import both_clients
from tests.e2e.conftest import SYSTEM, delete
from tests.e2e.front import VIP, Front, measured, resident_megabytes
from tests.e2e.invariant import one_holder
from tests.e2e.test_2_failures import kill_haproxy_until_moved
from tests.waiting import eventually

pytestmark = pytest.mark.kind


def test_interfaces_and_priorities_are_found_by_themselves(minimal: Front) -> None:
    def found() -> None:
        """A node that had the address until node1 was ready may still show the low priority with which it gave it up."""
        routers = {node["name"]: node["routers"][0] for node in minimal.status()["nodes"]}
        assert {name: router["interface"] for name, router in routers.items()} == dict.fromkeys(
            ("node1", "node2", "node3"), "ens3"
        )
        assert {name: router["priority"] for name, router in routers.items()} == {"node1": 250, "node2": 240, "node3": 230}

    eventually(found, within=5)
    minimal.all_serve()


def test_a_killed_haproxy_causes_a_failover_within_seconds(minimal: Front) -> None:
    what = "HAProxy killed, default settings"
    with both_clients(minimal.lab, what), one_holder(minimal.lab, what, ownerless=1):
        minimal.lab.on_node("node1", "pkill", "-KILL", "-x", "haproxy")

        def moved() -> None:
            # Not in the status: the kubelet restarts HAProxy within a second, and the status goes on to the move back.
            events = minimal.events()
            assert any(re.search(r"moved from node1 to node\d \(HAProxyDown\)", each) for each in events), events

        eventually(moved, within=5, every=0.05)
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


def test_a_node_that_reaches_fewer_servers_than_the_holder_takes_the_address_back_when_it_reaches_as_many(minimal: Front) -> None:
    lab = minimal.lab

    def up(servers: int) -> None:
        """In the status: what it says may be a few seconds old."""
        assert minimal.status()["listeners"][0]["serversUp"] == servers, minimal.status()["listeners"]

    eventually(lambda: up(3), within=60, every=0.5)
    rules = "add table ip cut; add chain ip cut out { type filter hook output priority 0; }"
    try:
        lab.on_node("node1", "nft", f'{rules}; add rule ip cut out oifname != "lo" tcp dport 8081 drop')

        eventually(lambda: up(1), within=60, every=0.5)
        (pod,) = [each["metadata"]["name"] for each in minimal.pods("lb") if each["spec"]["nodeName"] == "node1"]
        with both_clients(lab, "node1's pod deleted while it reaches one of three servers") as seen:
            minimal.kubectl("delete", "pod", pod)

            def stays_out() -> None:
                (node1,) = [each for each in minimal.status()["nodes"] if each["name"] == "node1"]
                messages = [each["message"] for each in node1["problems"] if each["reason"] == "FewerServers"]
                assert any("this node reaches 1 of 3 servers and node2 3" in each for each in messages), node1

            eventually(stays_out, within=60, every=0.5)
            assert minimal.holders() == ["node2"]
    finally:
        lab.on_node("node1", "nft", "delete table ip cut")
    minimal.held_by("node1", within=30)
    assert len(seen[0].failed) == 0, seen[0].failed[:5]


def test_deleting_the_resource_leaves_nothing(minimal: Front) -> None:
    delete(minimal)
    for node in minimal.lab.nodes:
        assert VIP not in minimal.lab.on_node(node, "ip", "-o", "address")
        assert not minimal.process_ids(node, "keepalived|haproxy|apache2|hacluster agent|rsyslogd"), node
        assert VIP not in minimal.lab.on_node(node, "ip", "rule")
        assert not re.search(r"hacluster_[0-9a-f]{4,16}\b", minimal.lab.on_node(node, "nft", "list", "tables"))

    def no_objects() -> None:
        for kind in ("daemonset", "configmap", "role", "rolebinding", "serviceaccount", "haclusternode", "pod"):
            left = minimal.kubectl("get", kind, "-l", "app.kubernetes.io/instance=web", "-o", "name").strip()
            assert not left, left

    eventually(no_objects, within=60)
