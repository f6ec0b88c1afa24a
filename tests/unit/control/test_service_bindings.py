"""Services of type LoadBalancer in the cache: what is read of them, and whose ports are taken."""

from typing import Any

from hacluster.api import HACluster
from hacluster.api.service_class import class_of
from hacluster.control.service_bindings import TRY_AGAIN, ServiceBindings
from hacluster.control.service_objects import read_service
from hacluster.control.store import Store
from hacluster.control.workqueue import Key
from hacluster.kube.kinds import NAMESPACE, SERVICE
from hacluster.plan.services.model import ServicePort
from tests.unit.plan.clusters import cluster

WEB: Key = ("default", "web")
SAID = "port 22 (Service git, port 22) is already in use on this node"


def raw(name: str, *ports: int, of: Key = WEB, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A Service as the API server sends it."""
    return {
        "metadata": {
            "namespace": of[0], "name": name, "uid": f"uid-{name}", "resourceVersion": "1", "annotations": annotations or {},
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"type": "LoadBalancer", "loadBalancerClass": class_of(*of), "ports": [{"port": each} for each in ports], **spec},
        "status": {},
    }  # fmt: skip


def serving(name: str = "web", namespace: str = "default", *, status: dict[str, Any] | None = None) -> HACluster:
    haproxy = {"listeners": [], "serviceClass": {}, "stats": {"enabled": False}}
    return cluster(name, metadata={"namespace": namespace}, haproxy=haproxy, apache=None, status=status)


class Resources:
    """The other resources."""

    def __init__(self, *others: HACluster) -> None:
        self._others = list(others)

    def others(self, *_: str) -> list[HACluster]:
        return self._others


class Observer:
    """Which nodes a resource selects: those of its namespace, and n1."""

    def __init__(self, *alone: str) -> None:
        self._alone = alone

    def selected_names(self, each: HACluster) -> frozenset[str]:
        return frozenset({each.metadata.namespace} if each.metadata.namespace in self._alone else {"n1", each.metadata.namespace})


class Bindings:
    """The part with a cache of these Services, and a clock."""

    def __init__(self, *services: dict[str, Any], others: tuple[HACluster, ...] = (), alone: tuple[str, ...] = ()) -> None:
        self.store, self.now = Store(), 0.0
        for each in services:
            self.store.put(SERVICE, each)
        resources, observer = Resources(*others), Observer(*alone)
        self._part = ServiceBindings(self.store, resources, observer, lambda: self.now)  # type: ignore[arg-type]

    def recheck_in(self) -> float | None:
        return self._part.recheck_in(self._part.bind(WEB, serving()))

    def refused(self, resource: HACluster) -> dict[int, str]:
        found = self._part.bind(WEB, resource)
        return {each.port.port: each.reason.value for binding in found for each in binding.refused}


def test_what_matters_of_a_service_is_read() -> None:
    spec = {"sessionAffinity": "ClientIP", "externalTrafficPolicy": "Local", "loadBalancerSourceRanges": ["10.0.0.0/8"]}
    found = read_service(raw("shop", 443, annotations={"hacluster.dev/proxy-protocol": "V2"}, **spec))
    assert (found.client_ip, found.local, found.source_ranges, found.proxy_protocol) == (True, True, ("10.0.0.0/8",), "V2")
    assert (found.ports, found.served, found.created) == ((ServicePort(443),), frozenset(), "2026-01-01T00:00:00Z")
    plain = read_service(raw("shop", 443, ports=[{"port": 53, "protocol": "UDP"}]))
    assert (plain.client_ip, plain.local, plain.source_ranges, plain.proxy_protocol) == (False, False, (), "")
    assert plain.ports == (ServicePort(53, "UDP"),)


def test_what_a_service_has_by_its_status_is_read() -> None:
    ingress = {"ip": "192.0.2.10", "ports": [{"port": 443, "protocol": "TCP"}, {"port": 80, "protocol": "TCP", "error": "x/Y"}]}
    assert read_service({**raw("shop", 443, 80), "status": {"loadBalancer": {"ingress": [ingress]}}}).served == {443}


def test_services_of_another_resource_or_about_to_go_are_not_bound() -> None:
    ending = raw("ending", 443)
    ending["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    bindings = Bindings(ending, raw("other", 444, of=("default", "other")))
    assert not bindings._part.bind(WEB, serving())


def test_ports_of_resources_on_the_same_nodes_and_of_their_services_are_taken() -> None:
    other = cluster("other", metadata={"namespace": "b"}, haproxy={"listeners": [], "serviceClass": {}}, apache={"port": 8443})
    theirs = raw("a", 443, of=("b", "other"))
    theirs["metadata"]["creationTimestamp"] = "2025-01-01T00:00:00Z"
    services = raw("shop", 443, 8443, 444), theirs
    assert Bindings(*services, others=(other,)).refused(serving()) == {443: "PortTaken", 8443: "PortTaken"}
    assert Bindings(*services, others=(other,), alone=("b",)).refused(serving()) == {}


def test_the_labels_of_a_services_namespace_are_those_of_the_cached_object() -> None:
    tenant = raw("shop", 443)
    tenant["metadata"]["namespace"] = "tenant"
    selector = {"namespaces": "Selector", "namespaceSelector": {"matchLabels": {"team": "web"}}}
    resource = cluster(haproxy={"listeners": [], "serviceClass": selector}, apache=None)
    bindings = Bindings(tenant)
    for version, labels, refused in ((1, None, True), (2, {"team": "web"}, False), (3, {"team": "x"}, True)):
        metadata = {"name": "tenant", "uid": "n1", "resourceVersion": str(version), "labels": labels}
        bindings.store.put(NAMESPACE, {"metadata": metadata})
        assert bool(bindings.refused(resource)) is refused


def test_a_port_in_use_is_that_of_the_service_in_the_namespace_that_the_node_names() -> None:
    tenant, own = raw("git", 22), raw("git", 22)
    tenant["metadata"] |= {"namespace": "tenant", "uid": "uid-tenant"}
    said = "port 22 (Service tenant/git, port 22) is already in use on this node"
    status = {"nodes": [{"name": "n1", "problems": [{"reason": "PortInUse", "message": said}]}]}
    haproxy = {"listeners": [], "serviceClass": {"namespaces": "All"}, "stats": {"enabled": False}}
    resource = cluster(haproxy=haproxy, apache=None, status=status)
    assert Bindings(tenant).refused(resource) == {22: "PortInUse"}
    assert Bindings(own).refused(resource) == {}


def test_a_port_that_a_node_calls_in_use_is_left_alone_for_a_while() -> None:
    bindings = Bindings(raw("git", 22, 2222))
    problem = {"reason": "PortInUse", "message": SAID}
    said = serving(status={"nodes": [{"name": "n1", "problems": [problem]}]})
    assert bindings.refused(serving()) == {}
    assert bindings.refused(said) == {22: "PortInUse"}
    assert bindings.recheck_in() == TRY_AGAIN, "nothing else might change then"
    bindings.now = TRY_AGAIN - 1
    assert bindings.refused(serving()) == {22: "PortInUse"}, "without the listener no node says it any more"
    assert bindings.recheck_in() == 1
    bindings.now = TRY_AGAIN
    assert bindings.refused(serving()) == {} and bindings.recheck_in() is None
