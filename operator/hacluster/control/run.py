"""The operator's process. `hacluster operator` calls `run`, which returns after SIGTERM or SIGINT.

`Operator` builds all parts. `run` first fills the cache by listing every kind, then starts the work queues and lets kopf watch.
The cache is filled first because a plan made from half of the nodes must never be applied.
"""

import asyncio
import logging
import platform
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import kopf

from hacluster import names
from hacluster.api.reasons import Reason
from hacluster.control import handlers, health
from hacluster.control.apply import Applier
from hacluster.control.connection_monitor import ConnectionMonitor
from hacluster.control.earlier_versions import delete_leases
from hacluster.control.events import EventRecorder
from hacluster.control.informer import Informer
from hacluster.control.leader import Leader, default_identity, lease_name
from hacluster.control.liveness import Liveness
from hacluster.control.load_balancer_services import LoadBalancerServices
from hacluster.control.node_monitor import NodeMonitor
from hacluster.control.observe import Observer
from hacluster.control.planner import Planner
from hacluster.control.pod_causes import PodCauses
from hacluster.control.pod_updates import PodUpdates
from hacluster.control.reconcile import Reconciler
from hacluster.control.resources import Resources
from hacluster.control.rollout import RolloutSteps
from hacluster.control.service_access import ServiceAccess
from hacluster.control.service_bindings import ServiceBindings
from hacluster.control.service_status_writer import ServiceStatusWriter
from hacluster.control.status_writer import StatusWriter
from hacluster.control.store import Store, key_of
from hacluster.control.workqueue import RESYNC, Key, Worker
from hacluster.kube.client import ApiError, Client, connect, current_namespace
from hacluster.kube.kinds import HACLUSTER
from hacluster.kube.sockets import Sockets
from hacluster.plan import Settings
from hacluster.plan.status import Event
from hacluster.timestamps import format_timestamp

log = logging.getLogger(__name__)

_LOOK_AGAIN = 5.0
"""Seconds until an operator that may not act looks at a resource again: what was due meanwhile must not be forgotten if it may act then."""
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
    lease_namespace: str = ""
    """Namespace of the Lease by which one operator at a time acts; empty: that of the pod or of the kubeconfig."""
    identity: str = ""
    """The name in that Lease; empty: `default_identity`."""


