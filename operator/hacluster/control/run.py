"""The operator's process. `hacluster operator` calls `run`, which returns after SIGTERM or SIGINT.

`Operator` builds all parts. `run` first fills the cache by listing every kind, then starts the work queues and lets kopf watch.
The cache is filled first because a plan made from half of the nodes must never be applied.
"""

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

RETRY_LISTING = 2.0
"""Seconds until the first listing is tried again."""
FIRST_RELIST = 10.0
"""Seconds until the second listing, and until a listing that failed is repeated.

The watches start a little after the first listing, so what was deleted in between is found only by the second.
"""
FINISH_WITHIN = 5.0
"""Seconds that running reconciles have to finish after the operator is told to stop."""
FLUSH_WITHIN = 1.0
"""Seconds for posting the Events that are still queued."""


@dataclass(frozen=True)
class Options:
    """How the operator is installed."""

    settings: Settings
    namespace: str | None = None
    """The only namespace to watch; None: all."""
    liveness_port: int = 8080
    """Port of `/healthz`; 0: none."""


class Operator:
    """All parts of one operator, connected to each other."""

    def __init__(self, client: Client, options: Options) -> None:
        self.client = client
        self.options = options
        self.cache_filled = False
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

    async def fill_cache(self) -> None:
        """Fills the cache. Tries until every kind could be listed, so it waits for the API server and for the CRD."""
        while not self.cache_filled:
            try:
                await self.informer.relist(self.client, self.options.namespace)
                self.cache_filled = True
            except ApiError as error:
                log.warning("waiting for the API server and the %s CRD: %s", names.KIND, error)
                await asyncio.sleep(RETRY_LISTING)

    async def relist_periodically(self) -> None:
        """Runs until cancelled: lists every kind again every `RESYNC` seconds."""
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
        """The text that `/healthz` answers."""
        return "ok" if self.cache_filled else "waiting for the API server"


async def run(options: Options) -> None:
    """Runs the operator until SIGTERM or SIGINT. A reconcile that has begun gets `FINISH_WITHIN` seconds to finish.

    Raises:
        kubernetes.aio.config.ConfigException: neither service account nor kubeconfig.

    """
    client = Client(await connect(), manager=names.OPERATOR_MANAGER)
    operator = Operator(client, options)
    try:
        async with health.serve(options.liveness_port, operator.state):
            await operator.fill_cache()
            await _watch_and_work(operator)
    finally:
        await client.close()


async def _watch_and_work(operator: Operator) -> None:
    # When it ends, kopf cancels every task that was created after its start: these are created before, so that they can finish.
    working = {asyncio.create_task(each.run()) for each in (operator.worker, operator.reporter)}
    tasks = working | {asyncio.create_task(each) for each in (operator.recorder.run(), operator.relist_periodically())}
    await asyncio.sleep(0)
    stop = asyncio.Event()
    for task in tasks:  # none ends by itself: if one does, the process must stop
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
            # By default kopf looks up the user's name, and an unprivileged uid in a container has none.
            identity=names.OPERATOR_MANAGER,  # type: ignore[arg-type] # a NewType of str that kopf does not export
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
