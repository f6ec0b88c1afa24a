"""`make_layout`: which hosts and addresses a lab has for a resource."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hacluster.api import HACluster, parse
from hacluster.plan import Settings, make_plan
from hacluster.rehearse.facts import NoRoom, make_layout
from hacluster.rehearse.services import service_objects

SAMPLES = Path(__file__).parents[3] / "manifests" / "samples"


def sample(name: str, **spec: Any) -> HACluster:
    manifest = yaml.safe_load((SAMPLES / name).read_text())
    manifest["spec"] |= spec
    return parse(manifest)


@pytest.mark.parametrize("name", sorted(file.name for file in SAMPLES.glob("*.yaml")))
def test_every_sample_can_be_planned_on_its_layout(name: str) -> None:
    cluster = sample(name)
    plan = make_plan(cluster, make_layout(cluster).nodes, Settings(node_image="x"))
    assert not plan.blocked and not plan.problems and len(plan.texts) == 3


def test_nodes_get_the_names_and_backend_addresses_that_the_resource_states() -> None:
    layout = make_layout(sample("tutorial.yaml"))
    assert [node.name for node in layout.nodes] == ["node1", "node2", "node3"]
    backends = [str(i.addresses[0]) for node in layout.nodes for i in node.interfaces or () if i.name != "ens3"]
    assert backends == ["192.168.60.210/24", "192.168.60.220/24", "192.168.60.230/24"]


def test_no_host_gets_an_address_twice_or_a_virtual_ip() -> None:
    cluster = sample("minimal.yaml", virtualRouters=[{"virtualIPs": ["10.0.0.1/28"]}, {"virtualIPs": ["10.0.1.200/24"]}])
    layout = make_layout(cluster)
    assigned = [a.ip for node in layout.nodes for i in node.interfaces or () for a in i.addresses]
    assigned += [a.ip for each in layout.segments for a in (*each.client, *each.newcomer, *each.servers)]
    assert len(set(assigned)) == len(assigned)
    assert not {each.ip for each in layout.virtual_ips} & set(assigned)


def test_the_error_names_the_network_that_is_too_small() -> None:
    with pytest.raises(NoRoom, match=r"10\.0\.0\.0/30"):
        make_layout(sample("minimal.yaml", virtualRouters=[{"virtualIPs": ["10.0.0.1/30"]}]))


def test_a_virtual_ip_without_a_subnet_gets_a_segment_named_like_its_interface() -> None:
    router = {"virtualIPs": ["203.0.113.7/32"], "interface": "uplink"}
    layout = make_layout(sample("minimal.yaml", virtualRouters=[router]))
    assert layout.segments[0].name == "uplink"
    assert not make_plan(sample("minimal.yaml", virtualRouters=[router]), layout.nodes, Settings(node_image="x")).blocked


def test_servers_of_the_user_get_stand_ins() -> None:
    server = {"name": "db1", "address": "10.9.9.9", "port": 5432}
    listener = {"name": "db", "port": 5432, "mode": "TCP", "backend": {"servers": [server]}}
    layout = make_layout(sample("minimal.yaml", haproxy={"listeners": [listener]}))
    assert [(str(address), port) for address, port in layout.servers] == [("10.9.9.9", 5432)]


@pytest.mark.parametrize("address", ["172.16.7.200/24", "2001:db8::200/64"])
def test_every_node_has_an_endpoint_of_each_service_and_the_slices_say_so(address: str) -> None:
    listener = {"name": "shop", "port": 80, "backend": {"service": {"name": "shop", "port": 80}}}
    routers = [{"virtualIPs": [address]}]
    layout = make_layout(sample("minimal.yaml", virtualRouters=routers, haproxy={"listeners": [listener]}))
    names = [node.name for node in layout.nodes]
    assert [layout.node_of(each) for each, _ in layout.services["shop"][80]] == names
    assert set(layout.servers) == set(layout.services["shop"][80])
    assert layout.node_of(layout.segments[0].servers[0].ip) == ""
    objects = json.loads(service_objects(layout))["items"]
    slices = [each for each in objects if each["kind"] == "EndpointSlice"]
    assert [each["endpoints"][0]["nodeName"] for each in slices] == names


def test_vrrp_gets_a_segment_of_its_own_where_it_does_not_speak_beside_the_virtual_ips() -> None:
    routers = [
        {"virtualIPs": [each], "interface": "sync0", "addressInterface": "ens3"} for each in ("192.0.2.9/24", "2001:db8::9/64")
    ]
    cluster = sample("minimal.yaml", virtualRouters=routers)
    layout = make_layout(cluster)
    assert {segment.name: {network.version for network in segment.networks} for segment in layout.segments} == {
        "ens3": {4, 6},
        "sync0": {4, 6},
    }
    plan = make_plan(cluster, layout.nodes, Settings(node_image="x"))
    assert not plan.blocked and not plan.problems
    assert {(each.interface, each.vrrp_interface) for each in plan.topology.routers[0].members.values()} == {("ens3", "sync0")}
