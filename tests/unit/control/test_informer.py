"""Which resources are looked at again after a change of an object."""

from typing import Any

from hacluster.control.informer import Informer
from hacluster.control.store import Store
from hacluster.control.workqueue import Key
from hacluster.kube.kinds import HACLUSTER, HACLUSTER_NODE
from tests.unit.control.examples import report, resource, router, spec

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
        self.informer = Informer(Store(), NoMonitor(), self.enqueued.append)  # type: ignore[arg-type]
        self.informer.put(HACLUSTER, resource(1, spec=spec(1)))
        self.informer.put(HACLUSTER, resource(2, name="other", uid="r2", spec=spec(2)))

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
