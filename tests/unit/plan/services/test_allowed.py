"""Whose Services a resource serves, and where its agents have to read them."""

from typing import Any

import pytest

from hacluster.api import HACluster
from hacluster.plan.services.allowed import namespaces_to_read, not_allowed
from hacluster.plan.services.binding import bind_services
from hacluster.plan.services.model import LoadBalancerService
from tests.unit.plan.clusters import cluster
from tests.unit.plan.services.services import service

LABELS = frozenset({("team", "web"), ("zone", "a")})


def serving(namespaces: str = "Same", **labels: str) -> HACluster:
    """A resource in the namespace `default` that serves these namespaces; `labels`: its selector."""
    found: dict[str, Any] = {"namespaces": namespaces}
    if labels:
        found["namespaceSelector"] = {"matchLabels": labels}
    return cluster(haproxy={"listeners": [], "serviceClass": found}, apache=None)


def of(namespace: str, *ports: int, labels: frozenset[tuple[str, str]] = frozenset()) -> LoadBalancerService:
    return service("shop", *ports or (443,), namespace=namespace, uid=f"uid-{namespace}", namespace_labels=labels)


@pytest.mark.parametrize(
    ("resource", "own", "other", "labelled"),
    [
        (serving(), True, False, False),
        (serving("All"), True, True, True),
        (serving("Selector", team="web"), False, False, True),
        (serving("Selector", team="web", zone="b"), False, False, False),
        (cluster(), False, False, False),
    ],
    ids=["same", "all", "selector", "selector of which one label differs", "no class"],
)
def test_a_resource_serves_the_namespaces_that_its_owner_chose(
    resource: HACluster, own: bool, other: bool, labelled: bool
) -> None:
    asked = (of("default"), of("tenant"), of("tenant", labels=LABELS))
    assert tuple(not not_allowed(resource, each) for each in asked) == (own, other, labelled)


def test_the_refusal_names_the_field_and_the_label_that_is_missing() -> None:
    why = not_allowed(serving("Selector", team="web", zone="b"), of("tenant", labels=LABELS))
    assert "serviceClass.namespaceSelector" in why and why.endswith("tenant lacks zone=b")
    assert "its own namespace only (spec.haproxy.serviceClass.namespaces)" in not_allowed(serving(), of("tenant"))


def test_agents_read_only_other_namespaces_of_which_a_service_is_served() -> None:
    resource = serving("Selector", team="web")
    services = [of("default", labels=LABELS), of("tenant", labels=LABELS), of("foreign", 444), of("late", 443, labels=LABELS)]
    bindings = bind_services(resource, services, {}, (), {})
    assert [bool(each.listeners) for each in bindings] == [True, False, False, False], "one port, four Services"
    assert namespaces_to_read(resource, bindings, ()) == set()
    bindings = bind_services(resource, services[1:], {}, (), {})
    assert namespaces_to_read(resource, bindings, ()) == {"late"}


def test_a_namespace_that_refused_the_right_is_tried_again_while_its_services_are_wanted() -> None:
    service, denied = of("tenant"), {"tenant": "forbidden"}
    (found,) = bind_services(serving("All"), [service], {}, (), {}, denied=denied)
    assert not found.listeners and found.refused[0].reason == "ServicesNotServed"
    assert found.refused[0].message.endswith("not given the right to read this namespace: forbidden")
    assert namespaces_to_read(serving("All"), [found], denied) == {"tenant"}
    assert namespaces_to_read(serving(), bind_services(serving(), [service], {}, (), {}), denied) == set()
    assert namespaces_to_read(serving("All"), (), denied) == set()
