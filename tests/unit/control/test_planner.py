"""VRIDs of two resources that are planned in one moment, before either is in any status."""

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
from tests.unit.control.examples import resource, thing

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def spec(number: int) -> dict[str, Any]:
    return {
        "nodeSelector": {"role": "lb"},
        "virtualRouters": [{"virtualIPs": [f"10.0.0.{number}/24"]}],
        "haproxy": {"listeners": [{"name": "web", "port": 80 + number, "backend": {"apache": {}}}]},
        "apache": {},
    }


class Desk:
    def __init__(self) -> None:
        self.store = Store()
        self.resources = Resources(self.store)
        self.planner = Planner(Settings("node:test"), self.resources, Observer(self.store, Heartbeats()))
        self.store.put(NODE, {**thing("node1", namespace="", cluster=""), "metadata": {
            **thing("node1", namespace="", cluster="", uid="n1")["metadata"], "labels": {"role": "lb"}}})  # fmt: skip
        for number, name in enumerate(("one", "two"), start=1):
            self.store.put(HACLUSTER, resource(number, name=name, uid=name, spec=spec(number)))

    def plan(self, name: str) -> Plan:
        key = ("ns", name)
        found = self.resources.get(*key)
        assert found is not None and not isinstance(found.cluster, Exception)
        return self.planner.plan(key, found.cluster, NOW)


def test_an_id_that_was_given_out_a_moment_ago_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    first = desk.plan("one").topology.routers[0].virtual_router_id
    asked: list[Any] = []

    def spy(*args: Any, **kwargs: Any) -> Plan:
        asked.append(kwargs["taken_ids"])
        return make_plan(*args, **kwargs)

    monkeypatch.setattr(module, "make_plan", spy)
    desk.plan("two")
    assert asked == [frozenset({first})]
    desk.planner.forget(("ns", "one"))
    desk.store.remove(HACLUSTER, resource(9, name="one", uid="one"))
    desk.plan("two")
    assert asked[-1] == frozenset()


def test_the_same_question_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    first = desk.plan("one")
    assert desk.plan("one") is first
    desk.store.put(NODE, {**thing("node2", namespace="", cluster="", uid="n2", version=3), "metadata": {
        **thing("node2", namespace="", cluster="", uid="n2", version=3)["metadata"], "labels": {"role": "lb"}}})  # fmt: skip
    assert desk.plan("one") is not first


def test_an_allotment_that_no_status_records_is_told_first() -> None:
    desk = Desk()
    plan = desk.plan("one")
    found = desk.resources.get("ns", "one")
    assert found is not None
    assert desk.planner.allocated(plan, found.status)
    recorded = {"address": "10.0.0.1", "router": "VI_1", "virtualRouterID": plan.topology.routers[0].virtual_router_id}
    raw = resource(5, name="one", uid="one", spec=spec(1))
    raw["status"]["virtualIPs"] = [{**recorded, "holder": "", "holders": [], "transitions": 0}]
    desk.store.put(HACLUSTER, raw)
    found = desk.resources.get("ns", "one")
    assert found is not None
    assert not desk.planner.allocated(plan, found.status)
