"""Two resources that want the same: the older one has it."""

from collections.abc import Collection
from typing import Any

import pytest

from hacluster.api import HACluster
from hacluster.errors import Problem
from hacluster.plan import find_conflicts, taken_router_ids
from tests.unit.plan.clusters import cluster

OLD, NEW = "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"


def made(name: str, created: str, *, namespace: str = "default", vrid: int | None = None, **more: Any) -> HACluster:
    """A resource that clashes with no other in anything that the test does not say: an address and ports of its own."""
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


def everywhere(_: HACluster) -> Collection[str]:
    return ("n1", "n2")


def only(problems: tuple[Problem, ...]) -> Problem:
    (problem,) = problems
    return problem


def haproxy(listener: int = 80, bind: str = "Any", **stats: Any) -> dict[str, Any]:
    return {
        "stats": {"port": 7999} | stats,
        "listeners": [{"name": "web", "port": listener, "bind": bind, "backend": {"apache": {}}}],
    }


def test_none() -> None:
    assert find_conflicts(made("a", NEW), [made("a", NEW), made("b", OLD)], everywhere) == ()


def test_the_younger_one_is_told() -> None:
    routers = [{"virtualIPs": ["192.0.2.9/24"]}, {"virtualIPs": ["192.0.2.8/24", "192.0.2.10/25"]}]
    young = made("a", NEW, virtualRouters=routers)
    old = made("b", OLD, namespace="prod", virtualRouters=[{"virtualIPs": ["192.0.2.10/24"]}])
    problem = only(find_conflicts(young, [old], everywhere))
    assert (problem.reason, problem.field) == ("VirtualIPTaken", "spec.virtualRouters[1].virtualIPs[1]")
    assert "prod/b" in problem.message and "192.0.2.10" in problem.message
    assert find_conflicts(old, [young], everywhere) == ()


def test_of_the_same_age_the_name_decides() -> None:
    routers = [{"virtualIPs": ["192.0.2.10/24"]}]
    a, b = made("a", OLD, virtualRouters=routers), made("b", OLD, virtualRouters=routers)
    assert find_conflicts(a, [a, b], everywhere) == () and find_conflicts(b, [a, b], everywhere)


def test_virtual_ips_and_ids_clash_wherever_the_nodes_are() -> None:
    young, old = made("a", NEW, vrid=51), made("b", OLD, vrid=51)
    problem = only(find_conflicts(young, [old], lambda each: {each.metadata.name}))
    assert (problem.reason, problem.field) == ("VirtualRouterIDTaken", "spec.virtualRouters[0].virtualRouterID")
    assert "default/b" in problem.message


def with_status(resource: HACluster, vrid: int) -> HACluster:
    status = {"virtualIPs": [{"address": "192.0.2.10", "router": "VI_1", "virtualRouterID": vrid}]}
    return resource.model_copy(update={"status": cluster(status=status).status})


def test_an_id_that_an_older_one_was_allotted_is_its_own() -> None:
    young, old = made("a", NEW, vrid=51), with_status(made("b", OLD), 51)
    assert only(find_conflicts(young, [old], everywhere)).reason == "VirtualRouterIDTaken"
    assert taken_router_ids(old, [young]) == frozenset(), "the older one stays where it is"


def test_taken_ids() -> None:
    me = with_status(made("m", "2024-01-01T12:00:00Z"), 9)
    assert taken_router_ids(me, [me, made("a", NEW, vrid=51), with_status(made("b", OLD), 17)]) == {51, 17}
    assert taken_router_ids(me, [made("a", OLD, vrid=9)]) == {9}, "an older one that names it comes first"
    assert taken_router_ids(me, [made("a", NEW, vrid=9)]) == frozenset()


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
def test_ports_on_a_shared_node(young: dict[str, Any], old: dict[str, Any], field: str) -> None:
    one, other = made("a", NEW, **young), made("b", OLD, **old)
    problem = only(find_conflicts(one, [other], everywhere))
    assert (problem.reason, problem.field) == ("PortTaken", field)
    assert "default/b" in problem.message and "node n1" in problem.message
    assert find_conflicts(one, [other], lambda each: {each.metadata.name}) == (), "no node in common"


def test_the_same_port_in_different_places() -> None:
    bound = {"system": {"nonlocalBind": True}}
    young = made("a", NEW, haproxy=haproxy(80, "VirtualIPs", interface="eth0"), **bound)
    assert find_conflicts(young, [made("b", OLD, haproxy=haproxy(80, "VirtualIPs", interface="eth1"), **bound)], everywhere) == ()
    any_address = made("b", OLD, haproxy=haproxy(80, port=7000))
    assert only(find_conflicts(young, [any_address], everywhere)).field == "spec.haproxy.listeners[0].port"


def test_two_rsyslogs_on_one_node() -> None:
    def logging(name: str, created: str, port: int) -> HACluster:
        resource = made(name, created)
        log = cluster(haproxy=haproxy() | {"log": {"target": "File", "port": port}}).spec.haproxy.log
        changed = resource.spec.haproxy.model_copy(update={"log": log})
        return resource.model_copy(update={"spec": resource.spec.model_copy(update={"haproxy": changed})})

    young = logging("a", NEW, 514)
    assert only(find_conflicts(young, [logging("b", OLD, 514)], everywhere)).field == "spec.haproxy.log.port"
    assert find_conflicts(young, [logging("b", OLD, 515)], everywhere) == ()
