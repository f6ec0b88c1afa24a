"""A running operator with two nodes. Only the API server is simulated."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hacluster import names
from hacluster.control.run import Operator, Options
from hacluster.control.workqueue import Key
from hacluster.kube.kinds import HACLUSTER, HACLUSTER_NODE, NODE, Kind
from hacluster.plan import Settings
from tests.unit.control.examples import example_object, report, router
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
        self.reports: dict[str, Any] = {}
        self.shown: list[str] = []
        self.held: Kind | None = None
        self.waiting, self.gate = asyncio.Event(), asyncio.Event()

    def resource(self) -> Any:
        self.version += 1
        metadata = {"name": "web", "namespace": "ns", "uid": "r1", "generation": 1, "resourceVersion": str(self.version)}
        return {
            "apiVersion": names.API_VERSION, "kind": names.KIND,
            "metadata": metadata, "spec": SPEC, "status": self.status,
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
        uid, status = f"u{self.version}", {}
        if kind is HACLUSTER_NODE:
            uid, status = f"report-{manifest['spec']['nodeName']}", self.reports[manifest["spec"]["nodeName"]]
        return {**manifest, **status, "metadata": {**manifest["metadata"], "uid": uid, "resourceVersion": str(self.version)}}

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
        self.operator.informer.put(HACLUSTER, self.api.resource())
        self.nodes_report(node1=True, node2=False)

    def nodes_report(self, **holds: bool) -> None:
        """The nodes report whether they hold the virtual IP."""
        for name, holds_it in holds.items():
            self.api.version += 1
            interfaces = [{"name": "ens3", "addresses": [f"172.16.7.{name[-1]}/24"]}]
            status = {
                "routers": [router(VIP) if holds_it else router()],
                "interfaces": interfaces,
                "haproxy": "Up",
                "apache": "Up",
            }
            made = report(name, version=self.api.version, **status)
            self.api.reports[name] = {"status": made["status"]}
            self.operator.informer.put(HACLUSTER_NODE, made)

    def idle(self) -> bool:
        """Whether nothing is being processed and nothing is due."""
        loop, queue = asyncio.get_running_loop(), self.operator.worker._queue
        due = queue.next_due()
        return not queue.busy and (due is None or due > loop.time())


@asynccontextmanager
async def run_operator() -> AsyncIterator[RunningOperator]:
    """A running operator, with a resource that is applied and held by node1."""
    running = RunningOperator()
    parts = (running.operator.worker.run(), running.operator.reporter.run(), running.operator.recorder.run())
    tasks = [asyncio.create_task(part) for part in parts]
    await eventually_async(lambda: running.api.shown[-1:] == ["node1"])
    await eventually_async(running.idle)
    try:
        yield running
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
