"""The topology: interfaces, backend addresses, peers, and the problems that leave out a node or block the plan."""

from ipaddress import ip_address

from hacluster.nodeconfig import File
from hacluster.plan import Plan
from tests.unit.plan.clusters import SETTINGS, cluster, node, nodes, only, plan, unknown


def interfaces(made: Plan, router: int = 0) -> dict[str, str]:
    return {name: member.interface for name, member in made.topology.routers[router].members.items()}


def test_ordinals_and_priorities_follow_the_names_and_interfaces_the_subnets() -> None:
    made = plan(
        cluster(),
        node("b", internal="192.0.2.2", lo=["127.0.0.1/8"], ens3=["192.0.2.2/24"]),
        node("a", internal="192.0.2.1", eth7=["10.0.0.1/8", "192.0.2.1/24"]),
    )
    assert [(each.name, each.ordinal, str(each.backend_address)) for each in made.topology.nodes] == [
        ("a", 1, "192.0.2.1"),
        ("b", 2, "192.0.2.2"),
    ]
    assert interfaces(made) == {"a": "eth7", "b": "ens3"}
    assert made.topology.priorities == {"a": 250, "b": 240}
    assert made.problems == () and not made.blocked


def test_the_narrowest_subnet_wins() -> None:
    made = plan(cluster(), node("a", internal="192.0.2.1", wide=["192.0.0.1/16"], narrow=["192.0.2.1/24"]))
    assert interfaces(made) == {"a": "narrow"}


def test_the_interface_in_a_nodes_own_entry_has_priority_over_that_of_the_router() -> None:
    resource = cluster(
        nodes=[{"name": "b", "interface": "enp1s0"}],
        virtualRouters=[{"virtualIPs": ["192.0.2.10/24"], "interface": "ens3"}],
    )
    made = plan(
        resource, node("a", internal="192.0.2.1", ens3=["192.0.2.1/24"]), node("b", internal="192.0.2.2", enp1s0=["192.0.2.2/24"])
    )
    assert (interfaces(made), made.problems) == ({"a": "ens3", "b": "enp1s0"}, ())


def test_a_node_outside_the_subnet_is_left_out_and_named() -> None:
    made = plan(cluster(), *nodes(2), node("x", internal="10.0.0.9", eth0=["10.0.0.9/8"], lo=["127.0.0.1/8"]))
    problem = only(made.problems)
    assert problem.field == "spec.virtualRouters[0].virtualIPs[0]"
    assert "node x (it has: eth0 10.0.0.9/8)" in problem.message and "192.0.2.10/24" in problem.message
    assert not made.blocked
    assert set(interfaces(made)) == {"n1", "n2"}
    assert "vrrp_instance" not in made.texts["x"]["keepalived.conf"]
    assert "server x 10.0.0.9:8081" in made.texts["n1"]["haproxy.cfg"], "its Apache is still a server"


def test_no_node_in_the_subnet_blocks_everything() -> None:
    made = plan(cluster(), node("x", internal="10.0.0.9", eth0=["10.0.0.9/8"]), unknown("y"))
    assert made.blocked and made.objects == () and made.texts == {} and made.revisions == {}
    assert only(made.problems).field == "spec.virtualRouters[0].virtualIPs[0]"
    assert made.waiting_for == ("y",)


def test_one_router_without_any_node_blocks_the_others_too() -> None:
    made = plan(cluster(virtualRouters=[{"virtualIPs": ["192.0.2.10/24"]}, {"virtualIPs": ["192.0.2.11/24", "10.1.1.1/24"]}]))
    assert made.blocked
    assert {each.field for each in made.problems} == {"spec.virtualRouters[1].virtualIPs[1]"}


def test_the_virtual_ips_of_one_router_must_be_on_one_interface() -> None:
    resource = cluster(virtualRouters=[{"virtualIPs": ["192.0.2.10/24", "10.1.1.10/24"]}])
    made = plan(resource, node("a", internal="192.0.2.1", eth0=["192.0.2.1/24"], eth1=["10.1.1.1/24"]))
    problem = only(made.problems)
    assert (problem.field, problem.reason) == ("spec.virtualRouters[0].virtualIPs[1]", "VirtualIPsOnTwoInterfaces")
    assert "eth1" in problem.message and "eth0" in problem.message


