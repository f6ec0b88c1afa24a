"""`Planner`: plans are reused, and two resources that are planned at the same time get different VRIDs."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from hacluster.api import HACluster
from hacluster.control import planner as module
from hacluster.control.liveness import Liveness
from hacluster.control.observe import Observer
from hacluster.control.planner import Planner
from hacluster.control.resources import Resources
from hacluster.control.store import Store
from hacluster.kube.kinds import HACLUSTER, NODE
from hacluster.plan import Plan, Settings, make_plan
from tests.unit.control.examples import example_object, resource, spec


@dataclass
class OfferedFiles:
    """What the nodes are offered; `asked` counts the questions for the first nodes."""

    priorities: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)
    asked: int = 0

    def offered_priorities(self, cluster: HACluster) -> dict[str, int]:
        return self.priorities

    def first_nodes(self, cluster: HACluster) -> dict[str, str]:
        self.asked += 1
        return self.first


class TwoResources:
    """A planner, and the resources one and two on one node."""

    def __init__(self) -> None:
        self.store = Store()
        self.resources = Resources(self.store)
        self.offered = OfferedFiles()
        observer = Observer(self.store, Liveness(), lambda: 0.0)
        self.planner = Planner(Settings("node:test"), self.resources, observer, self.offered)
        self.store.put(NODE, {**example_object("node1", namespace="", cluster=""), "metadata": {
            **example_object("node1", namespace="", cluster="", uid="n1")["metadata"], "labels": {"role": "lb"}}})  # fmt: skip
        for number, name in enumerate(("one", "two"), start=1):
            self.store.put(HACLUSTER, resource(number, name=name, uid=name, spec=spec(number)))

    def plan(self, name: str) -> Plan:
        key = ("ns", name)
        found = self.resources.get(*key)
        assert found is not None and not isinstance(found.cluster, Exception)
        return self.planner.plan(key, found.cluster, earlier_agents=False)


def test_an_id_in_the_last_plan_of_the_other_resource_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = TwoResources()
    first = cluster.plan("one").topology.routers[0].virtual_router_id
    taken_ids: list[Any] = []

    def record_taken_ids(*args: Any, **kwargs: Any) -> Plan:
        taken_ids.append(kwargs["taken_ids"])
        return make_plan(*args, **kwargs)

    monkeypatch.setattr(module, "make_plan", record_taken_ids)
    cluster.plan("two")
    assert taken_ids == [{"VI_1": frozenset({first})}]
    cluster.planner.forget(("ns", "one"))
    cluster.store.remove(HACLUSTER, resource(9, name="one", uid="one"))
    cluster.plan("two")
    assert taken_ids[-1] == {"VI_1": frozenset()}


def vlans(number: int) -> dict[str, Any]:
    """A resource on a VLAN of its own of node1; both name the same VRID."""
    router = {"virtualIPs": [f"10.{number}.0.200/24"], "virtualRouterID": 51}
    return spec(number) | {"virtualRouters": [router], "haproxy": {**spec(number)["haproxy"], "stats": {"port": 9000 + number}},
        "apache": {"port": 8100 + number}}  # fmt: skip


VLANS = [{"name": "eth0.10", "addresses": ["10.1.0.51/24"]}, {"name": "eth0.20", "addresses": ["10.2.0.51/24"]}]


def test_two_resources_name_one_id_on_two_vlans_of_a_node_that_one_of_them_has_reported() -> None:
    """The second one's agents do not run yet: where it will be is known from those of the first."""
    cluster = TwoResources()
    for number, name in enumerate(("one", "two"), start=1):
        cluster.store.put(HACLUSTER, resource(number + 4, name=name, uid=name, spec=vlans(number)))
    second = cluster.resources.get("ns", "two")
    assert second is not None and isinstance(second.cluster, HACluster)
    (problem,) = cluster.planner.conflicts(("ns", "two"), second.cluster)
    assert problem.reason == "VirtualRouterIDTaken"
    cluster.store.put(
        HACLUSTER,
        resource(9, name="one", uid="one", spec=vlans(1), nodes=[{"name": "node1", "interfaces": VLANS}]),
    )
    assert not cluster.planner.conflicts(("ns", "two"), second.cluster)
    assert cluster.plan("two").topology.routers[0].virtual_router_id == cluster.plan("one").topology.routers[0].virtual_router_id


def test_a_new_id_may_be_that_of_another_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = TwoResources()
    taken_ids: list[Any] = []

    def record(*args: Any, **kwargs: Any) -> Plan:
        taken_ids.append(kwargs["taken_ids"])
        return make_plan(*args, **kwargs)

    monkeypatch.setattr(module, "make_plan", record)
    for number, name in enumerate(("one", "two"), start=1):
        reports = [{"name": "node1", "interfaces": VLANS}]
        cluster.store.put(HACLUSTER, resource(number + 4, name=name, uid=name, spec=vlans(number), nodes=reports))
    cluster.plan("one")
    cluster.plan("two")
    assert taken_ids == [{"VI_1": frozenset()}, {"VI_1": frozenset()}]