class Operator:
    """All parts of one operator, connected to each other."""

    def __init__(self, client: Client, options: Options, leads: Callable[[], bool] = lambda: True) -> None:
        """`leads`: whether this operator may act now; one that may not only watches."""
        self.client, self.options, self._leads = client, options, leads
        self._gap: tuple[float, datetime] | None = None
        self.cache_filled = False
        self.store = store = Store()
        liveness, pod_causes = Liveness(), PodCauses(client, store)
        resources, observer = Resources(store), Observer(store, liveness, monotonic, pod_causes.of)
        self.node_monitor = NodeMonitor(client, store, liveness, observer, monotonic)
        self.worker, self.reporter = Worker(self._reconcile), Worker(self._report_status)
        self.informer = Informer(store, self.node_monitor, self.worker.add, self.reporter.add)
        self.recorder = EventRecorder(client, f"{names.OPERATOR_MANAGER}-{platform.node()}")
        status = StatusWriter(
            client=client,
            informer=self.informer,
            resources=resources,
            observer=observer,
            recorder=self.recorder,
            node_monitor=self.node_monitor,
            clock=_now,
            monotonic=monotonic,
        )
        steps, access = RolloutSteps(store), ServiceAccess(client, store, self.informer)
        bindings = ServiceBindings(store, resources, observer, monotonic, access.denied)
        service_status = ServiceStatusWriter(client, store, self.informer, self.recorder, _now)
        self.reconciler = Reconciler(
            resources=resources,
            observer=observer,
            planner=Planner(options.settings, resources, observer, steps),
            steps=steps,
            applier=Applier(client, store, self.informer),
            pod_updates=PodUpdates(client, store),
            pod_causes=pod_causes,
            node_monitor=self.node_monitor,
            services=LoadBalancerServices(access, bindings, service_status),
            status=status,
            clock=_now,
            monotonic=monotonic,
        )

    def reconcile_all(self) -> None:
        """Makes every resource due: this operator begins to act."""
        self._post_gap()
        for each in self.store.all(HACLUSTER):
            self.worker.add(key_of(each))

    def report_gap(self, seconds: float) -> None:
        """The API server answers again: says at each resource for how long its status could not be kept up to date."""
        self._gap = seconds, _now()
        self.reconcile_all()

    def _post_gap(self) -> None:
        """After a long time the operator may have lost its Lease: then the Events are posted when it acts again."""
        if self._gap is None or not self._leads():
            return
        (seconds, until), self._gap = self._gap, None
        note = f"for {seconds:.0f} s, until now, the operator could not reach the API server: status was not kept up to date"
        for raw in self.store.all(HACLUSTER):
            event = Event(Reason.STATUS_WAS_STALE, note, warning=True)
            self.recorder.post(raw, format_timestamp(until), [event], until)

    async def _reconcile(self, key: Key) -> float | None:
        return await self.reconciler.reconcile(key) if self._leads() else _LOOK_AGAIN

    async def _report_status(self, key: Key) -> float | None:
        return await self.reconciler.report_status(key) if self._leads() else _LOOK_AGAIN

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
        """Runs until cancelled: lists every kind again every `RESYNC` seconds. Removes once what earlier versions left behind."""
        pause, tidy = FIRST_RELIST, False
        while True:
            await asyncio.sleep(pause)
            tidy = tidy or (self._leads() and await delete_leases(self.client, self.options.namespace))
            try:
                await self.informer.relist(self.client, self.options.namespace)
                pause = RESYNC
            except ApiError as error:
                log.warning("listing failed: %s", error)
                pause = FIRST_RELIST

    def background(self) -> tuple[Coroutine[Any, Any, None], ...]:
        """What runs beside the work queues until it is cancelled."""
        return self.recorder.run(), self.relist_periodically(), self.node_monitor.tick_forever()

    def state(self) -> str:
        """The text that `/healthz` answers."""
        if not self.cache_filled:
            return "waiting for the API server"
        return "ok" if self._leads() else "ok: another operator acts"


async def run(options: Options) -> None:
    """Runs the operator until SIGTERM or SIGINT. A reconcile that has begun gets `FINISH_WITHIN` seconds to finish.

    Raises:
        kubernetes.aio.config.ConfigException: neither service account nor kubeconfig.

    """
    connection = await connect()
    sockets = Sockets()
    lease_client, prober = (Client(connection, manager=names.OPERATOR_MANAGER) for _ in range(2))
    namespace, name = options.lease_namespace or current_namespace(), lease_name(options.namespace)
    leader = Leader(lease_client, namespace, name, options.identity or default_identity())
    client = Client(connection, manager=names.OPERATOR_MANAGER, may_write=leader.leads, sockets=sockets)
    operator = Operator(client, options, leader.leads)
    leader.acquired = operator.reconcile_all
    try:
        async with health.serve(options.liveness_port, operator.state):
            await operator.fill_cache()
            monitor = ConnectionMonitor(prober.server_time, sockets, monotonic, operator.report_gap)
            leader.unanswered = monitor.unanswered
            await _watch_and_work(operator, sockets, (leader.run(), monitor.run()))
            await leader.release()  # last, when nothing is written any more
    finally:
        for each in (client, lease_client, prober):
            await each.close()


async def _watch_and_work(operator: Operator, sockets: Sockets, more: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Works until a signal; `more` are other tasks that run meanwhile."""
    # When it ends, kopf cancels every task that was created after its start: these are created before, so that they can finish.
    working = {asyncio.create_task(each.run()) for each in (operator.worker, operator.reporter)}
    background = (*operator.background(), *more)
    tasks = working | {asyncio.create_task(each) for each in background}
    await asyncio.sleep(0)
    stop = asyncio.Event()
    for task in tasks:  # none ends by itself: if one does, the process must stop
        task.add_done_callback(lambda _: stop.set())
    namespace = operator.options.namespace
    log.info("ready: %s", f"watching namespace {namespace}" if namespace else "watching all namespaces")
    try:
        await kopf.operator(
            registry=handlers.registry(operator.informer, sockets, namespace),
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
