"""Which listeners the ports of Services become, and why a port becomes none."""

from typing import Any

import pytest

from hacluster.api import HACluster
from hacluster.api.service_class import class_of, resource_of
from hacluster.nodeconfig import File
from hacluster.plan.services.binding import bind_services, ports_of, with_services
from hacluster.plan.services.model import Binding, LoadBalancerService, ServicePort
from tests.unit.plan.clusters import cluster, plan
from tests.unit.plan.services.services import service

LISTENER = {"name": "web", "port": 80, "backend": {"apache": {}}}


def serving(listeners: list[dict[str, Any]] | None = None, **spec: Any) -> HACluster:
    haproxy = {"listeners": [LISTENER] if listeners is None else listeners, "serviceClass": {}}
    return cluster(**{"haproxy": haproxy, **spec})


def bound(
    *services: LoadBalancerService,
    resource: HACluster | None = None,
    taken: dict[int, str] | None = None,
    rivals: tuple[Binding, ...] = (),
    in_use: dict[tuple[str, int], str] | None = None,
) -> tuple[Binding, ...]:
    return bind_services(resource or serving(), services, taken or {}, rivals, in_use or {})


def refusals(binding: Binding) -> dict[int, str]:
    return {each.port.port: each.reason.value for each in binding.refused}


def haproxy_cfg(*services: LoadBalancerService, resource: HACluster | None = None) -> str:
    """haproxy.cfg of a node, from the listener of the first of these Services on."""
    resource = resource or serving()
    made = plan(with_services(resource, bound(*services, resource=resource)))
    assert not made.blocked, made.problems
    return made.texts["n1"][File.HAPROXY].partition(f"listen {services[0].name}.")[2]


def test_each_tcp_port_becomes_a_listener_with_the_service_as_backend() -> None:
    (found,) = bound(service("shop", 443, 8443))
    assert [(each.name, each.port, each.mode, each.backend.service) for each in found.listeners] == [
        (f"shop.{port}", port, "TCP", found.listeners[0].backend.service.model_copy(update={"port": port}))  # type: ignore[union-attr]
        for port in (443, 8443)
    ]
    assert found.listeners[0].backend.service.name == "shop" and not found.refused  # type: ignore[union-attr]


def test_the_listeners_follow_those_of_the_resource_and_are_in_the_files_of_all_nodes() -> None:
    resource = with_services(serving(), bound(service("shop", 443)))
    assert [each.name for each in resource.spec.haproxy.listeners] == ["web", "shop.443"]
    texts = plan(resource).texts
    assert all("listen shop.443\n    bind *:443 transparent\n    mode tcp" in each[File.HAPROXY] for each in texts.values())
    assert all('"field": "Service shop, port 443"' in each[File.AGENT] for each in texts.values())
    assert with_services(serving(), ()) == serving()


def test_a_resource_may_have_no_other_listeners() -> None:
    resource = serving([], apache=None)
    assert not plan(resource).blocked
    assert "listen shop.443" in plan(with_services(resource, bound(service("shop"), resource=resource))).texts["n1"][File.HAPROXY]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"client_ip": True}, "    balance source\n"),
        ({"client_ip": True}, "    hash-type consistent\n"),
        ({"source_ranges": ("10.0.0.0/8", " 192.168.1.7/24")}, "src 192.168.1.0/24\n"),
        ({"source_ranges": ("10.0.0.0/9", "10.128.0.0/9", "fd00::/8")}, "allowed_ipv6 src fd00::/8\n"),
        ({"proxy_protocol": "V2"}, "send-proxy-v2"),
        ({"proxy_protocol": "V1"}, "send-proxy"),
        ({"local": True}, "    option allbackups\n"),
    ],
    ids=str,
)
def test_a_field_of_the_service_has_its_effect(fields: dict[str, Any], line: str) -> None:
    assert line in haproxy_cfg(service("shop", **fields))
    assert line not in haproxy_cfg(service("shop"))


def test_a_connection_may_be_idle_for_an_hour_unless_the_resource_says_something_else() -> None:
    assert "    timeout tunnel 1h\n" in haproxy_cfg(service())
    haproxy = {"listeners": [LISTENER], "serviceClass": {}, "timeouts": {"tunnel": "5m"}}
    assert "timeout tunnel" not in haproxy_cfg(service(), resource=cluster(haproxy=haproxy))


def test_only_with_the_local_policy_an_agent_is_told_to_prefer_its_own_node() -> None:
    texts = plan(with_services(serving(), bound(service("far"), service("near", 444, local=True)))).texts
    for node in ("n1", "n2"):
        agent = texts[node][File.AGENT]
        assert agent.count("local_to") == 1 and f'"local_to": "{node}"' in agent


def test_listeners_are_bound_to_the_virtual_ips_where_the_nodes_can() -> None:
    assert bound(service())[0].listeners[0].bind == "Any"
    resource = serving(system={"nonlocalBind": True})
    assert bound(service(), resource=resource)[0].listeners[0].bind == "VirtualIPs"
    assert "bind 192.0.2.10:443 transparent" in haproxy_cfg(service(), resource=resource)


@pytest.mark.parametrize("port", [80, 8080, 8081, 8443])
def test_a_port_of_the_resource_itself_is_taken_and_the_services_other_ports_are_served(port: int) -> None:
    tls = {**LISTENER, "name": "tls", "port": 444, "tls": {"secretNames": ["a"], "redirectFromPort": 8443}}
    (found,) = bound(service("shop", 443, port), resource=serving([LISTENER, tls]))
    assert [each.port for each in found.listeners] == [443]
    assert refusals(found) == {port: "PortTaken"} and "HACluster default/web" in found.refused[0].message


