"""Planned moves by the operator: preferred and cordoned nodes, with agents that hold elections as keepalived does."""

from typing import Any

import pytest

from tests.api.apiserver import ApiServer
from tests.api.election import Election
from tests.api.environment import NODES, VIP, Environment
from tests.api.operator_process import operator
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver


def prefer(env: Environment, name: str, **more: Any) -> None:
    """Sets `preferredNode` of the only virtual router."""
    router = {"virtualIPs": [f"{VIP}/24"], "virtualRouterID": 51, "preferredNode": env.node(name)}
    env.change(virtualRouters=[router], **more)


def test_a_preference_is_followed_with_a_single_move(settled: Environment) -> None:
    election = Election(settled)
    prefer(settled, "node3")
    election.run_until_holder("node3")
    election.run_until_ready()
    election.assert_stable()
    assert election.moves == ["node1", "node3"], "it moved over another node"
    assert settled.status()["virtualIPs"][0]["transitions"] == 1
    assert settled.status()["lastFailover"]["reason"] == "Switchover"


@pytest.mark.parametrize("preemption", [{"mode": "Never"}, {"mode": "Delayed", "delay": "5m"}], ids=["never", "delayed"])
def test_a_preference_is_followed_without_preemption(apiserver: ApiServer, env: Environment, preemption: dict[str, str]) -> None:
    with operator(apiserver, env.namespace):
        env.create(vrrp={"preemption": preemption})
        env.settle()
        election = Election(env, preempts=False)
        prefer(env, "node3")
        election.run_until_holder("node3")
        election.assert_stable()
        assert election.moves == ["node1", "node3"]


def test_a_preference_for_an_unfit_node_is_refused_until_the_node_is_fit(settled: Environment) -> None:
    election = Election(settled, down={"node3"})
    election.step()
    files = settled.get("configmaps", "web-config")["data"]
    prefer(settled, "node3")

    def refused() -> None:
        message = settled.condition("Degraded")["message"]
        assert f"spec.virtualRouters[0].preferredNode: {settled.node('node3')} cannot have VI_1 now" in message
        assert "its HAProxy does not answer. Nothing was moved" in message

    eventually(refused, within=10)
    election.assert_stable()
    assert election.moves == ["node1"] and settled.get("configmaps", "web-config")["data"] == files
    election.down.clear()
    election.run_until_holder("node3")
    election.run_until_ready()


def test_a_preferred_node_that_fails_gets_the_virtual_ip_back_when_it_is_fit_again(settled: Environment) -> None:
    election = Election(settled)
    prefer(settled, "node3")
    election.run_until_holder("node3")
    election.run_until_ready()
    election.down = {"node3"}
    election.run_until_holder("node1")
    election.assert_stable()
    election.down = set()
    election.run_until_holder("node3")
    election.assert_stable()
    assert election.moves == ["node1", "node3", "node1", "node3"]


def test_a_cordoned_node_yields_until_it_is_uncordoned(settled: Environment) -> None:
    election = Election(settled)
    settled.cordon("node1")
    election.run_until_holder("node2", within=5)
    election.assert_stable()
    assert settled.status()["lastFailover"]["reason"] == "Drained"
    settled.cordon("node1", False)
    election.run_until_holder("node1")
    election.assert_stable()
    assert election.moves == ["node1", "node2", "node1"]


def test_the_holder_does_not_yield_if_all_nodes_are_cordoned(settled: Environment) -> None:
    for name in reversed(NODES):  # the holder, node1, comes last: it would yield as long as another node is not cordoned
        settled.cordon(name)
    election = Election(settled)
    election.assert_stable()
    assert election.moves == ["node1"] and not any(settled.agent_config(name).routers[0].yields for name in NODES)
