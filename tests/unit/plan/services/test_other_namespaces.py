"""What Services of other namespaces become: their names, their ports, and what the agents are told."""

import json
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

from hacluster.api import HACluster
from hacluster.nodeconfig import AgentConfig, File
from hacluster.plan.services.binding import bind_services, with_services
from hacluster.plan.services.model import Binding, LoadBalancerService
from tests.unit.plan.clusters import cluster, node, plan
from tests.unit.plan.objects.lookup import find
from tests.unit.plan.services.services import service

SERVING = cluster(haproxy={"listeners": [], "serviceClass": {"namespaces": "All"}}, apache=None)


def of(namespace: str, name: str = "shop", *ports: int, **fields: Any) -> LoadBalancerService:
    return service(name, *ports or (443,), namespace=namespace, uid=f"uid-{namespace}-{name}", **fields)


def bound(*services: LoadBalancerService) -> tuple[Binding, ...]:
    return bind_services(SERVING, services, {}, (), {})


def complete(*services: LoadBalancerService) -> HACluster:
    return with_services(SERVING, bound(*services))


def test_services_of_one_name_have_listeners_of_different_names() -> None:
    resource = complete(of("default"), of("tenant", "shop", 444), of("other", "shop", 445))
    names = [each.name for each in resource.spec.haproxy.listeners]
    assert sorted(names) == ["other.shop.445", "shop.443", "tenant.shop.444"]
    made = plan(resource)
    assert not made.blocked and all(f"listen {name}\n" in made.texts["n1"][File.HAPROXY] for name in names)


def test_a_port_that_goes_from_one_namespace_to_another_is_another_listener() -> None:
    """Else the servers and counters of the one would be taken for those of the other."""
    names = {complete(of(each)).spec.haproxy.listeners[0].name for each in ("default", "tenant", "other")}
    assert len(names) == 3


def test_the_longest_names_fit() -> None:
    first, second = complete(of("n" * 63, "s" * 63), of("m" * 63, "s" * 63, 444)).spec.haproxy.listeners
    assert len(first.name) <= 63 and len(second.name) <= 63 and first.name != second.name


def test_agents_are_told_the_namespace_and_messages_name_it() -> None:
    config = AgentConfig.model_validate_json(plan(complete(of("default"), of("tenant", "shop", 444))).texts["n1"][File.AGENT])
    assert {each.title: (each.namespace, each.field) for each in config.services.values()} == {
        "shop": ("", "Service shop, port 443"),
        "tenant/shop": ("tenant", "Service tenant/shop, port 444"),
    }
    assert {each.field for each in config.ports} >= {"Service shop, port 443", "Service tenant/shop, port 444"}
    own = json.loads(plan(complete(of("default"))).texts["n1"][File.AGENT])["services"]
    assert "namespace" not in own["shop.443"], "a file without Services of other namespaces is what it was"


def test_who_has_a_port_keeps_it_whatever_the_namespace_and_else_the_older_one_gets_it() -> None:
    old, young = of("a", created="2026-01-01T00:00:00Z"), of("b", created="2026-01-02T00:00:00Z")
    first, second = bound(young, old)
    assert first.service is old and first.listeners and not second.listeners
    assert "Service a/shop has it" in second.refused[0].message
    keeps = of("b", created="2026-01-02T00:00:00Z", served=frozenset({443}))
    assert [each.service.namespace for each in bound(keeps, old) if each.listeners] == ["b"]


def test_only_with_a_service_of_their_own_namespace_may_agents_read_it() -> None:
    assert "services" in str(find(plan(complete(of("default"))), "Role", "web-agent")["rules"])
    assert "services" not in str(find(plan(complete(of("tenant"))), "Role", "web-agent")["rules"])


def test_the_most_that_services_can_ask_for_does_not_block_the_resource() -> None:
    """Whoever may create Services would else stop every change of a resource that others own."""
    made = sha256()

    def sources() -> tuple[str, ...]:
        """64 networks that are not part of each other, and cannot be compressed."""
        found = []
        for _ in range(64):
            made.update(b"next")
            found.append(f"{ip_address(0xFD << 120 | int.from_bytes(made.digest()[:15]))}/128")
        return tuple(found)

    services = [of(f"tenant-{n}-{'x' * 50}", "shop", 1000 + n, source_ranges=sources()) for n in range(70)]
    bindings = bound(*services)
    assert [bool(each.listeners) for each in bindings].count(True) == 64
    views = [node(f"node{n}", eth0=[f"192.0.2.{n + 100}/24"]) for n in range(64)]
    assert not plan(with_services(SERVING, bindings), *views).blocked