def test_the_statistics_pages_port_is_free_without_a_page() -> None:
    resource = cluster(haproxy={"listeners": [LISTENER], "serviceClass": {}, "stats": {"enabled": False}})
    assert not bound(service("shop", 8080), resource=resource)[0].refused
    assert 8080 not in ports_of(resource) and 8080 in ports_of(serving())


def test_the_older_of_two_services_has_the_port() -> None:
    young, old = service("a", created="2026-01-02T00:00:00Z"), service("b", created="2026-01-01T00:00:00Z")
    first, second = bound(young, old)
    assert (first.service, refusals(first)) == (old, {}) and (second.service, refusals(second)) == (young, {443: "PortTaken"})
    assert "Service default/b" in second.refused[0].message


def test_a_service_that_has_a_port_keeps_it() -> None:
    """Else another one's edit, or one of the same second, would take a port that is in use."""
    young, old = service("young", created="2026-01-02T00:00:00Z", served=frozenset({443})), service("old")
    assert [refusals(each) for each in bound(young, old)] == [{443: "PortTaken"}, {}]
    theirs = cluster("other", metadata={"namespace": "b"}, haproxy={"listeners": [], "serviceClass": {}}, apache=None)
    rivals = bound(service("theirs", namespace="b", created="2025-01-01T00:00:00Z"), resource=theirs)
    assert refusals(bound(young, rivals=rivals)[0]) == {}


def test_the_ports_of_other_resources_and_of_their_older_services_are_taken() -> None:
    assert refusals(bound(service(), taken={443: "HACluster b/other (its listener tls)"})[0]) == {443: "PortTaken"}
    theirs = cluster("other", metadata={"namespace": "b"}, haproxy={"listeners": [], "serviceClass": {}}, apache=None)
    for year, refused in ((2025, {443: "PortTaken"}), (2027, {})):
        rivals = bound(service("theirs", created=f"{year}-01-01T00:00:00Z", namespace="b"), resource=theirs)
        assert refusals(bound(service(), rivals=rivals)[0]) == refused


def test_a_rivals_port_that_is_not_served_is_free() -> None:
    """Else whoever may create a Service anywhere could keep others from their ports."""
    theirs = cluster("other", metadata={"namespace": "b"}, haproxy={"listeners": [], "serviceClass": {}}, apache=None)
    old = {"created": "2025-01-01T00:00:00Z"}
    elsewhere, udp = service(namespace="evil", **old), service("udp", ServicePort(443, "UDP"), namespace="b", **old)
    assert refusals(bound(service(), rivals=bound(elsewhere, udp, resource=theirs))[0]) == {}


def test_a_port_that_another_program_on_a_node_has_is_left_alone() -> None:
    (found,) = bound(service("shop", 443, 22), in_use={("uid-shop", 22): "n1: port 22 is already in use"})
    assert refusals(found) == {22: "PortInUse"} and [each.port for each in found.listeners] == [443]


def test_a_protocol_other_than_tcp_is_refused_beside_the_same_port_of_tcp() -> None:
    (found,) = bound(service("dns", 53, ServicePort(53, "UDP")))
    assert [each.port for each in found.listeners] == [53] and [each.port.protocol for each in found.refused] == ["UDP"]
    assert found.refused[0].reason == "UnsupportedProtocol" and "UDP" in found.refused[0].message


def test_a_resource_has_at_most_64_listeners() -> None:
    first, second, third = bound(*(service(f"s{number}", *range(1000 * number, 1000 * number + 40)) for number in (1, 2, 3)))
    assert len(first.listeners) == 40 and len(second.listeners) == 23 and not third.listeners
    assert set(refusals(second).values()) | set(refusals(third).values()) == {"TooManyListeners"}
    assert not plan(with_services(serving(), (first, second, third))).blocked


@pytest.mark.parametrize(
    ("made", "resource", "reason", "words"),
    [
        (service(), cluster(), "ServicesNotServed", "serviceClass"),
        (service(namespace="other"), serving(), "ServicesNotServed", "its own namespace only"),
        (service(proxy_protocol="v2"), serving(), "InvalidAnnotation", "must be V1 or V2, not 'v2'"),
        (service(source_ranges=("10.0.0.0/8", "010.0.0.0/8")), serving(), "Invalid", "loadBalancerSourceRanges"),
        (service(source_ranges=tuple(f"10.{n}.0.0/24" for n in range(65))), serving(), "TooManySources", "64"),
    ],
    ids=["no class", "another namespace", "annotation", "ambiguous source", "sources"],
)
def test_a_service_that_cannot_be_served_has_no_listener(
    made: LoadBalancerService, resource: HACluster, reason: str, words: str
) -> None:
    good = service("good", 444)
    found = {each.service.name: each for each in bound(made, good, resource=resource)}
    assert not found["shop"].listeners and refusals(found["shop"]) == {443: reason} and words in found["shop"].refused[0].message
    assert bool(found["good"].listeners) is (resource.spec.haproxy.service_class is not None)


def test_a_listener_of_the_same_name_and_a_long_name_give_way() -> None:
    resource = serving([{**LISTENER, "name": "shop.443"}])
    names = [each.listeners[0].name for each in bound(service(), service("x" * 63, 444), resource=resource)]
    assert len(set(names) | {"shop.443"}) == 3 and all(len(each) <= 63 for each in names)
    assert all(each.startswith(begin) for each, begin in zip(names, ("shop.", "xxx"), strict=True))


def test_a_class_names_a_resource() -> None:
    assert resource_of(class_of("prod", "web.front")) == ("prod", "web.front")
    assert [resource_of(each) for each in ("", "hacluster.dev/web", "example.com/prod.web", "prod.web")] == [None] * 4
