"""`NodeMonitor`: heartbeats are recorded, and silence is confirmed by the API server."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from hacluster.control.heartbeats import Heartbeats
from hacluster.control.node_monitor import NodeMonitor
from hacluster.control.store import Store
from hacluster.control.workqueue import RetryLater
from hacluster.kube.client import ApiError
from hacluster.kube.kinds import HACLUSTER, LEASE, Kind
from hacluster.timestamps import format_timestamp
from tests.unit.control.examples import NODE_KEY, at, lease, resource


class Api:
    """Lists the Leases in `leases`, and counts the requests."""

    def __init__(self) -> None:
        self.leases: list[Any] = []
        self.requests = 0
        self.away = False

    async def list(self, kind: Kind, *, namespace: str | None = None, labels: str = "") -> AsyncIterator[Any]:
        assert (kind, namespace, labels) == (LEASE, "ns", "app.kubernetes.io/instance=web")
        self.requests += 1
        if self.away:
            raise ApiError("GET", 0, "Unreachable", "no answer")
        for each in self.leases:
            yield each


class MonitoredCluster:
    """A node monitor with its cache and API server, and a clock that the test sets."""

    def __init__(self) -> None:
        self.time = at(0)
        self.api, self.store, self.heartbeats = Api(), Store(), Heartbeats()
        self.node_monitor = NodeMonitor(self.api, self.store, self.heartbeats, lambda: self.time)  # type: ignore[arg-type]
        self.version = 0

    def renewed_lease(self, node: str = "node1") -> Any:
        """The node's Lease, renewed now."""
        self.version += 1
        return lease(node, renewed=format_timestamp(self.time), version=self.version, uid=node)

    def receive(self, raw: Any) -> bool:
        """The watch reports this Lease. Returns whether its node was silent."""
        return self.node_monitor.record(self.store.put(LEASE, raw))

    def silent(self) -> bool:
        last_seen = self.heartbeats.of_node(NODE_KEY).last_seen
        return last_seen is None or self.time - last_seen > timedelta(seconds=10)


async def test_without_a_silent_node_no_request_is_made() -> None:
    monitored = MonitoredCluster()
    monitored.receive(monitored.renewed_lease())
    monitored.time = at(9)
    await monitored.node_monitor.confirm_silence(("ns", "web"))
    assert monitored.api.requests == 0


async def test_a_dead_node_is_silent_after_one_request() -> None:
    monitored = MonitoredCluster()
    monitored.receive(monitored.renewed_lease())
    monitored.time = at(3)
    monitored.receive(last := monitored.renewed_lease())
    for second in range(4, 20):
        monitored.time = at(second)
        monitored.receive(monitored.renewed_lease("node2"))  # the API server works: another node renews its Lease
        monitored.api.leases = [last, monitored.renewed_lease("node2")]
        await monitored.node_monitor.confirm_silence(("ns", "web"))
    assert monitored.silent()
    assert monitored.api.requests == 1  # and not again for every reconcile


async def test_a_renewal_that_the_watch_did_not_report_is_found() -> None:
    monitored = MonitoredCluster()
    monitored.receive(monitored.renewed_lease())
    monitored.receive(monitored.renewed_lease("node2"))
    monitored.time = at(11)
    monitored.receive(monitored.renewed_lease("node2"))
    monitored.api.leases = [monitored.renewed_lease()]
    await monitored.node_monitor.confirm_silence(("ns", "web"))
    assert not monitored.silent()
    assert monitored.heartbeats.of_node(NODE_KEY).last_seen == at(11)


async def test_after_a_time_without_any_event_nodes_get_time_for_a_renewal() -> None:
    monitored = MonitoredCluster()
    monitored.receive(last := monitored.renewed_lease())
    monitored.time = at(60)  # the API server or the operator was away
    monitored.api.leases = [last]
    await monitored.node_monitor.confirm_silence(("ns", "web"))
    assert not monitored.silent()
    monitored.time = at(64.5)
    await monitored.node_monitor.confirm_silence(("ns", "web"))
    assert monitored.silent()


async def test_without_an_answer_no_node_is_called_silent() -> None:
    monitored = MonitoredCluster()
    monitored.receive(monitored.renewed_lease())
    monitored.time = at(11)
    monitored.api.away = True
    with pytest.raises(RetryLater, match="no answer"):
        await monitored.node_monitor.confirm_silence(("ns", "web"))


async def test_a_node_that_is_back_is_reported_and_can_fall_silent_again() -> None:
    monitored = MonitoredCluster()
    monitored.receive(monitored.renewed_lease())
    for second in (8, 12):
        monitored.time = at(second)
        monitored.receive(monitored.renewed_lease("node2"))
    await monitored.node_monitor.confirm_silence(("ns", "web"))
    assert monitored.silent() and monitored.api.requests == 1
    assert monitored.receive(monitored.renewed_lease())
    monitored.time = at(20)
    monitored.receive(monitored.renewed_lease("node2"))
    monitored.time = at(23)
    await monitored.node_monitor.confirm_silence(("ns", "web"))
    assert monitored.api.requests == 2


def test_a_removed_entry_removes_its_claims() -> None:
    monitored = MonitoredCluster()
    entry = {"name": "node1", "routers": [{"virtualIPs": ["10.0.0.1"]}]}
    monitored.node_monitor.record(monitored.store.put(HACLUSTER, resource(1, nodes=[entry])))
    assert monitored.heartbeats.of_node(NODE_KEY).claims == {"10.0.0.1": at(0)}
    monitored.node_monitor.record(monitored.store.put(HACLUSTER, resource(2, nodes=[])))
    assert monitored.heartbeats.of_node(NODE_KEY).claims == {}


def test_the_node_of_a_lease_with_a_shortened_name_is_found() -> None:
    from hacluster import names
    from hacluster.kube.kinds import NODE
    from tests.unit.control.examples import example_object

    node = "n" * 253
    monitored = MonitoredCluster()
    monitored.store.put(NODE, example_object(node, namespace="", cluster=""))
    raw = monitored.renewed_lease()
    monitored.receive({**raw, "metadata": {**raw["metadata"], "name": names.lease("web", node)}})
    assert monitored.heartbeats.of_node(("ns", "web", node)).last_seen == at(0)
