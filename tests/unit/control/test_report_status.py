"""What the nodes report is written into status at once, even while objects are being applied. Only the API server is simulated."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hacluster import names
from hacluster.control.run import Operator, Options
from hacluster.control.workqueue import Key
from hacluster.kube.kinds import HACLUSTER, LEASE, NODE, Kind
from hacluster.plan import Settings
from tests.unit.control.examples import example_object
from tests.waiting import eventually_async

VIP = "172.16.7.200"
KEY: Key = ("ns", "web")
SPEC = {
    "nodeSelector": {"role": "lb"},
    "virtualRouters": [{"virtualIPs": [f"{VIP}/24"], "virtualRouterID": 51}],
    "haproxy": {"listeners": [{"name": "web", "port": 80, "backend": {"apache": {}}}]},
    "apache": {},
}


class Api:
    """An API server that stores what is applied. Applying the kind `held` waits for `gate`; `shown` are all holders that status had."""

    def __init__(self) -> None:
        self.version = 100
        self.status: dict[str, Any] = {}
        self.nodes: dict[str, Any] = {}
        self.shown: list[str] = []
        self.held: Kind | None = None
        self.waiting, self.gate = asyncio.Event(), asyncio.Event()

    def resource(self) -> Any:
        self.version += 1
        metadata = {"name": "web", "namespace": "ns", "uid": "r1", "generation": 1, "resourceVersion": str(self.version)}
        status = {**self.status, "nodes": list(self.nodes.values())}
        return {
            "apiVersion": names.API_VERSION, "kind": names.KIND,
            "metadata": metadata, "spec": SPEC, "status": status,
        }  # fmt: skip

    async def apply(self, kind: Kind, manifest: Any, *, subresource: str = "", manager: str = "") -> Any:
        if kind is self.held:
            self.waiting.set()
            await self.gate.wait()
        await asyncio.sleep(0)
        if subresource:
            self.status = manifest["status"]
            self.shown.append(self.status["vipHolder"])
            return self.resource()
        self.version += 1
        return {**manifest, "metadata": {**manifest["metadata"], "uid": f"u{self.version}", "resourceVersion": str(self.version)}}

    async def get(self, *_: Any) -> None:
        return None

    async def create(self, *_: Any) -> None:
        return None

    async def delete(self, *_: Any, **__: Any) -> None:
        return None

    async def list(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
        for each in ():
            yield each


class RunningOperator:
    """The operator with two nodes."""

    def __init__(self) -> None:
        self.api = Api()
        self.operator = Operator(self.api, Options(Settings("node:test")))  # type: ignore[arg-type]
        for number in (1, 2):
            node = example_object(f"node{number}", uid=f"n{number}", namespace="", cluster="")
            node["metadata"]["labels"] = {"role": "lb"}
            node["status"] = {"addresses": [{"type": "InternalIP", "address": f"172.16.7.{number}"}]}
            self.operator.informer.put(NODE, node)
        self.nodes_report(node1=True, node2=False)

    def nodes_report(self, **holds: bool) -> None:
        """The nodes report in one event whether they hold the virtual IP."""
        for name, holds_it in holds.items():
            router = {
                "name": "VI_1", "state": "Master" if holds_it else "Backup", "priority": 1, "interface": "ens3", "since": "",
                "virtualIPs": [VIP] if holds_it else [],
            }  # fmt: skip
            interfaces = [{"name": "ens3", "addresses": [f"172.16.7.{name[-1]}/24"]}]
            self.api.nodes[name] = {"name": name, "routers": [router], "interfaces": interfaces, "haproxy": "Up", "apache": "Up"}
        self.operator.informer.put(HACLUSTER, self.api.resource())

    def idle(self) -> bool:
        """Whether nothing is being processed and nothing is due."""
        loop, queue = asyncio.get_running_loop(), self.operator.worker._queue
        due = queue.next_due()
        return not queue.busy and (due is None or due > loop.time())


@pytest.fixture
async def running() -> AsyncIterator[RunningOperator]:
    """A running operator, with a resource that is applied and held by node1."""
    running = RunningOperator()
    parts = (running.operator.worker.run(), running.operator.reporter.run(), running.operator.recorder.run())
    tasks = [asyncio.create_task(part) for part in parts]
    await eventually_async(lambda: running.api.shown[-1:] == ["node1"])
    await eventually_async(running.idle)
    yield running
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_move_is_reported_while_an_object_is_being_applied(running: RunningOperator) -> None:
    running.api.held = LEASE
    lease = running.operator.reconciler._applier._store.get(LEASE, "ns", "web-node1")  # type: ignore[attr-defined]
    assert lease is not None
    running.operator.informer.remove(LEASE, lease)  # it was deleted, and applying it again takes long
    async with asyncio.timeout(5):
        await running.api.waiting.wait()
    running.nodes_report(node1=False, node2=True)
    await eventually_async(lambda: running.api.shown[-1] == "node2")
    assert not running.api.gate.is_set()
    running.api.gate.set()


async def test_a_gap_of_some_milliseconds_between_two_holders_is_not_written(running: RunningOperator) -> None:
    """A write of the gap and the new holder's report would contend for one object."""
    running.nodes_report(node1=False)
    await asyncio.sleep(0.005)
    running.nodes_report(node2=True)
    await eventually_async(lambda: running.api.shown[-1] == "node2")
    assert "" not in running.api.shown
    running.nodes_report(node2=False)
    await eventually_async(lambda: running.api.shown[-1] == "")
