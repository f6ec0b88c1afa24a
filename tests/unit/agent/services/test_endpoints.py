"""Which endpoints get requests, from the objects of the API server on."""

from typing import Any

import pytest

from hacluster.agent.services.endpoints import Endpoint, Endpoints, circles, endpoints_of
from hacluster.agent.services.lines import server_words
from hacluster.agent.services.objects import Kind, ObjectCache
from hacluster.nodeconfig import AgentConfig, Port, Service
from tests.unit.agent.services.objects import endpoint, leaving, service, slice_of

SHOP = Service(name="shop", port=80, field="spec.haproxy.listeners[0].backend.service", words="check inter 5s")


def found(*objects: dict[str, Any], wanted: Service = SHOP, config: AgentConfig | None = None) -> Endpoints:
    """The endpoints that follow from these objects."""
    cache = ObjectCache([wanted.name])
    for kind in Kind:
        cache.replace(kind, [each for each in objects if each["kind"] == kind.value])
    views = cache.views()
    assert views is not None
    made = config or AgentConfig(cluster="web", namespace="default", node="node1", revision="r1")
    return endpoints_of(wanted, views[wanted.name], circles(made, ["10.0.0.1"]))


def names(endpoints: Endpoints) -> tuple[list[str], list[str]]:
    """The servers in use, and those that drain."""
    return [each.name for each in endpoints.used], sorted(each.name for each in endpoints.draining)


def test_ready_endpoints_are_used_on_the_pods_own_port_in_the_order_of_their_addresses() -> None:
    slices = (slice_of(endpoint("10.1.0.10")), slice_of(endpoint("10.1.0.9"), endpoint("10.1.0.2"), name="shop-2", port=9090))
    assert names(found(service(), *slices)) == (["10.1.0.2:9090", "10.1.0.9:9090", "10.1.0.10:8080"], [])


def test_a_condition_that_is_not_known_counts_as_ready() -> None:
    assert names(found(service(), slice_of(endpoint("10.1.0.1", ready=None)))) == (["10.1.0.1:8080"], [])


def test_an_endpoint_that_is_not_ready_is_none_unless_it_serves_while_it_ends() -> None:
    some = (endpoint("10.1.0.1"), endpoint("10.1.0.2", ready=False), leaving("10.1.0.3"), leaving("10.1.0.4", serving=False))
    assert names(found(service(), slice_of(*some))) == (["10.1.0.1:8080"], ["10.1.0.3:8080"])


def test_endpoints_that_end_are_used_while_no_other_one_is_ready() -> None:
    some = (endpoint("10.1.0.2", ready=False), leaving("10.1.0.3"), leaving("10.1.0.4", serving=False))
    assert names(found(service(), slice_of(*some))) == (["10.1.0.3:8080"], [])


def test_an_endpoint_that_is_published_although_it_is_not_ready_is_used() -> None:
    """publishNotReadyAddresses: Kubernetes then says ready of every endpoint, also of one that ends."""
    assert names(found(service(), slice_of(endpoint("10.1.0.1", ready=True, serving=False, ending=True))))[0] == ["10.1.0.1:8080"]


def test_an_endpoint_in_two_slices_counts_once() -> None:
    slices = (slice_of(leaving("10.1.0.1")), slice_of(endpoint("10.1.0.1"), name="shop-2"))
    assert names(found(service(), *slices)) == (["10.1.0.1:8080"], [])


def on(node: str, given: dict[str, Any]) -> dict[str, Any]:
    """The endpoint, on this node."""
    return {**given, "nodeName": node}


@pytest.mark.parametrize("local_to", ["", "node1"])
def test_an_endpoint_is_on_the_node_that_the_slices_name_unless_they_contradict_each_other(local_to: str) -> None:
    """An address that was used again is in two slices for a moment: of the pod that was there before, and of the new one."""
    before, there = on("node1", endpoint("10.1.0.1")), on("node2", endpoint("10.1.0.1"))
    wanted = SHOP.model_copy(update={"local_to": local_to})
    (plain,) = found(service(), slice_of(there), wanted=wanted).used
    assert (plain.node, plain.backup) == ("node2", bool(local_to))
    (ended,) = found(
        service(), slice_of(leaving("10.1.0.1") | {"nodeName": "node1"}), slice_of(there, name="shop-2"), wanted=wanted
    ).used
    assert (ended.node, ended.backup) == ("node2", bool(local_to)), "the one that is ready counts"
    (both,) = found(service(), slice_of(before), slice_of(there, name="shop-2"), wanted=wanted).used
    assert (both.node, both.backup) == ("", False), "one server, on a node that is not known"
    (unknown,) = found(service(), slice_of(endpoint("10.1.0.1"))).used
    assert unknown.node == ""


