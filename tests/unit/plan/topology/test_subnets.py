"""Virtual IPs compared with the real subnets of the nodes: prefix lengths, reserved addresses, and addresses outside."""

import pytest

from hacluster.plan import Plan
from tests.unit.plan.clusters import cluster, node, nodes, only, plan

FIELD = "spec.virtualRouters[0].virtualIPs[0]"


def plan_with(vip: str, *views: object, interface: str | None = None) -> Plan:
    router = {"virtualIPs": [vip]} | ({"interface": interface} if interface else {})
    return plan(cluster(virtualRouters=[router]), *views)  # type: ignore[arg-type]


@pytest.mark.parametrize("vip", ["192.0.2.10/12", "192.0.2.10/23", "192.0.2.10/25"])
@pytest.mark.parametrize("interface", [None, "eth0"])
def test_another_prefix_length_than_the_subnets_is_refused_with_the_right_one(vip: str, interface: str | None) -> None:
    made = plan_with(vip, interface=interface)
    assert made.blocked and made.objects == (), "what runs goes on running"
    for problem, name in zip(made.problems, ("n1", "n2", "n3"), strict=True):
        assert (problem.field, problem.reason) == (FIELD, "VirtualIPMisfitsSubnet")
        for part in (vip, "192.0.2.0/24", "192.0.2.10/24", "192.0.2.10/32", "interface eth0", f"node {name}"):
            assert part in problem.message


def test_for_ipv6_as_well() -> None:
    views = tuple(node(f"n{i}", internal=f"192.0.2.{i}", eth0=[f"2001:db8::{i}/64"]) for i in (1, 2))
    assert "write 2001:db8::10/64, or 2001:db8::10/128" in plan_with("2001:db8::10/48", *views).problems[0].message
    assert not plan_with("2001:db8::10/64", *views).problems
    assert (
        "the network address of the subnet 2001:db8::/64"
        in plan_with("2001:db8::/128", *views, interface="eth0").problems[0].message
    )


@pytest.mark.parametrize("vip", ["192.0.2.10/24", "192.0.2.10/32"])
def test_the_subnets_prefix_length_and_a_host_route_are_accepted(vip: str) -> None:
    made = plan_with(vip)
    assert not made.problems and {each.interface for each in made.topology.routers[0].members.values()} == {"eth0"}


@pytest.mark.parametrize(
    ("vip", "kind"), [("192.0.2.0/32", "network"), ("192.0.2.255/32", "broadcast"), ("192.0.2.255/16", "broadcast")]
)
def test_reserved_addresses_of_the_real_subnet_are_refused(vip: str, kind: str) -> None:
    made = plan_with(vip)
    assert made.blocked and f"is the {kind} address of the subnet 192.0.2.0/24" in made.problems[0].message
    assert made.problems[0].field == FIELD


def test_one_node_with_another_subnet_is_left_out_alone() -> None:
    made = plan_with("192.0.2.10/24", *nodes(2), node("x", internal="192.0.2.9", eth0=["192.0.2.9/25"]))
    assert not made.blocked and "node x" in only(made.problems).message
    assert set(made.topology.routers[0].members) == {"n1", "n2"}


def test_of_two_subnets_on_one_interface_either_prefix_length_fits() -> None:
    views = (node("a", internal="10.0.0.1", eth0=["10.0.0.1/8", "10.1.2.1/24"]),)
    for vip in ("10.1.2.9/24", "10.1.2.9/8"):
        assert not plan_with(vip, *views).problems
    assert "write 10.1.2.9/24" in only(plan_with("10.1.2.9/16", *views).problems).message


def test_a_virtual_ip_outside_every_subnet_works_with_the_field_that_the_message_names() -> None:
    """A rented server: its address is a host route, the virtual IP is in another subnet."""
    views = tuple(node(f"n{i}", internal=f"203.0.113.{i}", eth0=[f"203.0.113.{i}/32"]) for i in (1, 2))
    made = plan_with("198.51.100.10/24", *views)
    assert made.blocked and "name the interface in spec.virtualRouters[0].interface" in made.problems[0].message
    assert "/32" not in made.problems[0].message.split(";")[1]
    assert not plan_with("198.51.100.10/24", *views, interface="eth0").problems


def test_beside_a_subnet_the_message_says_that_it_has_to_be_a_host_route_too() -> None:
    made = plan_with("198.51.100.10/24")
    assert "name the interface in spec.virtualRouters[0].interface and write 198.51.100.10/32" in made.problems[0].message
    named = plan_with("198.51.100.10/24", interface="eth0")
    assert named.blocked and "write 198.51.100.10/32" in named.problems[0].message, (
        "it would add a route to a network that is not there"
    )
    assert not plan_with("198.51.100.10/32", interface="eth0").problems


def test_a_network_of_another_interface_is_not_added_to_the_named_one() -> None:
    views = (node("a", internal="10.0.0.1", eth0=["10.0.0.1/32"], eth1=["192.0.2.1/24"]),)
    made = plan_with("192.0.2.10/24", *views, interface="eth0")
    assert "name eth1 in spec.virtualRouters[0].interface" in only(made.problems).message
    assert not plan_with("192.0.2.10/24", *views, interface="eth1").problems
    assert plan_with("192.0.3.10/16", *views, interface="eth0").blocked, "it contains the network of eth1"
