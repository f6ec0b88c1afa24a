"""Brings one resource to what it asks for: observe → plan → apply → report.

The work queue calls `Reconciler.reconcile` for every event that concerns the resource, and again after a while. When the nodes'
reports have changed, the resource is in a second queue as well, which calls `Reconciler.report_status`: it writes the status and
applies nothing, so a move of a virtual IP is reported at once, even while objects are being applied
(docs/decisions/0014-truth-in-status.md).
"""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.control import rollout as rollouts
from hacluster.control.apply import Applier, AwaitingGarbageCollection, NameTaken
from hacluster.control.load_balancer_services import LoadBalancerServices
from hacluster.control.node_monitor import NodeMonitor
from hacluster.control.observe import Observer
from hacluster.control.planner import Planner
from hacluster.control.pod_causes import PodCauses
from hacluster.control.pod_updates import LOOK_AGAIN, PodStep, PodUpdates
from hacluster.control.recent_yields import RecentYields
from hacluster.control.report_inputs import Moment, inputs_of_invalid, inputs_of_plan
from hacluster.control.resources import Resource, Resources
from hacluster.control.rollout import RolloutSteps
from hacluster.control.status_writer import Outcome, StatusWriter
from hacluster.control.workqueue import Key, RetryLater
from hacluster.errors import InvalidResource, Problem
from hacluster.kube.client import ApiError
from hacluster.plan import Plan
from hacluster.plan.rollout.rollout import Rollout
from hacluster.plan.services.binding import with_services
from hacluster.plan.services.model import Binding
from hacluster.plan.status import ReportInputs

log = logging.getLogger(__name__)

OBSTACLE_RETRY = 5.0
"""Seconds until an obstacle is tried again: objects of other owners are not watched, so no event reports that one was deleted."""


@dataclass(frozen=True)
class _Step:
    """What to apply and what to report now. Without a plan or a roll-out nothing is applied."""

    inputs: ReportInputs
    plan: Plan | None = None
    rollout: Rollout | None = None
    pods: PodStep = field(default_factory=PodStep)
    bindings: tuple[Binding, ...] = ()
    """What became of the Services whose class names the resource."""


