"""A pod is deleted on the preferred node: the virtual IP moves away once and back once, in whatever order the operator hears of it."""

import pytest

from tests.api.election import Election
from tests.api.environment import NODES, Environment
from tests.api.test_operator_switchover import prefer
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver


@pytest.mark.parametrize("first", ["pod", "entry"])
def test_the_virtual_ip_moves_away_and_back_once(settled: Environment, first: str) -> None:
    election = Election(settled, pods={name: f"web-lb-{name}" for name in NODES})
    for name, pod in election.pods.items():
        settled.add_pod(name, pod)
    prefer(settled, "node1")
    election.run_until_holder("node1")
    election.run_until_ready()

    if first == "pod":
        settled.delete_pod("web-lb-node1", grace=30)
        election.assert_stable(1)
    election.leaving = {"node1"}
    election.run_until_holder("node2")
    election.assert_stable()
    settled.delete_pod("web-lb-node1", grace=0)
    election.assert_stable(1)

    election.pods["node1"], election.leaving, election.down = "web-lb-new", set(), {"node1"}  # not ready yet
    if first == "pod":
        settled.add_pod("node1", "web-lb-new")
    election.assert_stable(1)
    if first == "entry":
        settled.add_pod("node1", "web-lb-new")
    election.assert_stable(1)
    election.down = set()
    election.run_until_holder("node1")
    election.run_until_ready()
    election.assert_stable()
    assert election.moves == ["node1", "node2", "node1"]
    assert settled.status()["lastFailover"]["to"] == settled.node("node1")


def test_a_preference_waits_for_the_agent_of_the_new_pod(settled: Environment) -> None:
    """The pod was deleted without a grace period: its last report is that of a fit node."""
    election = Election(settled, pods={name: f"web-lb-{name}" for name in NODES})
    for name, pod in election.pods.items():
        settled.add_pod(name, pod)
    election.run_until_ready()
    settled.delete_pod("web-lb-node3", grace=0)
    settled.add_pod("node3", "web-lb-new")
    prefer(settled, "node3")

    def refused() -> None:
        message = settled.condition("Degraded")["message"]
        assert "the agent of its new pod web-lb-new has not reported yet. Nothing was moved" in message

    eventually(refused, within=10)
    election.assert_stable(1)
    assert election.moves == ["node1"]
    election.pods["node3"] = "web-lb-new"
    election.run_until_holder("node3")
    election.assert_stable()
    assert election.moves == ["node1", "node3"]
