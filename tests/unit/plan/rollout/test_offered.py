"""What the nodes are offered now, read back from their files."""

from hacluster.nodeconfig import File
from hacluster.plan.rollout.offered import offered_priorities
from tests.unit.plan.clusters import cluster, nodes, plan


def test_the_priorities_of_the_first_router_are_read_back() -> None:
    made = plan(cluster(), *nodes(3), places={"n2": 200, "n1": 100, "n3": 50})
    assert offered_priorities(made.texts) == {"n2": 200, "n1": 100, "n3": 50}


def test_a_file_that_cannot_be_read_is_left_out() -> None:
    made = plan(cluster(), *nodes(2))
    assert offered_priorities({**made.texts, "n1": {File.AGENT: "{"}, "n3": {}}) == {"n2": 240}
