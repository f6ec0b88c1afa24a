"""`Planner`: plans are reused, and two resources that are planned at the same time get different VRIDs."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hacluster.control import planner as module
from hacluster.control.heartbeats import Heartbeats
from hacluster.control.observe import Observer
from hacluster.control.planner import Planner
from hacluster.control.resources import Resources
from hacluster.control.store import Store
from hacluster.kube.kinds import HACLUSTER, NODE
from hacluster.plan import Plan, Settings, make_plan
from tests.unit.control.examples import example_object, resource, spec

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class TwoResources:
    """A planner, and the resources one and two on one node."""

    def __init__(self) -> None:
        self.store = Store()
        self.resources = Resources(self.store)
        self.planner = Planner(Settings("node:test"), self.resources, Observer(self.store, Heartbeats()))
        self.store.put(NODE, {**example_object("node1", namespace="", cluster=""), "metadata": {
            **example_object("node1", namespace="", cluster="", uid="n1")["metadata"], "labels": {"role": "lb"}}})  # fmt: skip
        for number, name in enumerate(("one", "two"), start=1):
            self.store.put(HACLUSTER, resource(number, name=name, uid=name, spec=spec(number)))

    def plan(self, name: str) -> Plan:
        key = ("ns", name)
        found = self.resources.get(*key)
        assert found is not None and not isinstance(found.cluster, Exception)
        return self.planner.plan(key, found.cluster, NOW)


def test_an_id_in_the_last_plan_of_the_other_resource_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = TwoResources()
    first = cluster.plan("one").topology.routers[0].virtual_router_id
    taken_ids: list[Any] = []

    def record_taken_ids(*args: Any, **kwargs: Any) -> Plan:
        taken_ids.append(kwargs["taken_ids"])
        return make_plan(*args, **kwargs)

    monkeypatch.setattr(module, "make_plan", record_taken_ids)
    cluster.plan("two")
    assert taken_ids == [frozenset({first})]
    cluster.planner.forget(("ns", "one"))
    cluster.store.remove(HACLUSTER, resource(9, name="one", uid="one"))
    cluster.plan("two")
    assert taken_ids[-1] == frozenset()


def test_a_plan_is_reused_while_its_inputs_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = TwoResources()
    first = cluster.plan("one")
    assert cluster.plan("one") is first
    cluster.store.put(NODE, {**example_object("node2", namespace="", cluster="", uid="n2", version=3), "metadata": {
        **example_object("node2", namespace="", cluster="", uid="n2", version=3)["metadata"], "labels": {"role": "lb"}}})  # fmt: skip
    assert cluster.plan("one") is not first


def test_router_ids_count_as_unrecorded_until_the_status_has_them() -> None:
    cluster = TwoResources()
    plan = cluster.plan("one")
    found = cluster.resources.get("ns", "one")
    assert found is not None
    assert cluster.planner.has_unrecorded_router_ids(plan, found.status)
    recorded = {"address": "10.0.0.1", "router": "VI_1", "virtualRouterID": plan.topology.routers[0].virtual_router_id}
    raw = resource(5, name="one", uid="one", spec=spec(1))
    raw["status"]["virtualIPs"] = [{**recorded, "holder": "", "holders": [], "transitions": 0}]
    cluster.store.put(HACLUSTER, raw)
    found = cluster.resources.get("ns", "one")
    assert found is not None
    assert not cluster.planner.has_unrecorded_router_ids(plan, found.status)