def test_the_virtual_ips_of_the_other_resource_belong_to_no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = TwoResources()
    found: list[Any] = []

    def record(*args: Any, **kwargs: Any) -> Plan:
        found.append({str(each) for each in kwargs["other_virtual_ips"]})
        return make_plan(*args, **kwargs)

    monkeypatch.setattr(module, "make_plan", record)
    cluster.plan("two")
    assert found == [{spec(1)["virtualRouters"][0]["virtualIPs"][0].partition("/")[0]}]


def test_addresses_that_may_move_reach_the_plan_apart_from_the_nodes_own() -> None:
    cluster = TwoResources()
    interface = {"name": "eth0", "addresses": ["10.0.0.51/24"], "otherAddresses": ["10.0.0.99/32"]}
    cluster.store.put(
        HACLUSTER, resource(9, name="one", uid="one", spec=spec(1), nodes=[{"name": "node1", "interfaces": [interface]}])
    )
    found = cluster.resources.get("ns", "one")
    assert found is not None and not isinstance(found.cluster, Exception)
    (view,) = Observer(cluster.store, Liveness(), lambda: 0.0).node_views(found.cluster)
    assert view.interfaces is not None
    (reported,) = view.interfaces
    assert [str(each) for each in (*reported.addresses, *reported.other_addresses)] == ["10.0.0.51/24", "10.0.0.99/32"]
    assert len(reported.other_addresses) == 1


def test_a_plan_is_reused_while_its_inputs_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = TwoResources()
    first = cluster.plan("one")
    assert cluster.plan("one") is first
    cluster.store.put(NODE, {**example_object("node2", namespace="", cluster="", uid="n2", version=3), "metadata": {
        **example_object("node2", namespace="", cluster="", uid="n2", version=3)["metadata"], "labels": {"role": "lb"}}})  # fmt: skip
    assert cluster.plan("one") is not first


def test_the_files_that_are_offered_stand_in_for_a_lost_status() -> None:
    cluster = TwoResources()
    cluster.offered.priorities = {"node1": 77, "gone": 66}
    assert cluster.plan("one").topology.places == cluster.offered.priorities
    raw = resource(5, name="one", uid="one", spec=spec(1))
    raw["status"]["priorities"] = [{"node": "node1", "priority": 55}]
    cluster.store.put(HACLUSTER, raw)
    assert cluster.plan("one").topology.places == {"node1": 55}


def test_who_is_first_in_the_offered_files_reaches_the_plan_of_a_resource_that_prefers_a_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = TwoResources()
    cluster.offered.first = {"VI_1": "node1"}
    found: list[Any] = []

    def record(*args: Any, **kwargs: Any) -> Plan:
        found.append(dict(kwargs["first"]))
        return make_plan(*args, **kwargs)

    monkeypatch.setattr(module, "make_plan", record)
    cluster.plan("one")
    assert found == [{}] and not cluster.offered.asked, "reading all files again costs time"
    (router,) = spec(3)["virtualRouters"]
    preferring = spec(3) | {"virtualRouters": [router | {"preferredNode": "node1"}]}
    cluster.store.put(HACLUSTER, resource(5, name="three", uid="three", spec=preferring))
    cluster.plan("three")
    assert found[-1] == {"VI_1": "node1"}


def test_router_ids_and_priorities_count_as_unrecorded_until_the_status_has_them() -> None:
    cluster = TwoResources()
    plan = cluster.plan("one")
    found = cluster.resources.get("ns", "one")
    assert found is not None
    assert cluster.planner.has_unrecorded_allotments(plan, found.status)
    recorded = {"address": "10.0.0.1", "router": "VI_1", "virtualRouterID": plan.topology.routers[0].virtual_router_id}
    raw = resource(5, name="one", uid="one", spec=spec(1))
    raw["status"]["virtualIPs"] = [{**recorded, "holder": "", "holders": [], "transitions": 0}]
    cluster.store.put(HACLUSTER, raw)
    found = cluster.resources.get("ns", "one")
    assert found is not None
    assert cluster.planner.has_unrecorded_allotments(plan, found.status)
    raw = resource(6, name="one", uid="one", spec=spec(1))
    raw["status"] |= {"virtualIPs": [recorded], "priorities": [{"node": "node1", "priority": 250}]}
    cluster.store.put(HACLUSTER, raw)
    found = cluster.resources.get("ns", "one")
    assert found is not None
    assert not cluster.planner.has_unrecorded_allotments(plan, found.status)
