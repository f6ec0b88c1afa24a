"""Servers that are the nodes' own listeners: k0s#5178, a loop that uses up all sockets."""

from typing import Any

import pytest

from hacluster.plan import Plan
from tests.unit.plan.clusters import cluster, node, only, plan

NODES = (
    node("node1", internal="192.0.2.1", eth0=["192.0.2.1/24"], eth1=["10.0.0.1/24"]),
    node("node2", internal="172.16.0.2", eth0=["192.0.2.2/24"]),
)


def plan_with(address: str, port: int, **listener: Any) -> Plan:
    servers = {
        "servers": [{"name": "good", "address": "10.0.0.77", "port": 6443}, {"name": "bad", "address": address, "port": port}]
    }
    listeners = [
        {"name": "api", "port": 6443, "mode": "TCP", "backend": servers} | listener,
        {"name": "web", "port": 80, "backend": {"servers": [{"name": "a", "address": "10.0.0.77", "port": 8080}]}},
    ]
    return plan(cluster(apache=None, haproxy={"listeners": listeners}, system={"nonlocalBind": True}), *NODES)


@pytest.mark.parametrize(
    ("address", "port", "listener", "owner"),
    [
        ("192.0.2.2", 6443, "api", "node2"),
        ("10.0.0.1", 6443, "api", "node1"),
        ("192.0.2.1", 80, "web", "node1"),
        ("172.16.0.2", 80, "web", "node2"),
    ],
)
def test_a_nodes_own_address_with_a_listeners_port_is_refused(address: str, port: int, listener: str, owner: str) -> None:
    made = plan_with(address, port)
    problem = only(made.problems)
    assert made.blocked and problem.reason == "ServerIsListener"
    assert problem.field == "spec.haproxy.listeners[0].backend.servers[1]"
    for part in (address, str(port), f"listener {listener}", f"node {owner}", "bind: VirtualIPs"):
        assert part in problem.message


def test_other_ports_and_other_addresses_are_accepted() -> None:
    assert not plan_with("192.0.2.2", 8080).problems
    assert not plan_with("192.0.2.9", 6443).problems


def test_a_listener_on_the_virtual_ips_leaves_the_nodes_addresses_to_other_programs() -> None:
    assert not plan_with("192.0.2.2", 6443, bind="VirtualIPs").problems
    assert plan_with("192.0.2.2", 80, bind="VirtualIPs").blocked, "the other listener has that port on every address"
