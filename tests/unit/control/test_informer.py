"""Which resources are looked at again after a change of an object."""

from typing import Any

from hacluster.control.informer import Informer
from hacluster.control.service_objects import leftovers
from hacluster.control.store import Store
from hacluster.control.workqueue import Key
from hacluster.kube.kinds import HACLUSTER, HACLUSTER_NODE, NAMESPACE, ROLE, ROLE_BINDING, SERVICE
from hacluster.plan.objects.service_access import service_access_objects
from tests.unit.control.examples import report, resource, router, spec
from tests.unit.plan.clusters import cluster

WEB, OTHER = ("ns", "web"), ("ns", "other")
ETH0 = [{"name": "eth0", "addresses": ["10.0.0.51/24"]}]


class NoMonitor:
    """Records no reports."""

    def record(self, change: Any) -> None:
        """Does nothing."""


class Informed:
    """An informer with two resources, and what it has enqueued."""

    def __init__(self) -> None:
        self.enqueued: list[Key] = []
        self.store = Store()
        self.informer = Informer(self.store, NoMonitor(), self.enqueued.append)  # type: ignore[arg-type]
        self.informer.put(HACLUSTER, resource(1, spec=spec(1)))
        self.informer.put(HACLUSTER, resource(2, name="other", uid="r2", spec=spec(2)))

    def serving(self) -> "Informed":
        """Services become listeners of the second resource, and of a third one they do not."""
        self.informer.put(
            HACLUSTER, resource(3, name="other", uid="r2", spec=spec(2) | {"haproxy": {"serviceClass": {"namespaces": "Same"}}})
        )
        self.informer.put(HACLUSTER, resource(4, name="third", uid="r3", spec=spec(3)))
        return self

    def after(self, *changes: tuple[Any, Any]) -> set[Key]:
        """What the changes make due."""
        self.enqueued.clear()
        for kind, raw in changes:
            self.informer.put(kind, raw)
        return set(self.enqueued)


def test_a_nodes_networks_concern_all_resources_and_its_other_reports_its_own() -> None:
    """Which virtual routers may hear each other, and so which IDs are free, follows from the networks."""
    informed = Informed()
    assert informed.after((HACLUSTER_NODE, report(version=3, interfaces=ETH0))) == {WEB, OTHER}
    assert informed.after((HACLUSTER_NODE, report(version=4, interfaces=ETH0, haproxy="Up"))) == {WEB}
    assert informed.after((HACLUSTER_NODE, report(version=5, interfaces=ETH0, routers=[router()]))) == {WEB, OTHER}
    assert informed.after((HACLUSTER_NODE, report(version=6, interfaces=ETH0, routers=[router("10.0.0.1")]))) == {WEB}


def test_a_recorded_router_id_concerns_all_resources_and_the_rest_of_a_status_its_own() -> None:
    informed = Informed()
    recorded, holder = resource(7, spec=spec(1)), resource(8, spec=spec(1))
    vip = {"address": "10.0.0.1", "router": "VI_1", "virtualRouterID": 17}
    recorded["status"]["virtualIPs"] = [vip]
    holder["status"]["virtualIPs"] = [{**vip, "holder": "node1"}]
    assert informed.after((HACLUSTER, recorded)) == {WEB, OTHER}
    assert informed.after((HACLUSTER, holder)) == {WEB}


def load_balancer(version: int, **spec: Any) -> dict[str, Any]:
    """A Service of type LoadBalancer of the resource `web`."""
    metadata = {"namespace": "ns", "name": "shop", "uid": "s1", "resourceVersion": f"{version}"}
    full = {"type": "LoadBalancer", "loadBalancerClass": "hacluster.dev/ns.web", "ports": [{"port": 443}], **spec}
    return {"metadata": metadata, "spec": full, "status": {}}


def test_a_service_concerns_its_resource_and_its_ports_all_that_serve_some() -> None:
    """Another resource's Service may wait for a port."""
    informed = Informed().serving()
    assert informed.after((SERVICE, load_balancer(13))) == {WEB, OTHER}
    assert informed.after((SERVICE, {**load_balancer(14), "status": {"loadBalancer": {}}})) == {WEB}
    assert informed.after((SERVICE, load_balancer(15, ports=[{"port": 444}]))) == {WEB, OTHER}


def test_a_namespaces_labels_concern_the_resources_that_serve_services() -> None:
    informed = Informed().serving()

    def namespace(version: int, **labels: str) -> tuple[Any, Any]:
        metadata = {"name": "tenant", "uid": "n1", "resourceVersion": f"{version}", "labels": labels}
        return NAMESPACE, {"metadata": {**metadata, "annotations": {"at": f"{version}"}}}

    assert informed.after(namespace(20)) == {OTHER}
    assert informed.after(namespace(21, team="web")) == {OTHER}
    assert informed.after(namespace(22, team="web")) == set()


def test_the_rights_of_agents_in_another_namespace_concern_their_resource_also_when_that_is_gone() -> None:
    informed = Informed()
    resource = cluster("web", metadata={"namespace": "gone"})
    for kind, each in zip((ROLE, ROLE_BINDING), service_access_objects(resource, "ns"), strict=True):
        each["metadata"] |= {"uid": kind.name, "resourceVersion": "30"}
        assert informed.after((kind, each)) == {("gone", "web")}


def test_services_of_other_classes_and_types_are_not_kept() -> None:
    informed = Informed().serving()
    for fields in ({"loadBalancerClass": "example.com/x"}, {"loadBalancerClass": None}, {"type": "ClusterIP"}):
        assert informed.after((SERVICE, load_balancer(13, **fields))) == set()
    assert not informed.store.all(SERVICE)


def test_a_service_that_becomes_another_type_is_kept_until_its_status_says_nothing_more() -> None:
    informed = Informed().serving()
    status = {"conditions": [{"type": "hacluster.dev/Bound", "status": "True"}]}
    informed.after((SERVICE, {**load_balancer(13), "status": status}))
    assert informed.after((SERVICE, {**load_balancer(14, type="ClusterIP"), "status": status})) == {WEB, OTHER}
    assert [each["metadata"]["name"] for each in leftovers(informed.store)] == ["shop"]
    informed.after((SERVICE, load_balancer(15, type="ClusterIP")))
    assert not informed.store.all(SERVICE)
