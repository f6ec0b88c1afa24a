"""Warnings about settings that are allowed but dangerous."""

from dataclasses import replace
from typing import Any

import pytest

from hacluster.api import HACluster
from hacluster.plan import make_plan, warnings_of
from tests.unit.plan.clusters import SETTINGS, cluster, nodes, plan

LISTENERS = [{"name": "web", "port": 80, "backend": {"apache": {}}}]


def with_weight(weight: int, *priorities: int) -> HACluster:
    named = [{"name": f"n{i}", "priority": priority} for i, priority in enumerate(priorities, 1)]
    return cluster(vrrp={"check": {"weight": weight}}, nodes=named)


def reasons(resource: HACluster, priorities: dict[str, int] | None = None) -> list[str]:
    return [each.reason for each in warnings_of(resource, priorities)]


def test_a_resource_without_dangerous_settings_has_no_warning() -> None:
    assert reasons(cluster()) == [] and plan(cluster()).warnings == ()


@pytest.mark.parametrize(
    ("weight", "priorities", "warned"),
    [
        (2, (101, 100, 99), True),
        (3, (101, 100, 99), False),
        (0, (101, 100, 99), False),
        (1, (101, 100, 99), True),
        (10, (), True),
        (11, (), False),
    ],
)
def test_a_weight_has_to_exceed_the_spread(weight: int, priorities: tuple[int, ...], warned: bool) -> None:
    assert (reasons(with_weight(weight, *priorities)) == ["WeightNotLargerThanSpread"]) is warned


def test_the_spread_is_that_of_the_existing_nodes() -> None:
    (warning,) = plan(with_weight(20), *nodes(3)).warnings
    assert warning.field == "spec.vrrp.check.weight" and "(20)" in warning.message and "21" in warning.message
    assert plan(with_weight(21), *nodes(3)).warnings == ()
    assert plan(with_weight(1), *nodes(1)).warnings == (), "with one node there is no spread"


@pytest.mark.parametrize(
    ("namespaces", "watched", "warned"), [("Same", "prod", False), ("All", "", False), ("All", "prod", True)]
)
def test_an_operator_of_one_namespace_serves_no_services_of_others(namespaces: str, watched: str, warned: bool) -> None:
    resource = cluster(haproxy={"listeners": LISTENERS, "serviceClass": {"namespaces": namespaces}})
    found = make_plan(resource, nodes(), replace(SETTINGS, watched_namespace=watched)).warnings
    assert [each.reason.value for each in found] == ["NamespacesNotWatched"] * warned
    assert all("All serves the Services of prod only" in each.message for each in found)


def test_two_nodes_with_the_same_priority_are_a_warning() -> None:
    (warning,) = warnings_of(with_weight(0, 100, 99, 100))
    assert (warning.reason, warning.field) == ("DuplicatePriority", "spec.nodes[2].priority")
    assert "n1 and n3" in warning.message


def test_a_process_check_and_an_admin_page_without_password_are_a_warning_each() -> None:
    stats: dict[str, Any] = {"admin": True, "allowUnauthenticatedAdmin": True, "port": 9000}
    resource = cluster(vrrp={"check": {"type": "Process"}}, haproxy={"stats": stats, "listeners": LISTENERS})
    process, admin = warnings_of(resource)
    assert (process.reason, process.field) == ("ProcessCheck", "spec.vrrp.check.type")
    assert (admin.reason, admin.field) == ("UnauthenticatedAdmin", "spec.haproxy.stats.admin") and "9000" in admin.message
    stats = {"admin": True, "credentialsSecret": {"name": "stats"}}
    assert warnings_of(cluster(haproxy={"stats": stats, "listeners": LISTENERS})) == ()


def test_ports_in_the_range_of_node_ports_are_a_warning_each() -> None:
    listeners = [{"name": f"l{port}", "port": port, "backend": {"apache": {}}} for port in (29999, 30000, 32767, 32768)]
    found = warnings_of(cluster(haproxy={"stats": {"port": 30080}, "listeners": listeners}))
    assert {(each.reason, each.field) for each in found} == {
        ("NodePortRange", f"spec.haproxy.{field}") for field in ("listeners[1].port", "listeners[2].port", "stats.port")
    }
    assert "30000-32767" in found[0].message and "30000 is" in found[0].message
