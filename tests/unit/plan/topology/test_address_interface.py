"""Virtual IPs on another interface than the one on which VRRP speaks."""

from typing import Any

from hacluster.nodeconfig import AgentConfig, File, Router
from hacluster.plan import Plan
from hacluster.plan.texts.advert_settings import advert_settings_of
from hacluster.plan.topology.segments import segments_of
from tests.unit.plan.clusters import cluster, node, only, plan, unknown

ROUTER = {"virtualIPs": ["192.0.2.10/24"], "interface": "eth1", "addressInterface": "eth0"}
NODES = tuple(node(f"n{i}", eth0=[f"192.0.2.{i}/24"], eth1=[f"198.51.100.{i}/24"]) for i in (1, 2))


def made(*views: Any, router: dict[str, Any] = ROUTER, **spec: Any) -> Plan:
    return plan(cluster(virtualRouters=[router], apache=None, haproxy=HAPROXY, **spec), *(views or NODES))


HAPROXY = {"listeners": [{"name": "web", "port": 80, "backend": {"servers": [{"name": "a", "address": "10.9.9.9", "port": 81}]}}]}


def agent(of: Plan, name: str = "n1") -> Router:
    """The router as the node's agent gets it."""
    (router,) = AgentConfig.model_validate_json(of.texts[name][File.AGENT]).routers
    return router


def test_the_virtual_ips_go_to_one_interface_and_vrrp_speaks_on_the_other() -> None:
    text = made().texts["n1"][File.KEEPALIVED]
    assert "    interface eth1\n" in text and "        192.0.2.10/24 dev eth0\n" in text
    router = agent(made())
    assert (router.interface, router.address_interface, router.neighbours) == ("eth1", "eth0", ("198.51.100.2",))
    assert router.passed_on_to == {"198.51.100.2": "192.0.2.2"}
    config = AgentConfig.model_validate_json(made().texts["n1"][File.AGENT])
    assert set(config.named_interfaces) == {"eth0", "eth1"}, "the agent reports both, whatever they are"


def test_without_it_the_files_are_as_before() -> None:
    usual = made(router={"virtualIPs": ["192.0.2.10/24"]}).texts["n1"]
    assert " dev " not in usual[File.KEEPALIVED] and "address_interface" not in usual[File.AGENT]
    assert "passed_on_to" not in usual[File.AGENT], "no node of a resource without it gets new files from a new operator"


def test_the_subnets_of_the_interface_of_the_virtual_ips_decide() -> None:
    wrong = made(router=ROUTER | {"virtualIPs": ["198.51.100.10/24"]})
    assert wrong.blocked
    problem = wrong.problems[0]
    assert (
        problem.reason == "VirtualIPOutsideSubnets" and "name eth1 in spec.virtualRouters[0].addressInterface" in problem.message
    )


def test_an_interface_that_a_node_lacks_leaves_it_out_with_the_field_that_names_it() -> None:
    for interface, field in (("eth0", "addressInterface"), ("eth1", "interface")):
        addresses = {"eth0": ["192.0.2.3/24"], "eth1": ["198.51.100.3/24"]}
        del addresses[interface]
        found = made(*NODES, node("n3", **addresses))
        problem = only(found.problems)
        assert (problem.reason, problem.field) == ("NoSuchInterface", f"spec.virtualRouters[0].{field}")
        assert set(found.topology.routers[0].members) == {"n1", "n2"}


def test_a_nodes_own_entry_says_where_vrrp_speaks() -> None:
    both = node("n1", eth0=["192.0.2.1/24", "198.51.100.1/24"])
    found = made(both, NODES[1], nodes=[{"name": "n1", "interface": "eth0"}])
    assert "192.0.2.10/24\n" in found.texts["n1"][File.KEEPALIVED] and "interface eth0\n" in found.texts["n1"][File.KEEPALIVED]
    assert agent(found).address_interface == "" and agent(found, "n2").address_interface == "eth0"
    assert agent(found).passed_on_to == {"198.51.100.2": "192.0.2.2"}
    assert agent(found, "n2").passed_on_to == {"192.0.2.1": "192.0.2.1", "198.51.100.1": "192.0.2.1"}


def test_unicast_speaks_from_the_interface_of_vrrp() -> None:
    text = made(vrrp={"peering": "Unicast"}).texts["n1"][File.KEEPALIVED]
    assert "unicast_src_ip 198.51.100.1\n" in text and "        198.51.100.2\n" in text


def test_a_node_whose_agent_has_not_reported_is_configured_by_the_names() -> None:
    found = made(*NODES, unknown("n3"))
    assert "192.0.2.10/24 dev eth0\n" in found.texts["n3"][File.KEEPALIVED]
    assert "192.0.2." not in str(agent(found, "n1").passed_on_to.get("n3", "")) and len(agent(found).passed_on_to) == 1


def test_a_router_advertises_where_vrrp_speaks() -> None:
    resource = cluster(virtualRouters=[ROUTER])
    segment = segments_of(resource, {view.name: view.interfaces for view in NODES})["VI_1"]
    assert segment.interfaces == {("n1", "eth1"), ("n2", "eth1")} and {str(each) for each in segment.subnets} == {
        "198.51.100.0/24"
    }


def test_another_interface_for_the_virtual_ips_is_rolled_out_step_by_step() -> None:
    """It is not sent: the nodes need not agree on it."""
    texts = made().texts["n1"]
    elsewhere = {**texts, File.KEEPALIVED: texts[File.KEEPALIVED].replace("dev eth0", "dev eth7")}
    assert elsewhere != texts and advert_settings_of(elsewhere) == advert_settings_of(texts)


def test_a_link_local_virtual_ip_is_bound_to_its_own_interface() -> None:
    router = ROUTER | {"virtualIPs": ["fe80::10/64"]}
    listener = HAPROXY["listeners"][0] | {"bind": "VirtualIPs"}
    resource = cluster(virtualRouters=[router], apache=None, haproxy={"listeners": [listener]}, system={"nonlocalBind": True})
    assert "bind [fe80::10]:80 interface eth0" in plan(resource, *NODES).texts["n1"][File.HAPROXY]
