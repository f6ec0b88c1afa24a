"""Where resources advertise is kept as long as nothing that it follows from changes."""

from typing import Any

from hacluster.api import HACluster
from hacluster.control.liveness import Liveness
from hacluster.control.observe import Observer
from hacluster.control.resources import Resources
from hacluster.control.segments import SegmentTable
from hacluster.control.store import Store
from hacluster.kube.kinds import HACLUSTER, NODE
from hacluster.plan.topology.router_claims import Placement
from tests.unit.control.examples import example_object, resource, spec


class Tabled:
    """A resource in a store, and the table."""

    def __init__(self) -> None:
        self.store = Store()
        self.resources = Resources(self.store)
        self.table = SegmentTable(Observer(self.store, Liveness(), lambda: 0.0))
        self.add_node("node1")
        self.put(1, "node1")

    def add_node(self, name: str) -> None:
        made = example_object(name, namespace="", cluster="", uid=name)
        made["metadata"]["labels"] = {"role": "lb"}
        self.store.put(NODE, made)

    def put(self, version: int, *reporting: str, **status: Any) -> None:
        interfaces = [{"name": "eth0", "addresses": ["10.0.0.51/24"]}]
        raw = resource(version, spec=spec(1), nodes=[{"name": each, "interfaces": interfaces} for each in reporting])
        raw["status"] |= status
        self.store.put(HACLUSTER, raw)

    @property
    def placement(self) -> Placement:
        found = self.resources.get("ns", "web")
        assert found is not None and isinstance(found.cluster, HACluster)
        return self.table.among([found.cluster])(found.cluster)


def test_it_is_kept_while_nothing_changes() -> None:
    tabled = Tabled()
    first = tabled.placement
    assert tabled.placement is first and first.segments["VI_1"].is_known
    tabled.table.forget(("ns", "web"))
    assert tabled.placement is not first and tabled.placement == first


def test_another_node_and_its_report_change_it() -> None:
    tabled = Tabled()
    assert tabled.placement.segments["VI_1"].is_known
    tabled.add_node("node2")
    assert tabled.placement.segments["VI_1"].unknown == {"node2"}
    tabled.put(2, "node1", "node2")
    assert tabled.placement.segments["VI_1"].interfaces == {("node1", "eth0"), ("node2", "eth0")}


def test_a_recorded_id_changes_it() -> None:
    tabled = Tabled()
    assert not tabled.placement.claims
    tabled.put(2, "node1", virtualIPs=[{"address": "10.0.0.1", "router": "VI_1", "virtualRouterID": 17}])
    (claim,) = tabled.placement.claims
    assert claim.virtual_router_id == 17 and claim.runs