def test_a_named_interface_must_exist_and_have_the_subnet() -> None:
    routers = [{"virtualIPs": ["192.0.2.10/24"], "interface": "bond0"}]
    problem = only(plan(cluster(virtualRouters=routers), *nodes(1)).problems)
    assert problem.field == "spec.virtualRouters[0].interface" and "eth0 192.0.2.1/24" in problem.message

    made = plan(cluster(nodes=[{"name": "other"}, {"name": "n1", "interface": "bond0"}]), *nodes(2))
    assert only(made.problems).field == "spec.nodes[1].interface" and not made.blocked

    routers = [{"virtualIPs": ["10.9.9.9/24"], "interface": "eth0"}]
    problem = only(plan(cluster(virtualRouters=routers), *nodes(1)).problems)
    assert problem.field == "spec.virtualRouters[0].virtualIPs[0]" and "no subnet of interface eth0" in problem.message


def test_a_host_route_on_a_named_interface_needs_no_subnet() -> None:
    made = plan(cluster(virtualRouters=[{"virtualIPs": ["10.9.9.9/32"], "interface": "eth0"}]))
    assert not made.problems and set(interfaces(made)) == {"n1", "n2", "n3"}


def test_a_link_local_virtual_ip_needs_a_named_interface_or_another_virtual_ip() -> None:
    views = (node("a", internal="192.0.2.1", eth0=["2001:db8::1/64"], eth1=["192.0.2.1/24"]),)
    made = plan(cluster(virtualRouters=[{"virtualIPs": ["fe80::10/64", "2001:db8::10/64"]}]), *views)
    assert interfaces(made) == {"a": "eth0"}
    made = plan(cluster(virtualRouters=[{"virtualIPs": ["fe80::10/64"]}]), *views)
    assert only(made.problems).field == "spec.virtualRouters[0].interface"


def test_an_address_of_a_node_cannot_be_a_virtual_ip() -> None:
    made = plan(cluster(virtualRouters=[{"virtualIPs": ["192.0.2.10/24", "192.0.2.2/24"]}]))
    assert made.blocked and made.objects == ()
    problem = only(made.problems)
    assert problem.field == "spec.virtualRouters[0].virtualIPs[1]" and "node n2's own" in problem.message

    made = plan(cluster(), unknown("a", internal="192.0.2.10"))
    assert made.blocked, "also if only the InternalIP is known"


def test_a_backend_address_is_named_or_in_the_backend_network_or_reported_as_missing() -> None:
    views = (
        node("a", internal="192.0.2.1", eth0=["192.0.2.1/24"], eth1=["10.0.0.1/24"]),
        node("b", internal="192.0.2.2", eth0=["192.0.2.2/24", "10.0.0.2/24"]),
        node("c", internal="192.0.2.3", eth0=["192.0.2.3/24"]),
    )
    resource = cluster(backendNetwork="10.0.0.0/24", nodes=[{"name": "b", "backendAddress": "192.0.2.2"}])
    made = plan(resource, *views)
    assert [str(each.backend_address) for each in made.topology.nodes] == ["10.0.0.1", "192.0.2.2", "None"]
    problem = only(made.problems)
    assert problem.field == "spec.backendNetwork" and "node c" in problem.message and not made.blocked
    assert "server c" not in made.texts["a"]["haproxy.cfg"] and "httpd.conf" not in made.texts["c"]


def test_the_plan_is_blocked_if_no_node_has_a_backend_address() -> None:
    made = plan(cluster(backendNetwork="10.0.0.0/24"))
    assert made.blocked and {each.field for each in made.problems} == {"spec.backendNetwork"}


def test_a_named_backend_address_is_not_compared_with_the_reported_interfaces() -> None:
    """Agents report only interfaces that can carry a virtual IP; the address may be on another one."""
    made = plan(cluster(nodes=[{"name": "n2", "backendAddress": "10.0.0.9"}]))
    assert made.problems == () and "server n2 10.0.0.9:8081" in made.texts["n1"]["haproxy.cfg"]


def test_a_node_without_an_internal_ip_is_named() -> None:
    made = plan(cluster(), *nodes(1), node("x", eth0=["192.0.2.9/24"]))
    assert only(made.problems).field == "spec.nodes" and "node x" in only(made.problems).message


def test_without_apache_no_node_needs_a_backend_address() -> None:
    servers = [{"name": "s", "address": "10.0.0.1", "port": 80}]
    resource = cluster(apache=None, haproxy={"listeners": [{"name": "web", "port": 80, "backend": {"servers": servers}}]})
    made = plan(resource, node("x", eth0=["192.0.2.9/24"]))
    assert made.problems == () and made.topology.nodes[0].backend_address is None


