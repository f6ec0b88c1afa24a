"""What the nodes report gets into status at once, whatever else the operator waits for. All of it is real but the client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from hacluster import names
from hacluster.control.run import Operator, Options
from hacluster.control.workqueue import Key
from hacluster.kube.kinds import HACLUSTER, LEASE, NODE, Kind
from hacluster.plan import Settings
from tests.unit.control.examples import thing

VIP = "172.16.7.200"
KEY: Key = ("ns", "web")
SPEC = {
    "nodeSelector": {"role": "lb"},
    "virtualRouters": [{"virtualIPs": [f"{VIP}/24"], "virtualRouterID": 51}],
    "haproxy": {"listeners": [{"name": "web", "port": 80, "backend": {"apache": {}}}]},
    "apache": {},
}


class Api:
    """Keeps what is applied; a kind that is `held` has to wait for `gate`."""

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


class Scene:
    def __init__(self) -> None:
        self.api = Api()
        self.operator = Operator(self.api, Options(Settings("node:test")))  # type: ignore[arg-type]
        for number in (1, 2):
            node = thing(f"node{number}", uid=f"n{number}", namespace="", cluster="")
            node["metadata"]["labels"] = {"role": "lb"}
            node["status"] = {"addresses": [{"type": "InternalIP", "address": f"172.16.7.{number}"}]}
            self.operator.informer.put(NODE, node)
        self.says(node1=True, node2=False)

    def says(self, **holds: bool) -> None:
        """The nodes report, in one event."""
        for name, has in holds.items():
            router = {
                "name": "VI_1", "state": "Master" if has else "Backup", "priority": 1, "interface": "ens3", "since": "",
                "virtualIPs": [VIP] if has else [],
            }  # fmt: skip
            interfaces = [{"name": "ens3", "addresses": [f"172.16.7.{name[-1]}/24"]}]
            self.api.nodes[name] = {"name": name, "routers": [router], "interfaces": interfaces, "haproxy": "Up", "apache": "Up"}
        self.operator.informer.put(HACLUSTER, self.api.resource())

    def idle(self) -> bool:
        """Nothing is being done, and nothing is due."""
        loop, queue = asyncio.get_running_loop(), self.operator.worker._queue
        due = queue.next_due()
        return not queue.busy and (due is None or due > loop.time())

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not true():  # noqa: ASYNC110 - the deadline is all that it needs
                await asyncio.sleep(0.001)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """An operator at work, on a resource that is applied and held by node1."""
    made = Scene()
    parts = (made.operator.worker.run(), made.operator.reporter.run(), made.operator.recorder.run())
    tasks = [asyncio.create_task(part) for part in parts]
    await made.until(lambda: made.api.shown[-1:] == ["node1"])
    await made.until(made.idle)
    yield made
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_move_is_told_while_something_is_being_applied(scene: Scene) -> None:
    scene.api.held = LEASE
    lease = scene.operator.reconciler._applier._store.get(LEASE, "ns", "web-node1")  # type: ignore[attr-defined]
    assert lease is not None
    scene.operator.informer.remove(LEASE, lease)  # somebody deleted it, and the API server takes its time
    async with asyncio.timeout(5):
        await scene.api.waiting.wait()
    scene.says(node1=False, node2=True)
    await scene.until(lambda: scene.api.shown[-1] == "node2")
    assert not scene.api.gate.is_set()
    scene.api.gate.set()


async def test_a_gap_of_some_milliseconds_is_not_written(scene: Scene) -> None:
    """Its write and the new holder's report would contend for the one object."""
    scene.says(node1=False)
    await asyncio.sleep(0.005)
    scene.says(node2=True)
    await scene.until(lambda: scene.api.shown[-1] == "node2")
    assert "" not in scene.api.shown
    scene.says(node2=False)
    await scene.until(lambda: scene.api.shown[-1] == "")
