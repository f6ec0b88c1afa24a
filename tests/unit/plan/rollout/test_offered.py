"""What the nodes are offered now, read back from their files."""

from hacluster.nodeconfig import File
from hacluster.plan.rollout.offered import first_nodes, offered_priorities
from tests.unit.plan.clusters import cluster, nodes, plan


def test_the_priorities_of_the_first_router_are_read_back() -> None:
    made = plan(cluster(), *nodes(3), places={"n2": 200, "n1": 100, "n3": 50})
    assert offered_priorities(made.texts) == {"n2": 200, "n1": 100, "n3": 50}


def test_a_file_that_cannot_be_read_is_left_out() -> None:
    made = plan(cluster(), *nodes(2))
    assert offered_priorities({**made.texts, "n1": {File.AGENT: "{"}, "n3": {}}) == {"n2": 240}


def test_the_first_node_of_each_router_is_read_back() -> None:
    routers = [
        {"name": "a", "virtualIPs": ["192.0.2.10/24"]},
        {"name": "b", "virtualIPs": ["192.0.2.11/24"], "preferredNode": "n2"},
    ]
    made = plan(cluster(virtualRouters=routers), *nodes(3))
    assert first_nodes(made.texts) == {"a": "n1", "b": "n2"}
    assert first_nodes({**made.texts, "n1": {}}) == {"a": "n2", "b": "n2"}


def test_no_node_is_first_where_several_have_the_highest_priority() -> None:
    made = plan(cluster(nodes=[{"name": name, "priority": 250} for name in ("n1", "n2")]), *nodes(3))
    assert first_nodes(made.texts) == {}
