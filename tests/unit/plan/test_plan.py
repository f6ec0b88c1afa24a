"""`make_plan`: the content of a plan, when it is blocked, and what changes it."""

import json
from typing import Any

from hacluster import names
from hacluster.nodeconfig import AgentConfig, File
from hacluster.plan import Plan
from tests.unit.plan.clusters import cluster, node, nodes, plan


def agent_config(made: Plan, name: str = "n1") -> AgentConfig:
    return AgentConfig.model_validate_json(made.texts[name][File.AGENT])


def test_the_configuration_of_the_agent_has_what_the_plan_decided() -> None:
    listeners = [
        {"name": "web", "port": 80, "backend": {"apache": {}}},
        {"name": "vip", "port": 443, "bind": "VirtualIPs", "mode": "TCP", "backend": {"apache": {}}},
    ]
    routers = [{"virtualIPs": ["192.0.2.10/24", "192.0.2.11/24"], "virtualRouterID": 7}]
    made = plan(cluster(haproxy={"listeners": listeners}, virtualRouters=routers, system={"nonlocalBind": True}))
    config = agent_config(made)
    assert (config.cluster, config.namespace, config.node, config.http_check) == ("web", "default", "n1", True)
    assert config.revision == made.revisions["n1"] != ""
    (router,) = config.routers
    assert (router.name, router.interface, router.priority, router.virtual_router_id) == ("VI_1", "eth0", 250, 7)
    assert router.virtual_ips == ("192.0.2.10/24", "192.0.2.11/24") and config.all_virtual_ips == ("192.0.2.10", "192.0.2.11")
    assert [(port.port, port.address, port.field) for port in config.ports] == [
        (80, "", "spec.haproxy.listeners[0].port"),
        (443, "192.0.2.10", "spec.haproxy.listeners[1].port"),
        (443, "192.0.2.11", "spec.haproxy.listeners[1].port"),
        (8080, "", "spec.haproxy.stats.port"),
    ]
    assert config.apache is not None and (config.apache.address, config.apache.port) == ("192.0.2.1", 8081)
    assert [(each.port, each.address, each.protocol, each.user) for each in config.other_ports] == [
        (8081, "192.0.2.1", "TCP", 33)
    ]
    assert not agent_config(plan(cluster(vrrp={"check": {"type": "Process"}}))).http_check


def test_the_agent_gets_the_interfaces_that_the_resource_names_for_its_node() -> None:
    resource = cluster(
        nodes=[{"name": "n1", "interface": "eth0"}, {"name": "n2", "interface": "enp1s0"}],
        virtualRouters=[{"virtualIPs": ["192.0.2.10/24"]}, {"virtualIPs": ["192.0.2.11/24"], "interface": "eth0"}],
        haproxy={"stats": {"interface": "cni0"}, "listeners": [{"name": "web", "port": 80, "backend": {"apache": {}}}]},
    )
    assert agent_config(plan(resource)).named_interfaces == ("cni0", "eth0")
    assert agent_config(plan(resource), "n2").named_interfaces == ("cni0", "enp1s0", "eth0")
    assert agent_config(plan(cluster())).named_interfaces == ()


def test_the_agent_gets_the_peers_servers_and_the_addresses_from_which_they_advertise() -> None:
    listeners: list[dict[str, Any]] = [
        {"name": "web", "port": 80, "backend": {"apache": {}}},
        {"name": "own", "port": 81, "backend": {"servers": [{"name": "db1", "address": "192.0.2.77", "port": 80}]}},
    ]
    config = agent_config(plan(cluster(haproxy={"listeners": listeners}), *nodes(3)))
    assert config.peers == {"n2": ("192.0.2.2",), "n3": ("192.0.2.3",)}
    assert config.backends == ("web",)
    views = (node(n, internal=f"10.0.0.{i}", eth0=[f"192.0.2.{i}/24"]) for i, n in enumerate(("n1", "n2"), 1))
    assert agent_config(plan(cluster(), *views)).peers == {"n2": ("10.0.0.2", "192.0.2.2")}


