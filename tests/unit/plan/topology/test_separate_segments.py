"""Members that advertise on different networks get a warning, or are refused where the wrong interface is named."""

import pytest

from hacluster.api.reasons import Reason
from hacluster.errors import Problem
from hacluster.plan import NodeView, Plan
from tests.unit.plan.clusters import cluster, node, only, plan

TWO = ("n1", "n2")


def lan(name: str, number: int) -> NodeView:
    """A node on two networks, which has the virtual IPs on the first one."""
    return node(name, internal=f"192.0.2.{number}", eth0=[f"192.0.2.{number}/24"], eth1=[f"10.9.0.{number}/24"])


NODES = (lan("n1", 1), lan("n2", 2), lan("n3", 3))


def planned(*nodes: NodeView, vrrp: dict[str, str] | None = None, **entry: str) -> Plan:
    routers = [{"virtualIPs": ["192.0.2.10/24"], "interface": "eth1", "addressInterface": "eth0"}]
    entries = [{"name": "n1", **entry}] if entry else None
    return plan(cluster(virtualRouters=routers, nodes=entries, vrrp=vrrp), *nodes)


def warnings(*nodes: NodeView, vrrp: dict[str, str] | None = None) -> list[Problem]:
    made = planned(*nodes, vrrp=vrrp)
    assert all(len(router.members) == len(nodes) for router in made.topology.routers) and not made.blocked
    return [each for each in made.warnings if each.reason == Reason.SEPARATE_SEGMENTS]


@pytest.mark.parametrize("peering", ["Multicast", "Unicast"])
def test_a_node_with_an_interface_in_the_others_network_is_refused_where_another_is_named(peering: str) -> None:
    made = planned(*NODES, vrrp={"peering": peering}, interface="eth0")
    assert made.blocked
    found = only(made.problems)
    assert (found.reason, found.field) == (Reason.SEPARATE_SEGMENTS, "spec.nodes[0].interface")
    assert "node n1 would speak VRRP on eth0 (192.0.2.0/24) and not hear n2 on eth1, n3 on eth1 (10.9.0.0/24)" in found.message
    assert "Name eth1" in found.message


def test_a_node_without_such_an_interface_is_a_warning() -> None:
    apart = node("n1", internal="192.0.2.1", eth0=["192.0.2.1/24"], eth1=["10.7.0.1/24"])
    found = only(tuple(warnings(apart, *NODES[1:])))
    assert found.field == "spec.virtualRouters[0]"
    assert "n1 on eth1 (10.7.0.0/24); n2 on eth1, n3 on eth1 (10.9.0.0/24)" in found.message


def test_unicast_may_cross_a_router() -> None:
    apart = node("n1", internal="192.0.2.1", eth0=["192.0.2.1/24"], eth1=["10.7.0.1/24"])
    assert warnings(apart, *NODES[1:], vrrp={"peering": "Unicast"}) == []


def test_there_is_none_while_all_are_on_one_network() -> None:
    assert warnings(*NODES) == []


@pytest.mark.parametrize("addresses", [["10.9.0.1/24", "10.7.0.1/24"], ["10.9.0.1/16"], ["10.7.0.1/32"], ["fe80::1/64"]])
def test_there_is_none_where_the_networks_may_be_one(addresses: list[str]) -> None:
    """A second subnet on the same wire, a wider prefix, and addresses that tell nothing of a segment."""
    first = node("n1", internal="192.0.2.1", eth0=["192.0.2.1/24"], eth1=addresses)
    assert warnings(first, *NODES[1:]) == []


def test_a_node_between_two_networks_joins_them() -> None:
    between = node("n3", internal="192.0.2.3", eth0=["192.0.2.3/24"], eth1=["10.9.0.3/24", "10.7.0.3/24"])
    other = node("n1", internal="192.0.2.1", eth0=["192.0.2.1/24"], eth1=["10.7.0.1/24"])
    assert warnings(other, NODES[1], between) == []
    assert len(warnings(other, NODES[1])) == 1
