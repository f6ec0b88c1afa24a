"""The operator's process: puts the parts together, fills the cache, then lets kopf watch until a signal comes."""

import asyncio
import logging
import platform
from dataclasses import dataclass
from datetime import UTC, datetime

import kopf

from hacluster import names
from hacluster.control import handlers, health
from hacluster.control.apply import Applier
from hacluster.control.events import EventRecorder
from hacluster.control.heartbeats import Heartbeats
from hacluster.control.informer import Informer
from hacluster.control.node_monitor import NodeMonitor
from hacluster.control.observe import Observer
from hacluster.control.planner import Planner
from hacluster.control.reconcile import Reconciler
from hacluster.control.resources import Resources
from hacluster.control.rollout import RolloutSteps
from hacluster.control.status_writer import StatusWriter
from hacluster.control.store import Store
from hacluster.control.workqueue import RESYNC, Key, Worker
from hacluster.kube.client import ApiError, Client, connect
from hacluster.plan import Settings

log = logging.getLogger(__name__)

RETRY_PRIMING = 2.0
FIRST_RELIST = 10.0
"""The watches begin a moment after the first listing: what was deleted in between shows in the second."""
FINISH_WITHIN = 5.0
"""Seconds that a reconcile has to finish once the operator is told to stop."""
FLUSH_WITHIN = 1.0
"""Seconds for the Events that are not posted yet."""


@dataclass(frozen=True)
class Options:
    """How the operator is installed."""

    settings: Settings
    namespace: str | None = None
    """The only namespace to look at; None: all."""
    liveness_port: int = 8080
    """0: none."""


class Operator:
    """All the parts of one operator, wired."""

    def __init__(self, client: Client, options: Options) -> None:
        self.client = client
        self.options = options
        self.primed = False
        store, heartbeats = Store(), Heartbeats()
        resources, observer = Resources(store), Observer(store, heartbeats)
        node_monitor = NodeMonitor(client, store, heartbeats, _now)
        self.worker, self.reporter = Worker(self._reconcile), Worker(self._report_status)
        self.informer = Informer(store, node_monitor, self.worker.add, self.reporter.add)
        self.recorder = EventRecorder(client, f"{names.OPERATOR_MANAGER}-{platform.node()}")
        status = StatusWriter(
            client=client,
            informer=self.informer,
            resources=resources,
            observer=observer,
            recorder=self.recorder,
            clock=_now,
        )
        self.reconciler = Reconciler(
            resources=resources,
            observer=observer,
            planner=Planner(options.settings, resources, observer),
            steps=RolloutSteps(store),
            applier=Applier(client, store, self.informer),
            node_monitor=node_monitor,
            status=status,
            clock=_now,
        )

    async def _reconcile(self, key: Key) -> float | None:
        return await self.reconciler.reconcile(key)

    async def _report_status(self, key: Key) -> None:
        await self.reconciler.report_status(key)

    async def prime(self) -> None:
        """Fills the cache: a plan made from half of the nodes must never be applied. Waits for the CRD, if need be."""
        while not self.primed:
            try:
                await self.informer.relist(self.client, self.options.namespace)
                self.primed = True
            except ApiError as error:
                log.warning("waiting for the API server and the %s CRD: %s", names.KIND, error)
                await asyncio.sleep(RETRY_PRIMING)

    async def relist(self) -> None:
        """Reads everything anew from time to time."""
        pause = FIRST_RELIST
        while True:
            await asyncio.sleep(pause)
            try:
                await self.informer.relist(self.client, self.options.namespace)
                pause = RESYNC
            except ApiError as error:
                log.warning("listing failed: %s", error)
                pause = FIRST_RELIST

    def state(self) -> str:
        """For `/healthz`."""
        return "ok" if self.primed else "waiting for the API server"


async def run(options: Options) -> None:
    """Runs until SIGTERM or SIGINT; a reconcile that has begun is finished.

    Raises:
        kubernetes.aio.config.ConfigException: neither service account nor kubeconfig.

    """
    client = Client(await connect(), manager=names.OPERATOR_MANAGER)
    operator = Operator(client, options)
    try:
        async with health.serve(options.liveness_port, operator.state):
            await operator.prime()
            await _watch_and_work(operator)
    finally:
        await client.close()


async def _watch_and_work(operator: Operator) -> None:
    # kopf cancels every task that was begun after it: ours are begun before.
    working = {asyncio.create_task(each.run()) for each in (operator.worker, operator.reporter)}
    tasks = working | {asyncio.create_task(each) for each in (operator.recorder.run(), operator.relist())}
    await asyncio.sleep(0)
    stop = asyncio.Event()
    for task in tasks:  # neither ends by itself: if one does, the process must not go on without it
        task.add_done_callback(lambda _: stop.set())
    namespace = operator.options.namespace
    log.info("ready: %s", f"watching namespace {namespace}" if namespace else "watching all namespaces")
    try:
        await kopf.operator(
            registry=handlers.registry(operator.informer),
            settings=handlers.settings(),
            clusterwide=namespace is None,
            namespaces=[namespace] if namespace else [],
            stop_flag=stop,
            # kopf's own choice looks up the user's name, and an unprivileged uid in a container has none.
            identity=names.OPERATOR_MANAGER,  # type: ignore[arg-type] # a NewType of str that kopf keeps to itself
        )
    finally:
        for each in (operator.worker, operator.reporter):
            each.stop()
        await asyncio.wait(working, timeout=FINISH_WITHIN)
        await operator.recorder.flush(FLUSH_WITHIN)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for result in ended:
        if isinstance(result, Exception):
            raise result


def _now() -> datetime:
    return datetime.now(UTC)
