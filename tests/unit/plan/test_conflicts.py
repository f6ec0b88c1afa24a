"""Conflicts between two resources about virtual IPs, VRIDs and ports: the older resource keeps what both want."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import pytest

from hacluster.api import HACluster
from hacluster.errors import Problem
from hacluster.plan import LeftoverPod, held_by_leftovers
from hacluster.plan import find_conflicts as find_conflicts_of
from hacluster.plan.topology.router_claims import Placement, placement
from hacluster.plan.topology.segments import segments_of
from tests.unit.plan.clusters import cluster, node, only

OLD, NEW = "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"


def resource(name: str, created: str, *, namespace: str = "default", vrid: int | None = None, **more: Any) -> HACluster:
    """A resource with an address and ports of its own: it conflicts with another one only in what a test gives to both."""
    number = int.from_bytes(f"{namespace}/{name}".encode()) % 200
    router: dict[str, Any] = {"virtualIPs": [f"198.51.100.{number}/32"]} | ({"virtualRouterID": vrid} if vrid else {})
    port = 10_000 + number
    spec: dict[str, Any] = {
        "virtualRouters": [router],
        "haproxy": {
            "stats": {"port": port},
            "listeners": [{"name": "web", "port": port + 1000, "backend": {"apache": {}}}],
        },
        "apache": {"port": port + 2000},
    } | more
    return cluster(name, metadata={"namespace": namespace, "creationTimestamp": created}, **spec)


def all_nodes(_: HACluster) -> Collection[str]:
    return ("n1", "n2")


def anywhere(each: HACluster) -> Placement:
    """No agent has reported."""
    return placement(each, segments_of(each, {"n1": None}))


def find_conflicts(
    young: HACluster, others: Sequence[HACluster], nodes_of: Callable[[HACluster], Collection[str]]
) -> tuple[Problem, ...]:
    return find_conflicts_of(young, others, nodes_of, anywhere)


def on(**subnets: str) -> Callable[[HACluster], Placement]:
    """Each resource runs on one node of its own, with this address on eth0."""

    def placed(each: HACluster) -> Placement:
        name = each.metadata.name
        return placement(each, segments_of(each, {name: node("", eth0=[subnets[name]]).interfaces}))

    return placed


def haproxy(listener: int = 80, bind: str = "Any", **stats: Any) -> dict[str, Any]:
    return {
        "stats": {"port": 7999} | stats,
        "listeners": [{"name": "web", "port": listener, "bind": bind, "backend": {"apache": {}}}],
    }


def test_resources_that_share_nothing_do_not_conflict() -> None:
    assert find_conflicts(resource("a", NEW), [resource("a", NEW), resource("b", OLD)], all_nodes) == ()


def test_only_the_younger_resource_gets_the_problem() -> None:
    routers = [{"virtualIPs": ["192.0.2.9/24"]}, {"virtualIPs": ["192.0.2.8/24", "192.0.2.10/25"]}]
    young = resource("a", NEW, virtualRouters=routers)
    old = resource("b", OLD, namespace="prod", virtualRouters=[{"virtualIPs": ["192.0.2.10/24"]}])
    problem = only(find_conflicts(young, [old], all_nodes))
    assert (problem.reason, problem.field) == ("VirtualIPTaken", "spec.virtualRouters[1].virtualIPs[1]")
    assert "prod/b" in problem.message and "192.0.2.10" in problem.message
    assert find_conflicts(old, [young], all_nodes) == ()


def test_if_both_have_the_same_age_the_name_decides() -> None:
    routers = [{"virtualIPs": ["192.0.2.10/24"]}]
    a, b = resource("a", OLD, virtualRouters=routers), resource("b", OLD, virtualRouters=routers)
    assert find_conflicts(a, [a, b], all_nodes) == () and find_conflicts(b, [a, b], all_nodes)


def test_router_ids_conflict_while_it_is_unknown_where_the_resources_advertise() -> None:
    young, old = resource("a", NEW, vrid=51), resource("b", OLD, vrid=51)
    problem = only(find_conflicts(young, [old], lambda each: {each.metadata.name}))
    assert (problem.reason, problem.field) == ("VirtualRouterIDTaken", "spec.virtualRouters[0].virtualRouterID")
    assert "default/b" in problem.message and "no agent has reported the subnets of n1" in problem.message


def named(name: str, created: str, vrid: int | None, address: str = "10.1.0.200/24") -> HACluster:
    router: dict[str, Any] = {"virtualIPs": [address], "interface": "eth0"} | ({"virtualRouterID": vrid} if vrid else {})
    return resource(name, created, virtualRouters=[router])


def test_router_ids_conflict_on_one_network_segment_only() -> None:
    young, old = named("a", NEW, 51), named("b", OLD, 51, "10.1.0.201/24")
    (problem,) = find_conflicts_of(young, [old], lambda each: {each.metadata.name}, on(a="10.1.0.1/24", b="10.1.0.2/24"))
    assert problem.reason == "VirtualRouterIDTaken" and "(subnet 10.1.0.0/24)" in problem.message
    elsewhere = named("b", OLD, 51, "10.2.0.200/24")
    assert not find_conflicts_of(young, [elsewhere], lambda each: {each.metadata.name}, on(a="10.1.0.1/24", b="10.2.0.1/24"))


def test_an_id_that_two_resources_run_where_they_meet_is_a_conflict_of_the_younger_one() -> None:
    """A node has joined that brings their networks together. Both were allotted the ID before."""
    segments = on(a="10.1.0.1/24", b="10.1.0.2/24")
    young, old = (with_status(named(name, age, None, ip), 17, ip) for name, age, ip in (("a", NEW, A), ("b", OLD, B)))
    (problem,) = find_conflicts_of(young, [old], lambda each: {each.metadata.name}, segments)
    assert (problem.reason, problem.field) == ("VirtualRouterIDTaken", "spec.virtualRouters[0].virtualRouterID")
    assert "Name a free ID here" in problem.message
    assert not find_conflicts_of(old, [young], lambda each: {each.metadata.name}, segments)
    cured = with_status(named("a", NEW, 18, A), 17, A)
    assert not find_conflicts_of(cured, [old], lambda each: {each.metadata.name}, segments)


A, B = "10.1.0.200/24", "10.1.0.201/24"


def with_status(original: HACluster, vrid: int, address: str = "192.0.2.10") -> HACluster:
    """The resource with a status in which its first router was allotted the VRID."""
    status = {"virtualIPs": [{"address": address.partition("/")[0], "router": "VI_1", "virtualRouterID": vrid}]}
    return original.model_copy(update={"status": cluster(status=status).status})


def test_an_id_that_an_older_resource_was_allotted_is_taken() -> None:
    young, old = resource("a", NEW, vrid=51), with_status(resource("b", OLD), 51)
    assert only(find_conflicts(young, [old], all_nodes)).reason == "VirtualRouterIDTaken"
    assert not find_conflicts(old, [young], all_nodes), "the older resource keeps its ID"


@pytest.mark.parametrize(
    ("young", "old", "field"),
    [
        ({"haproxy": haproxy(80)}, {"haproxy": haproxy(80, port=7998)}, "spec.haproxy.listeners[0].port"),
        ({"haproxy": haproxy(7998)}, {"haproxy": haproxy(81, port=7998)}, "spec.haproxy.listeners[0].port"),
        ({"haproxy": haproxy(81)}, {"haproxy": haproxy(82)}, "spec.haproxy.stats.port"),
        ({"apache": {"port": 9000}}, {"apache": {"port": 9000}}, "spec.apache.port"),
        ({"apache": {"port": 9000}}, {"haproxy": haproxy(9000)}, "spec.apache.port"),
        ({"haproxy": haproxy(81, interface="eth0")}, {"haproxy": haproxy(82, interface="eth0")}, "spec.haproxy.stats.port"),
    ],
)
def test_ports_conflict_only_on_a_shared_node(young: dict[str, Any], old: dict[str, Any], field: str) -> None:
    one, other = resource("a", NEW, **young), resource("b", OLD, **old)
    problem = only(find_conflicts(one, [other], all_nodes))
    assert (problem.reason, problem.field) == ("PortTaken", field)
    assert "default/b" in problem.message and "node n1" in problem.message
    assert find_conflicts(one, [other], lambda each: {each.metadata.name}) == (), "no node in common"


def test_the_same_port_conflicts_only_if_the_addresses_can_overlap() -> None:
    bound = {"system": {"nonlocalBind": True}}
    young = resource("a", NEW, haproxy=haproxy(80, "VirtualIPs", interface="eth0"), **bound)
    assert (
        find_conflicts(young, [resource("b", OLD, haproxy=haproxy(80, "VirtualIPs", interface="eth1"), **bound)], all_nodes) == ()
    )
    any_address = resource("b", OLD, haproxy=haproxy(80, port=7000))
    assert only(find_conflicts(young, [any_address], all_nodes)).field == "spec.haproxy.listeners[0].port"


def test_two_rsyslogs_on_one_node_need_different_ports() -> None:
    def logging(name: str, created: str, port: int) -> HACluster:
        original = resource(name, created)
        log = cluster(haproxy=haproxy() | {"log": {"target": "File", "port": port}}).spec.haproxy.log
        changed = original.spec.haproxy.model_copy(update={"log": log})
        return original.model_copy(update={"spec": original.spec.model_copy(update={"haproxy": changed})})

    young = logging("a", NEW, 514)
    assert only(find_conflicts(young, [logging("b", OLD, 514)], all_nodes)).field == "spec.haproxy.log.port"
    assert find_conflicts(young, [logging("b", OLD, 515)], all_nodes) == ()


def leftover(**changes: Any) -> LeftoverPod:
    values = {"virtual_ips": frozenset({"192.0.2.10"}), "router_ids": frozenset({51})} | changes
    return LeftoverPod("old-lb-x", "prod", "old", "n1", **values)


def test_pods_of_a_deleted_resource_hold_its_virtual_ips_until_they_have_ended() -> None:
    young = resource("a", NEW, virtualRouters=[{"virtualIPs": ["192.0.2.9/24", "192.0.2.10/24"]}])
    problem = only(held_by_leftovers(young, [leftover()]))
    assert (problem.reason, problem.field) == ("VirtualIPTaken", "spec.virtualRouters[0].virtualIPs[1]")
    assert "deleted HACluster prod/old (old-lb-x on n1)" in problem.message and "--force" in problem.message
    assert held_by_leftovers(young, [leftover(virtual_ips=frozenset())]) == held_by_leftovers(young, []) == ()


def test_pods_of_a_deleted_resource_keep_its_router_id() -> None:
    problem = only(held_by_leftovers(resource("a", NEW, vrid=51), [leftover()]))
    assert (problem.reason, problem.field) == ("VirtualRouterIDTaken", "spec.virtualRouters[0].virtualRouterID")


def test_what_a_resource_already_runs_is_not_held_by_leftovers() -> None:
    running = {"virtualIPs": [{"address": "192.0.2.10", "router": "VI_1", "virtualRouterID": 51}]}
    young = cluster(virtualRouters=[{"virtualIPs": ["192.0.2.10/24"], "virtualRouterID": 51}], status=running)
    assert held_by_leftovers(young, [leftover()]) == ()
