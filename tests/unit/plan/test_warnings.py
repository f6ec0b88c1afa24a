"""What is dangerous but asked for."""

from typing import Any

import pytest

from hacluster.api import HACluster
from hacluster.plan import warnings_of
from tests.unit.plan.clusters import cluster, nodes, plan

LISTENERS = [{"name": "web", "port": 80, "backend": {"apache": {}}}]


def weighing(weight: int, *priorities: int) -> HACluster:
    named = [{"name": f"n{i}", "priority": priority} for i, priority in enumerate(priorities, 1)]
    return cluster(vrrp={"check": {"weight": weight}}, nodes=named)


def reasons(resource: HACluster, priorities: dict[str, int] | None = None) -> list[str]:
    return [each.reason for each in warnings_of(resource, priorities)]


def test_a_good_resource_has_none() -> None:
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
    assert (reasons(weighing(weight, *priorities)) == ["WeightNotLargerThanSpread"]) is warned


def test_the_nodes_that_there_are_count() -> None:
    (warning,) = plan(weighing(20), *nodes(3)).warnings
    assert warning.field == "spec.vrrp.check.weight" and "(20)" in warning.message and "21" in warning.message
    assert plan(weighing(21), *nodes(3)).warnings == ()
    assert plan(weighing(1), *nodes(1)).warnings == (), "a single node has nobody to lose to"


def test_twins() -> None:
    (warning,) = warnings_of(weighing(0, 100, 99, 100))
    assert (warning.reason, warning.field) == ("DuplicatePriority", "spec.nodes[2].priority")
    assert "n1 and n3" in warning.message


def test_process_check_and_open_admin_page() -> None:
    stats: dict[str, Any] = {"admin": True, "allowUnauthenticatedAdmin": True, "port": 9000}
    resource = cluster(vrrp={"check": {"type": "Process"}}, haproxy={"stats": stats, "listeners": LISTENERS})
    process, admin = warnings_of(resource)
    assert (process.reason, process.field) == ("ProcessCheck", "spec.vrrp.check.type")
    assert (admin.reason, admin.field) == ("UnauthenticatedAdmin", "spec.haproxy.stats.admin") and "9000" in admin.message