@pytest.mark.parametrize(("version", "address"), [(4, "10.1.0.1:8080"), (6, "fd00::1:8080")])
def test_a_pod_with_two_addresses_is_one_server(version: int, address: str) -> None:
    slices = (slice_of(endpoint("10.1.0.1")), slice_of(endpoint("fd00::1"), name="shop-6", family=6))
    assert names(found(service(), *slices, wanted=SHOP.model_copy(update={"ip_version": version})))[0] == [address]


def test_the_only_family_that_the_service_has_is_used() -> None:
    assert names(found(service(), slice_of(endpoint("fd00::1"), family=6)))[0] == ["fd00::1:8080"]


def test_slices_of_others_and_what_is_no_address_are_left_out() -> None:
    others = (
        slice_of(endpoint("10.1.0.7"), owner="blog", name="blog-1"),
        {**slice_of(endpoint("10.1.0.8")), "addressType": "FQDN"},
    )
    no_address = slice_of(
        {"addresses": []}, endpoint("0.0.0.0"), endpoint("fd00::1"), endpoint("10.1.0.1 disabled"), name="shop-2"
    )
    assert found(service(), *others, no_address) == Endpoints()


@pytest.mark.parametrize(
    ("objects", "problem"),
    [
        ((), "no such Service"),
        ((service(type="ExternalName", externalName="shop.example"),), "ExternalName"),
        ((service(port=81),), "no TCP port 80 (its ports: 81)"),
        ((service(ports=None),), "no TCP port 80 (its ports: none)"),
    ],
)
def test_what_is_wrong_with_the_service_is_said(objects: tuple[dict[str, Any], ...], problem: str) -> None:
    result = found(*objects, slice_of(endpoint("10.1.0.1")))
    assert problem in result.problem and result.used == () and result.known


def test_a_service_that_was_never_seen_has_no_problem_yet() -> None:
    assert endpoints_of(SHOP, None, lambda _: False) == Endpoints(known=False)


@pytest.mark.parametrize("address", ["10.0.0.1", "10.0.0.2", "172.16.7.200"])
def test_an_endpoint_on_which_haproxy_itself_listens_is_left_out(address: str) -> None:
    config = AgentConfig(cluster="web", namespace="default", node="node1", revision="r1", ports=(Port(port=8080, field="f"),))
    config = config.model_copy(update={"peers": {"node2": ("10.0.0.2",)}, "all_virtual_ips": ("172.16.7.200",)})
    result = found(service(), slice_of(endpoint(address), endpoint("10.1.0.1")), config=config)
    assert names(result)[0] == ["10.1.0.1:8080"] and f"{address}:8080 is a listener of this resource" in result.problem
    assert not found(service(), slice_of(endpoint(address), port=8081), config=config).problem


def test_events_change_what_was_listed() -> None:
    cache = ObjectCache(["shop"])
    cache.replace(Kind.SLICE, [slice_of(endpoint("10.1.0.1"))])
    assert cache.views() is None, "it is not known yet whether the Service exists"
    cache.replace(Kind.SERVICE, [])
    assert (views := cache.views()) and not views["shop"].exists
    cache.put(Kind.SERVICE, service())
    cache.put(Kind.SLICE, slice_of(endpoint("10.1.0.2")))
    cache.put(Kind.SLICE, slice_of(endpoint("10.1.0.3"), name="shop-2"))
    cache.put(Kind.SLICE, slice_of(name="shop-2"), deleted=True)
    cache.put(Kind.SERVICE, service("blog"))
    assert (views := cache.views()) and views.keys() == {"shop"}
    assert [each.address for part in views["shop"].slices for each in part.endpoints] == ["10.1.0.2"]
    cache.put(Kind.SERVICE, service(), deleted=True)
    assert (views := cache.views()) and not views["shop"].exists


def test_an_endpoint_is_a_server_name_that_can_be_read_back() -> None:
    assert Endpoint("fd00::1", 80).name.rpartition(":")[::2] == ("fd00::1", "80")


def test_endpoints_on_other_nodes_are_backups_where_the_own_nodes_come_first() -> None:
    near = SHOP.model_copy(update={"local_to": "node1"})
    here, there = (on(node, endpoint(address)) for address, node in (("10.1.0.1", "node1"), ("10.1.0.2", "node2")))
    some = (service(), slice_of(here, there, endpoint("10.1.0.3")))
    assert [each.backup for each in found(*some, wanted=near).used] == [False, True, True]
    assert not any(each.backup for each in found(*some).used)
    assert server_words(found(*some, wanted=near).used[1], near).endswith("check inter 5s backup")
