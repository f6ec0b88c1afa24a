"""The operator doubts itself before it calls a node silent."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from hacluster.control.heartbeats import Heartbeats
from hacluster.control.node_monitor import NodeMonitor
from hacluster.control.store import Store
from hacluster.control.workqueue import RetryLater
from hacluster.kube.client import ApiError
from hacluster.kube.kinds import HACLUSTER, LEASE, Kind
from hacluster.timestamps import format_timestamp
from tests.unit.control.examples import lease, resource
from tests.unit.control.test_heartbeats import KEY, at


class Api:
    """Lists what it is given; counts how often."""

    def __init__(self) -> None:
        self.leases: list[Any] = []
        self.asked = 0
        self.away = False

    async def list(self, kind: Kind, *, namespace: str | None = None, labels: str = "") -> AsyncIterator[Any]:
        assert (kind, namespace, labels) == (LEASE, "ns", "app.kubernetes.io/instance=web")
        self.asked += 1
        if self.away:
            raise ApiError("GET", 0, "Unreachable", "no answer")
        for each in self.leases:
            yield each


class Scene:
    """An node_monitor, what it hears with, and the time."""

    def __init__(self) -> None:
        self.time = at(0)
        self.api, self.store, self.heard = Api(), Store(), Heartbeats()
        self.node_monitor = NodeMonitor(self.api, self.store, self.heard, lambda: self.time)  # type: ignore[arg-type]
        self.version = 0

    def renews(self, node: str = "node1") -> Any:
        self.version += 1
        return lease(node, renewed=format_timestamp(self.time), version=self.version, uid=node)

    def sees(self, raw: Any) -> bool:
        return self.node_monitor.note(self.store.put(LEASE, raw))

    def silent(self) -> bool:
        heard = self.heard.life(KEY).heard
        return heard is None or self.time - heard > timedelta(seconds=10)


def after(seconds: float) -> datetime:
    return at(seconds)


async def test_while_all_are_heard_nobody_is_asked() -> None:
    scene = Scene()
    scene.sees(scene.renews())
    scene.time = after(9)
    await scene.node_monitor.confirm_silence(("ns", "web"))
    assert scene.api.asked == 0


async def test_a_dead_node_is_silent_after_one_more_look() -> None:
    scene = Scene()
    scene.sees(scene.renews())
    scene.time = after(3)
    scene.sees(last := scene.renews())
    for second in range(4, 20):
        scene.time = after(second)
        scene.sees(scene.renews("node2"))  # the API server is well: others are heard
        scene.api.leases = [last, scene.renews("node2")]
        await scene.node_monitor.confirm_silence(("ns", "web"))
    assert scene.silent()
    assert scene.api.asked == 1  # and not again for every look at the resource


async def test_a_renewal_that_no_watch_told_of_is_found() -> None:
    scene = Scene()
    scene.sees(scene.renews())
    scene.sees(scene.renews("node2"))
    scene.time = after(11)
    scene.sees(scene.renews("node2"))
    scene.api.leases = [scene.renews()]
    await scene.node_monitor.confirm_silence(("ns", "web"))
    assert not scene.silent()
    assert scene.heard.life(KEY).heard == after(11)


async def test_after_a_gap_in_which_nothing_was_heard_nodes_get_time() -> None:
    scene = Scene()
    scene.sees(last := scene.renews())
    scene.time = after(60)  # the API server was away, or we were
    scene.api.leases = [last]
    await scene.node_monitor.confirm_silence(("ns", "web"))
    assert not scene.silent()
    scene.time = after(64.5)
    await scene.node_monitor.confirm_silence(("ns", "web"))
    assert scene.silent()


async def test_without_an_answer_nobody_is_called_silent() -> None:
    scene = Scene()
    scene.sees(scene.renews())
    scene.time = after(11)
    scene.api.away = True
    with pytest.raises(RetryLater, match="no answer"):
        await scene.node_monitor.confirm_silence(("ns", "web"))


async def test_a_node_that_is_back_is_told_and_can_fall_silent_anew() -> None:
    scene = Scene()
    scene.sees(scene.renews())
    for second in (8, 12):
        scene.time = after(second)
        scene.sees(scene.renews("node2"))
    await scene.node_monitor.confirm_silence(("ns", "web"))
    assert scene.silent() and scene.api.asked == 1
    assert scene.sees(scene.renews())
    scene.time = after(20)
    scene.sees(scene.renews("node2"))
    scene.time = after(23)
    await scene.node_monitor.confirm_silence(("ns", "web"))
    assert scene.api.asked == 2


def test_entries_come_and_go() -> None:
    scene = Scene()
    entry = {"name": "node1", "routers": [{"virtualIPs": ["10.0.0.1"]}]}
    scene.node_monitor.note(scene.store.put(HACLUSTER, resource(1, nodes=[entry])))
    assert scene.heard.life(KEY).claims == {"10.0.0.1": at(0)}
    scene.node_monitor.note(scene.store.put(HACLUSTER, resource(2, nodes=[])))
    assert scene.heard.life(KEY).claims == {}


def test_long_names_of_leases_are_understood() -> None:
    from hacluster import names
    from hacluster.kube.kinds import NODE
    from tests.unit.control.examples import thing

    node = "n" * 253
    scene = Scene()
    scene.store.put(NODE, thing(node, namespace="", cluster=""))
    scene.sees({**scene.renews(), "metadata": {**scene.renews()["metadata"], "name": names.lease("web", node)}})
    assert scene.heard.life(("ns", "web", node)).heard == at(0)