def test_nodes_that_have_not_reported_are_waited_for_unless_the_resource_names_everything() -> None:
    views = (*nodes(1), unknown("x", internal="192.0.2.8"), unknown("y"))
    made = plan(cluster(), *views)
    assert made.waiting_for == ("x", "y") and set(made.texts) == {"n1"}
    assert made.topology.priorities == {"n1": 250, "x": 240, "y": 230}, "nodes that are waited for keep their priority"

    entries = [{"name": "y", "interface": "ens3", "backendAddress": "192.0.2.9"}]
    made = plan(cluster(nodes=entries), *views)
    assert made.waiting_for == ("x",) and interfaces(made) == {"n1": "eth0", "y": "ens3"}
    assert "server y 192.0.2.9:8081" in made.texts["n1"]["haproxy.cfg"]

    made = plan(cluster(nodes=entries, vrrp={"peering": "Unicast"}), *views)
    assert made.waiting_for == ("x", "y"), "a peer's address cannot be guessed"


def test_unicast_peers_are_all_other_members() -> None:
    made = plan(cluster(vrrp={"peering": "Unicast"}))
    members = made.topology.routers[0].members
    for name, member in members.items():
        assert member.source == ip_address(f"192.0.2.{name[1]}")
        assert set(member.peers) == {other.source for other in members.values()} - {member.source}


def test_the_unicast_source_is_in_the_subnet_of_the_virtual_ip_and_never_link_local() -> None:
    views = (
        node("a", internal="192.0.2.1", eth0=["10.0.0.1/8", "192.0.2.1/24"]),
        node("b", internal="192.0.2.2", eth0=["192.0.2.2/24"]),
    )
    members = plan(cluster(vrrp={"peering": "Unicast"}), *views).topology.routers[0].members
    assert members["b"].peers == (ip_address("192.0.2.1"),)

    routers = [{"virtualIPs": ["fe80::10/64"], "interface": "eth0"}]
    views = (
        node("a", internal="192.0.2.1", eth0=["fe80::1/64", "2001:db8::1/64"]),
        node("b", internal="192.0.2.2", eth0=["fe80::2/64"]),
    )
    made = plan(cluster(virtualRouters=routers, vrrp={"peering": "Unicast"}), *views)
    assert made.topology.routers[0].members["a"].source == ip_address("2001:db8::1")
    assert only(made.problems).field == "spec.vrrp.peering" and "node b" in only(made.problems).message


def test_multicast_has_no_peers() -> None:
    assert {member.peers for member in plan(cluster()).topology.routers[0].members.values()} == {()}


def test_a_plan_without_nodes_has_objects_and_no_problem() -> None:
    made = plan_without_nodes()
    assert not made.blocked and made.problems == () and made.texts == {}
    assert {each["kind"] for each in made.objects} >= {"DaemonSet", "ConfigMap"}


def plan_without_nodes() -> Plan:
    from hacluster.plan import make_plan

    return make_plan(cluster(), (), SETTINGS)


def test_more_than_64_nodes_block_the_plan() -> None:
    made = plan(cluster(virtualRouters=[{"virtualIPs": ["192.0.2.250/24"]}]), *nodes(65))
    assert made.blocked and only(made.problems).field == "spec.nodeSelector" and "65" in only(made.problems).message
    assert not plan(cluster(virtualRouters=[{"virtualIPs": ["192.0.2.250/24"]}]), *nodes(64)).blocked


def test_router_ids_are_kept_and_differ_from_taken_ones() -> None:
    usual = plan(cluster()).topology.routers[0].virtual_router_id
    assert plan(cluster(), taken_ids={"VI_1": {usual}}).topology.routers[0].virtual_router_id != usual
    assert plan(cluster(), router_ids={"VI_1": 7}).topology.routers[0].virtual_router_id == 7
    made = plan(cluster(), taken_ids={"VI_1": range(1, 256)})
    assert made.blocked and only(made.problems).field == "spec.virtualRouters[0]"


def test_a_router_without_an_id_waits_for_the_agents_that_will_tell_where_it_is() -> None:
    """Blocked, the plan would never install these agents."""
    made = plan(cluster(), *nodes(1), unknown("n2"), taken_ids={"VI_1": range(1, 256)})
    problem = only(made.problems)
    assert not made.blocked and problem.reason == "NoRouterIDLeft" and "n2" in problem.message
    assert not made.topology.routers and "vrrp_instance" not in made.texts["n1"][File.KEEPALIVED]
