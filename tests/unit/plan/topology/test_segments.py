"""Where virtual routers advertise, and which may hear each other: by the subnets that nodes report."""

import pytest

from hacluster.api import HACluster
from hacluster.plan.topology.segments import Interfaces, Segment, segments_of
from tests.unit.plan.clusters import cluster, node


def interfaces(**addresses: list[str]) -> Interfaces:
    found = node("", **addresses).interfaces
    assert found is not None
    return found


def router(address: str = "10.1.0.200/24", **more: str) -> HACluster:
    return cluster(virtualRouters=[{"virtualIPs": [address], **more}])


def segment(
    resource: HACluster, reports: dict[str, Interfaces | None], elsewhere: dict[str, Interfaces] | None = None
) -> Segment:
    return segments_of(resource, reports, elsewhere or {})["VI_1"]


ONE = {"n1": interfaces(eth0=["10.1.0.1/24"], eth1=["10.2.0.1/24"])}
ON_ETH0 = segment(router(), dict(ONE))
ON_ETH1 = segment(router("10.2.0.200/24"), dict(ONE))


def test_two_interfaces_of_one_node_with_different_subnets_are_two_segments() -> None:
    assert ON_ETH0.is_known and ON_ETH0.may_meet(ON_ETH0) and not ON_ETH0.may_meet(ON_ETH1)
    assert ON_ETH0.shared(ON_ETH0) == "interface eth0 of node n1"


@pytest.mark.parametrize("subnet", ["10.1.0.9/24", "10.1.0.9/16", "10.1.0.9/25"])
def test_overlapping_subnets_on_different_nodes_are_one_segment(subnet: str) -> None:
    other = segment(router("10.1.0.210/32", interface="vlan7"), {"n2": interfaces(vlan7=[subnet])})
    assert ON_ETH0.may_meet(other) and other.meets(ON_ETH0) and "subnet 10.1.0.0/" in other.shared(ON_ETH0)


def test_an_ipv6_router_does_not_meet_an_ipv4_router_but_their_subnets_tell_of_one_segment() -> None:
    both = {"n1": interfaces(eth0=["10.1.0.1/24", "2001:db8:1::1/64"])}
    six = segment(router("2001:db8:1::200/64"), dict(both))
    assert not six.may_meet(segment(router(), dict(both)))
    assert not Segment(6).may_meet(Segment(4)) and Segment(6).may_meet(Segment(6)), "wherever they are"
    only_ipv4 = {"n2": interfaces(eth0=["10.1.0.2/24"])}
    assert six.meets(segment(router("fe80::9/64", interface="eth0"), dict(only_ipv4)))


def test_a_node_that_has_not_reported_may_be_anywhere() -> None:
    unknown = segment(router(interface="eth7"), {**ONE, "n2": None})
    assert unknown.unknown == {"n2"} and unknown.may_meet(ON_ETH1) and not unknown.meets(ON_ETH1)
    assert not segment(router(), {}).is_known, "a resource without a node"


@pytest.mark.parametrize("addresses", [[], ["10.1.0.1/32"], ["fe80::1/64"]])
def test_an_interface_without_a_subnet_does_not_tell_its_segment(addresses: list[str]) -> None:
    found = segment(router("10.9.9.9/32", interface="eth0"), {"n1": interfaces(eth0=addresses)})
    assert not found.is_known and found.may_meet(ON_ETH1) and found.meets(ON_ETH0), "by the interface it is the same as eth0's"


def test_a_node_that_cannot_run_the_router_does_not_count() -> None:
    without = segment(router(), {**ONE, "n2": interfaces(eth0=["10.3.0.1/24"])})
    assert without == ON_ETH0


def test_what_agents_of_other_resources_report_tells_where_a_new_resource_will_be() -> None:
    found = segment(router(), {"n1": None}, {"n1": ONE["n1"]})
    assert found == ON_ETH0
    missing = segment(router(interface="eth7"), {"n1": None}, {"n1": ONE["n1"]})
    assert missing.unknown == {"n1"}, "they do not report an interface that only this resource names"


def test_a_node_counts_where_it_runs_the_router_until_it_runs_what_is_planned() -> None:
    entry = {
        "name": "n1",
        "interfaces": [{"name": "eth0", "addresses": ["10.1.0.1/24"]}, {"name": "eth1", "addresses": ["10.2.0.1/24"]}],
        "routers": [{"name": "VI_1", "state": "Backup", "priority": 1, "interface": "eth1", "since": "2026-01-01T00:00:00Z"}],
    }
    resource = cluster(virtualRouters=[{"virtualIPs": ["10.1.0.200/24"]}], status={"nodes": [entry]})
    assert segment(resource, dict(ONE)).subnets == ON_ETH0.subnets | ON_ETH1.subnets