def test_the_agent_watches_all_other_nodes_whatever_the_backends_are() -> None:
    own = {"name": "own", "port": 81, "backend": {"servers": [{"name": "db1", "address": "192.0.2.77", "port": 80}]}}
    config = agent_config(plan(cluster(haproxy={"listeners": [own]}, apache=None), *nodes(3)))
    assert config.peers == {"n2": ("192.0.2.2",), "n3": ("192.0.2.3",)}
    assert config.backends == ()


def test_the_agent_gets_every_virtual_ip_even_if_its_node_runs_no_router() -> None:
    made = plan(cluster(), *nodes(1), node("x", internal="10.0.0.1", eth0=["10.0.0.1/8"]))
    assert agent_config(made, "x").routers == () and agent_config(made, "x").all_virtual_ips == ("192.0.2.10",)


def test_the_same_arguments_make_the_same_plan() -> None:
    assert plan(cluster(), *nodes(3)) == plan(cluster(), *reversed(nodes(3)))


def test_a_revision_changes_only_with_the_files_of_its_node() -> None:
    before = plan(cluster(nodes=[{"name": "n1", "priority": 200}]))
    after = plan(cluster(nodes=[{"name": "n1", "priority": 201}]))
    changed = {name for name in before.revisions if before.revisions[name] != after.revisions[name]}
    assert changed == {"n1"}
    with_page = plan(cluster(nodes=[{"name": "n1", "priority": 200}], apache={"page": "new {node}"}))
    assert set(with_page.revisions.values()).isdisjoint(before.revisions.values()), "a new page is a new revision"


def test_only_agent_json_contains_the_revision() -> None:
    made = plan(cluster())
    for file, text in made.texts["n1"].items():
        assert (made.revisions["n1"] in text) == (file is File.AGENT)


def test_the_log_target_file_adds_rsyslog_conf() -> None:
    haproxy: dict[str, Any] = {"listeners": [{"name": "web", "port": 80, "backend": {"apache": {}}}]}
    assert File.RSYSLOG not in plan(cluster(haproxy=haproxy)).texts["n1"]
    made = plan(cluster(haproxy=haproxy | {"log": {"target": "File"}}))
    assert File.RSYSLOG in made.texts["n1"]
    port = agent_config(made).other_ports[-1]
    assert (port.port, port.address, port.protocol, port.field) == (514, "127.0.0.1", "UDP", "spec.haproxy.log.port")


def test_a_blocked_plan_has_no_objects_but_still_has_warnings() -> None:
    made = plan(cluster(virtualRouters=[{"virtualIPs": ["192.0.2.1/24"]}], vrrp={"check": {"type": "Process"}}))
    assert made.blocked and made.problems
    assert (made.texts, made.revisions, made.objects) == ({}, {}, ())
    assert [each.reason for each in made.warnings] == ["ProcessCheck"]


def test_a_value_that_must_not_be_printed_blocks_the_plan() -> None:
    """The API server refuses such a namespace, but `render` reads files that no API server has checked."""
    made = plan(cluster(metadata={"namespace": "x\ninclude /etc/passwd"}))
    assert made.blocked and "x\\ninclude" in made.problems[0].message


def test_files_that_are_too_large_for_a_config_map_block_the_plan() -> None:
    views = tuple(node(f"n{i}", internal=f"192.0.2.{i}", eth0=[f"192.0.2.{i}/24"]) for i in range(1, 65))
    resource = cluster(virtualRouters=[{"virtualIPs": ["192.0.2.200/24"]}], apache={"page": "x" * 16000})
    made = plan(resource, *views)
    assert made.blocked and [each.field for each in made.problems] == ["spec.apache.page"]


def test_the_config_maps_contain_every_file_under_its_key() -> None:
    made = plan(cluster(haproxy={"log": {"target": "File"}, "listeners": [{"name": "w", "port": 80, "backend": {"apache": {}}}]}))
    data: dict[str, str] = {}
    for manifest in made.objects:
        if manifest["kind"] == "ConfigMap":
            data |= manifest["data"]
    assert data == {names.key(name, file): text for name, texts in made.texts.items() for file, text in texts.items()}
    assert all(json.loads(data[f"n{i}.agent.json"])["node"] == f"n{i}" for i in (1, 2, 3))
