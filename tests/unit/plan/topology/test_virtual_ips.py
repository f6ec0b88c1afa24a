"""Addresses that move between nodes: no decision of the plan depends on them, and none is taken for a node's own."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from hacluster.plan import Interface, NodeView, Plan
from tests.unit.plan.clusters import cluster, node, nodes, only, plan, unknown

OTHER = ip_address("192.0.2.3")


def with_address(view: NodeView, *addresses: str, own: bool = True) -> NodeView:
    """The node when it also reports these addresses on its first interface, before its own."""
    assert view.interfaces is not None
    first, *rest = view.interfaces
    added = tuple(map(ip_interface, addresses))
    first = replace(first, addresses=(*added, *first.addresses)) if own else replace(first, other_addresses=added)
    return replace(view, interfaces=(first, *rest))


@pytest.mark.parametrize("own", [True, False], ids=["taken for its own", "told apart by the agent"])
@pytest.mark.parametrize("peering", ["Unicast", "Multicast"])
def test_a_virtual_ip_of_another_resource_changes_nothing_wherever_it_is(peering: str, own: bool) -> None:
    resource = cluster(vrrp={"peering": peering}, backendNetwork="192.0.2.0/24")
    one, two = nodes(2)

    def planned(*views: NodeView) -> Plan:
        return plan(resource, *views, other_virtual_ips={OTHER})

    before = planned(one, two)
    assert "192.0.2.3" not in str(before.texts)
    on_first = planned(with_address(one, "192.0.2.3/24", own=own), two)
    on_second = planned(one, with_address(two, "192.0.2.3/32", own=own))
    assert before.texts == on_first.texts == on_second.texts and not on_first.problems


def test_an_address_that_the_agent_reports_as_anothers_is_not_chosen() -> None:
    resource = cluster(vrrp={"peering": "Unicast"}, backendNetwork="192.0.2.0/24")
    one, two = nodes(2)
    assert plan(resource, one, two).texts == plan(resource, with_address(one, "192.0.2.99/24", own=False), two).texts


def test_a_host_route_beside_a_subnet_is_not_chosen() -> None:
    """kube-vip adds /32."""
    resource = cluster(vrrp={"peering": "Unicast"}, backendNetwork="192.0.2.0/24")
    one, two = nodes(2)
    made = plan(resource, with_address(one, "192.0.2.100/32"), two)
    assert str(made.topology.nodes[0].backend_address) == "192.0.2.1"
    assert str(made.topology.routers[0].members["n1"].source) == "192.0.2.1"


def test_where_all_addresses_are_host_routes_the_internal_ip_is_chosen() -> None:
    views = (node("a", internal="192.0.2.1", eth0=["192.0.2.100/32", "192.0.2.1/32"], eth1=["192.0.2.1/24"]),)
    one = replace(views[0], interfaces=views[0].interfaces[:1])  # type: ignore[index]
    made = plan(
        cluster(backendNetwork="192.0.2.0/24", virtualRouters=[{"virtualIPs": ["192.0.2.10/32"], "interface": "eth0"}]), one
    )
    assert str(made.topology.nodes[0].backend_address) == "192.0.2.1"


def test_a_virtual_ip_that_another_program_has_on_a_node_is_refused() -> None:
    one, two = nodes(2)
    made = plan(cluster(), one, with_address(two, "192.0.2.10/24", own=False))
    problem = only(made.problems)
    assert made.blocked and (problem.field, problem.reason) == ("spec.virtualRouters[0].virtualIPs[0]", "VirtualIPInUse")
    assert "another program on node n2" in problem.message and "kube-vip" in problem.message
    made = plan(cluster(), replace(one, holds=frozenset({"VI_1"})), with_address(two, "192.0.2.10/24", own=False))
    assert not made.blocked and only(made.problems) == problem, "the front door is in use: one node does not stop its changes"


@pytest.mark.parametrize(("internal", "taken"), [("192.0.2.10", set()), ("192.0.2.77", {ip_address("192.0.2.77")})])
def test_a_virtual_ip_that_a_kubelet_took_for_its_own_blocks_nothing(internal: str, taken: set[object]) -> None:
    """talos#4318: its own effect, read back as a fact."""
    one, two = nodes(2)
    made = plan(
        cluster(backendNetwork="192.0.2.0/24"), replace(one, internal_ip=ip_address(internal)), two, other_virtual_ips=taken
    )
    problem = only(made.problems)
    assert not made.blocked and problem.reason == "VirtualIPIsInternalIP"
    assert "node n1" in problem.message and "--node-ip" in problem.message
    assert made.texts == plan(cluster(backendNetwork="192.0.2.0/24"), one, two).texts


def test_apache_does_not_listen_on_a_virtual_ip_that_a_kubelet_took_for_its_own() -> None:
    one, two = nodes(2)
    made = plan(cluster(), replace(one, internal_ip=ip_address("192.0.2.10")), two)
    assert not made.blocked and [each.reason for each in made.problems] == ["VirtualIPIsInternalIP", "NoBackendAddress"]
    assert "Listen 192.0.2.10" not in str(made.texts) and "httpd.conf" in made.texts["n2"]


def test_before_the_first_report_an_internal_ip_is_the_nodes_own_unless_virtual_ips_are_held() -> None:
    new = unknown("z", internal="192.0.2.10")
    assert plan(cluster(), *nodes(2), new).blocked
    one, two = nodes(2)
    made = plan(cluster(), replace(one, holds=frozenset({"VI_1"})), two, new)
    assert not made.blocked and only(made.problems).reason == "VirtualIPIsInternalIP"


def test_an_address_that_is_reported_as_the_nodes_own_is_refused_whatever_the_kubelet_says() -> None:
    one, two = nodes(2)
    view = replace(one, interfaces=(Interface("eth0", (ip_interface("192.0.2.10/24"),)),), internal_ip=ip_address("192.0.2.10"))
    assert plan(cluster(), view, two).blocked
