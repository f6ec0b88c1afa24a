"""Virtual routers with `moveWith` have the members and priorities of the one that they name."""

from typing import Any

from hacluster.api.reasons import Reason
from hacluster.nodeconfig import AgentConfig, File, Router
from hacluster.plan import NodeView, Plan
from tests.unit.plan.clusters import cluster, node, only, plan

TOGETHER = [
    {"virtualIPs": ["192.0.2.10/24"]},
    {"virtualIPs": ["198.51.100.10/24"], "moveWith": "VI_1"},
    {"virtualIPs": ["192.0.2.11/24"], "moveWith": "VI_1"},
]


def both(number: int) -> NodeView:
    """A node on both networks."""
    return node(f"n{number}", internal=f"192.0.2.{number}", eth0=[f"192.0.2.{number}/24"], eth1=[f"198.51.100.{number}/24"])


NODES = (both(1), both(2), both(3))


def made(*nodes: NodeView, **spec: Any) -> Plan:
    """The plan without Apache's address, which a node on the second network alone would lack."""
    return plan(cluster(**{"virtualRouters": TOGETHER, **spec}), *(nodes or NODES))


def priorities(of: Plan) -> list[dict[str, int]]:
    return [{name: member.priority for name, member in router.members.items()} for router in of.topology.routers]


def routers(of: Plan, name: str) -> tuple[Router, ...]:
    return AgentConfig.model_validate_json(of.texts[name][File.AGENT]).routers


def test_a_preferred_node_is_first_for_all_of_them() -> None:
    preferred = [{**TOGETHER[0], "preferredNode": "n3"}, *TOGETHER[1:]]
    found = made(virtualRouters=preferred)
    assert priorities(found) == [{"n1": 240, "n2": 230, "n3": 250}] * 3
    assert [router.preferred for router in found.topology.routers] == ["n3"] * 3
    assert priorities(made()) == [{"n1": 250, "n2": 240, "n3": 230}] * 3


def test_the_agents_know_who_moves_with_whom() -> None:
    leader, second, third = routers(made(), "n1")
    assert (leader.moves_with, leader.follows) == (("VI_2", "VI_3"), "")
    assert (second.moves_with, second.follows) == (("VI_1", "VI_3"), "VI_1")
    assert (third.moves_with, third.follows) == (("VI_1", "VI_2"), "VI_1")
    alone = made(virtualRouters=[{"virtualIPs": ["192.0.2.10/24"]}, {"virtualIPs": ["198.51.100.10/24"]}])
    assert "moves_with" not in alone.texts["n1"][File.AGENT] and "follows" not in alone.texts["n1"][File.AGENT]


def test_a_node_that_can_run_only_some_of_them_has_none() -> None:
    found = made(both(1), both(2), node("n3", internal="192.0.2.3", eth0=["192.0.2.3/24"]))
    assert not found.blocked
    assert [set(router.members) for router in found.topology.routers] == [{"n1", "n2"}] * 3
    problem = only(tuple(each for each in found.problems if each.reason == Reason.CANNOT_MOVE_TOGETHER))
    assert problem.field == "spec.virtualRouters[1]"
    assert "node n3 cannot run VI_2 of VI_1, VI_2, VI_3, which move together, so it has none of them" in problem.message


def test_a_node_that_is_left_out_is_nobodys_unicast_peer() -> None:
    found = made(both(1), both(2), node("n3", internal="192.0.2.3", eth0=["192.0.2.3/24"]), vrrp={"peering": "Unicast"})
    assert [set(map(str, router.members["n1"].peers)) for router in found.topology.routers] == [
        {"192.0.2.2"}, {"198.51.100.2"}, {"192.0.2.2"}
    ]  # fmt: skip


def test_where_no_node_can_run_all_of_them_all_are_served() -> None:
    found = made(
        node("n1", internal="192.0.2.1", eth0=["192.0.2.1/24"]), node("n2", internal="192.0.2.2", eth1=["198.51.100.2/24"])
    )
    assert not found.blocked
    assert [set(router.members) for router in found.topology.routers] == [{"n1"}, {"n2"}, {"n1"}]
    assert [
        each.message.count("they do not move together") for each in found.problems if each.reason == Reason.CANNOT_MOVE_TOGETHER
    ] == [1, 1]


def test_a_cordoned_node_yields_all_of_them() -> None:
    cordoned = NodeView("n1", NODES[0].internal_ip, NODES[0].interfaces, cordoned=True, holds=frozenset({"VI_1", "VI_2", "VI_3"}))
    assert made(cordoned, *NODES[1:]).yields["n1"] == {"VI_1", "VI_2", "VI_3"}