class Reconciler:
    """Reconciles every resource. What is kept between two calls is kept by its parts; `_forget` drops it."""

    def __init__(
        self,
        *,
        resources: Resources,
        observer: Observer,
        planner: Planner,
        steps: RolloutSteps,
        applier: Applier,
        pod_updates: PodUpdates,
        pod_causes: PodCauses,
        node_monitor: NodeMonitor,
        services: LoadBalancerServices,
        status: StatusWriter,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._resources = resources
        self._observer = observer
        self._planner = planner
        self._steps = steps
        self._applier = applier
        self._pod_updates = pod_updates
        self._pod_causes = pod_causes
        self._node_monitor = node_monitor
        self._services = services
        self._status = status
        self._clock = clock
        self._monotonic = monotonic
        self._recent_yields = RecentYields()

    async def reconcile(self, key: Key) -> float | None:
        """Reconciles one resource. Returns in how many seconds to reconcile again at the latest; None: when something changes.

        Raises:
            RetryLater: a request failed and has to be repeated; the status says which.
            Exception: a fault of the operator; the status says so.

        """
        try:
            return await self._reconcile(key)
        except RetryLater:
            raise
        except Exception as error:
            with contextlib.suppress(RetryLater):
                await self._status.write_failure(key, f"{type(error).__name__}: {error}")
            raise

    async def _reconcile(self, key: Key) -> float | None:
        resource = self._resources.get(*key)
        if resource is None:
            self._forget(key)
            await self._services.release(key)
            return None
        missing = self._nodes_without_pod(key, resource)
        await self._pod_causes.refresh(key, missing)
        step = await self._prepared_step(key, resource)
        if step.plan is None or step.rollout is None or step.inputs.paused:
            self._status.set_outcome(key, step.inputs.generation, Outcome())
            delay = await self._status.write(key, step.inputs)
            await self._report_services(key, resource, step, settled=False)
            return delay
        if self._planner.has_unrecorded_allotments(step.plan, resource.status):
            # Recorded before any node uses them: otherwise, after a restart, another resource could be given the same VRIDs.
            await self._status.write(key, step.inputs)
        outcome = await self._apply(resource, step.plan, step.rollout, step.pods)
        self._status.set_outcome(key, step.inputs.generation, outcome)
        delay = await self._status.write(key, step.inputs)
        await self._report_services(key, resource, step, settled=not (outcome.retrying or outcome.obstacles))
        times = (delay, self._services.recheck_in(key, step.bindings))
        delay = min((each for each in times if each is not None), default=None)
        if outcome.retrying:
            raise RetryLater(outcome.retrying, outcome.retry_after)
        if outcome.obstacles:
            return min(delay or OBSTACLE_RETRY, OBSTACLE_RETRY)
        look_again = step.pods.look_again if step.pods.unfinished else LOOK_AGAIN
        return min(delay or look_again, look_again) if step.pods.unfinished or missing else delay

    async def report_status(self, key: Key) -> float | None:
        """Writes what the nodes report into the status, without waiting for objects that are being applied or retried.

        Returns in how many seconds to report again at the latest; None: when something changes.

        Raises:
            RetryLater: the status could not be written.

        """
        resource = self._resources.get(*key)
        if resource is None or self._status.applied_generation(key) != resource.generation:
            return None  # the first report of a generation is made by `reconcile`
        return await self._status.write(key, self._next_step(key, resource).inputs)

    def _forget(self, key: Key) -> None:
        # The children have owner references: Kubernetes' garbage collector deletes them.
        for part in (self._node_monitor, self._planner, self._resources, self._recent_yields, self._pod_causes, self._status):
            part.forget(key)

    def _next_step(self, key: Key, resource: Resource) -> _Step:
        """Observes, plans, and takes the next step of the roll-out. Writes nothing."""
        now = Moment(self._clock(), self._monotonic())
        self._node_monitor.refresh(key)
        if isinstance(resource.cluster, InvalidResource):
            entries = frozenset(entry.name for entry in resource.status.nodes)
            nodes = self._observer.observed_nodes(*key, resource.status, entries)
            return _Step(inputs_of_invalid(resource, resource.cluster, nodes, now))
        conflicts = self._planner.conflicts(key, resource.cluster)
        bindings = self._services.bind(key, resource.cluster)
        cluster = with_services(resource.cluster, bindings)
        plan = self._planner.plan(key, cluster, earlier_agents=resource.has_earlier_agents)
        yields = self._recent_yields.update(key, plan.yields, now.monotonic)
        nodes = self._observer.observed_nodes(*key, resource.status, self._observer.selected_names(cluster), yields)
        rollout = None if conflicts or plan.blocked else self._steps.next(cluster, plan, nodes)
        pods = self._pod_updates.step(cluster, plan, nodes, now.monotonic) if rollout else PodStep()
        inputs = inputs_of_plan(
            resource,
            cluster,
            plan,
            conflicts=conflicts,
            rollout=rollout,
            nodes=nodes,
            daemonsets=(*self._observer.unfinished_daemonsets(*key), *pods.messages),
            now=now,
        )
        return _Step(inputs, None if rollout is None else plan, rollout, pods, bindings)

    async def _prepared_step(self, key: Key, resource: Resource) -> _Step:
        """The next step, for which the agents may read the Services of other namespaces."""
        step, cluster = self._next_step(key, resource), resource.cluster
        if not isinstance(cluster, HACluster) or step.rollout is None or step.inputs.paused:
            return step
        return self._next_step(key, resource) if await self._services.prepare(key, cluster, step.bindings) else step

    async def _report_services(self, key: Key, resource: Resource, step: _Step, *, settled: bool) -> None:
        if isinstance(resource.cluster, HACluster):
            live = step.rollout is not None and not (step.rollout.refusal or step.rollout.waits_for or step.rollout.held_back)
            await self._services.report(key, resource.cluster, step.bindings, live=live, settled=settled)

    async def _apply(self, resource: Resource, plan: Plan, rollout: Rollout, pods: PodStep) -> Outcome:
        cluster = resource.cluster
        assert isinstance(cluster, HACluster)
        try:
            # A node that still runs the previous configuration may need Apache, although the new one has none.
            keep = names.COMPONENT_APACHE if rollout.old_is_needed else ""
            if written := await self._applier.apply(cluster, rollouts.objects(cluster, plan, rollout), keep_component=keep):
                log.info("%s/%s: applied %s", cluster.metadata.namespace, cluster.metadata.name, ", ".join(written))
            else:
                await self._pod_updates.delete(cluster, pods)  # chosen before anything was written: a write makes a new step
            await self._applier.annotate_pods(cluster, rollout.revisions, rollouts.pod_annotations(plan))
            await self._applier.disown_entries(cluster, self._disowned_entries(resource, cluster))
        except NameTaken as taken:
            return Outcome(obstacles=taken.problems)
        except AwaitingGarbageCollection as waiting:
            return Outcome(retrying=str(waiting), retry_after=1.0)
        except ApiError as error:
            obstacle = (Problem(Reason.APPLY_FAILED, "", str(error)),) if error.permanent else ()
            return Outcome(obstacle, retrying=str(error), retry_after=error.retry_after or 0.0)
        return Outcome()

    def _nodes_without_pod(self, key: Key, resource: Resource) -> bool:
        if not isinstance(resource.cluster, HACluster):
            return False
        return bool(self._observer.selected_names(resource.cluster) - self._observer.lb_pods(*key).keys())

    def _disowned_entries(self, resource: Resource, cluster: HACluster) -> list[str]:
        """Nodes whose earlier agents must own nothing any more: a new agent reports, or the node is not selected and has no pod."""
        pods = self._observer.lb_pods(cluster.metadata.namespace, cluster.metadata.name)
        needed = self._observer.selected_names(cluster) | pods.keys() | resource.reporting
        return [*resource.taken_over, *(entry.name for entry in resource.status.nodes if entry.name not in needed)]
