"""Brings one resource to what it asks for: observe → plan → apply → report.

The work queue calls `Reconciler.reconcile` for every event that concerns the resource, and again after a while. When the nodes'
reports have changed, the resource is in a second queue as well, which calls `Reconciler.report_status`: it writes the status and
applies nothing, so a move of a virtual IP is reported at once, even while objects are being applied
(docs/decisions/0014-truth-in-status.md).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.control import rollout as rollouts
from hacluster.control.apply import Applier, AwaitingGarbageCollection, NameTaken
from hacluster.control.node_monitor import NodeMonitor
from hacluster.control.observe import Observer
from hacluster.control.planner import Planner
from hacluster.control.recent_yields import RecentYields
from hacluster.control.report_inputs import inputs_of_invalid, inputs_of_plan
from hacluster.control.resources import Resource, Resources
from hacluster.control.rollout import RolloutSteps
from hacluster.control.status_writer import Outcome, StatusWriter
from hacluster.control.workqueue import Key, RetryLater
from hacluster.errors import InvalidResource, Problem
from hacluster.kube.client import ApiError
from hacluster.plan import Plan
from hacluster.plan.rollout.rollout import Rollout
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
        node_monitor: NodeMonitor,
        status: StatusWriter,
        clock: Callable[[], datetime],
    ) -> None:
        self._resources = resources
        self._observer = observer
        self._planner = planner
        self._steps = steps
        self._applier = applier
        self._node_monitor = node_monitor
        self._status = status
        self._clock = clock
        self._recent_yields = RecentYields()

    async def reconcile(self, key: Key) -> float | None:
        """Reconciles one resource. Returns in how many seconds to reconcile again at the latest; None: when something changes.

        Raises:
            RetryLater: a request failed and has to be repeated; the status says which.

        """
        resource = self._resources.get(*key)
        if resource is None:
            self._forget(key)
            return None
        await self._node_monitor.confirm_silence(key)
        step = self._next_step(key, resource)
        if step.plan is None or step.rollout is None or step.inputs.paused:
            self._status.set_outcome(key, step.inputs.generation, Outcome())
            return await self._status.write(key, step.inputs)
        if self._planner.has_unrecorded_router_ids(step.plan, resource.status):
            # Recorded before any node uses them: otherwise, after a restart, another resource could be given the same VRIDs.
            await self._status.write(key, step.inputs)
        outcome = await self._apply(resource, step.plan, step.rollout)
        self._status.set_outcome(key, step.inputs.generation, outcome)
        delay = await self._status.write(key, step.inputs)
        if outcome.retrying:
            raise RetryLater(outcome.retrying, outcome.retry_after)
        return min(delay or OBSTACLE_RETRY, OBSTACLE_RETRY) if outcome.obstacles else delay

    async def report_status(self, key: Key) -> None:
        """Writes what the nodes report into the status, without waiting for objects that are being applied or retried.

        Raises:
            RetryLater: the status could not be written.

        """
        resource = self._resources.get(*key)
        if resource is None or self._status.applied_generation(key) != resource.generation:
            return  # the first report of a generation is made by `reconcile`
        await self._status.write(key, self._next_step(key, resource).inputs)

    def _forget(self, key: Key) -> None:
        # The children have owner references: Kubernetes' garbage collector deletes them.
        for part in (self._node_monitor, self._planner, self._resources, self._recent_yields, self._status):
            part.forget(key)

    def _next_step(self, key: Key, resource: Resource) -> _Step:
        """Observes, plans, and takes the next step of the roll-out. Writes nothing."""
        now = self._clock()
        if isinstance(resource.cluster, InvalidResource):
            entries = frozenset(entry.name for entry in resource.status.nodes)
            nodes = self._observer.observed_nodes(*key, resource.status, entries)
            return _Step(inputs_of_invalid(resource, resource.cluster, nodes, now))
        cluster = resource.cluster
        conflicts = self._planner.conflicts(key, cluster)
        plan = self._planner.plan(key, cluster, now)
        yields = self._recent_yields.update(key, plan.yields, now)
        nodes = self._observer.observed_nodes(*key, resource.status, self._observer.selected_names(cluster), yields)
        rollout = None if conflicts or plan.blocked else self._steps.next(cluster, plan, nodes, now)
        inputs = inputs_of_plan(
            resource,
            cluster,
            plan,
            conflicts=conflicts,
            rollout=rollout,
            nodes=nodes,
            daemonsets=self._observer.unfinished_daemonsets(*key),
            now=now,
        )
        return _Step(inputs, None if rollout is None else plan, rollout)

    async def _apply(self, resource: Resource, plan: Plan, rollout: Rollout) -> Outcome:
        cluster = resource.cluster
        assert isinstance(cluster, HACluster)
        try:
            # A node that still runs the previous configuration may need Apache, although the new one has none.
            keep = names.COMPONENT_APACHE if rollout.old_is_needed else ""
            if written := await self._applier.apply(cluster, rollouts.objects(cluster, plan, rollout), keep_component=keep):
                log.info("%s/%s: applied %s", cluster.metadata.namespace, cluster.metadata.name, ", ".join(written))
            await self._applier.annotate_pods(cluster, rollout.revisions)
            await self._applier.prune_entries(cluster, self._orphaned_entries(cluster))
        except NameTaken as taken:
            return Outcome(obstacles=taken.problems)
        except AwaitingGarbageCollection as waiting:
            return Outcome(retrying=str(waiting), retry_after=1.0)
        except ApiError as error:
            obstacle = (Problem(Reason.APPLY_FAILED, "", str(error)),) if error.permanent else ()
            return Outcome(obstacle, retrying=str(error), retry_after=error.retry_after or 0.0)
        return Outcome()

    def _orphaned_entries(self, cluster: HACluster) -> list[str]:
        """Nodes with an entry in `status.nodes` that are not selected any more and have no pod."""
        pods = self._observer.lb_pods(cluster.metadata.namespace, cluster.metadata.name)
        selected = self._observer.selected_names(cluster)
        current = self._resources.get(cluster.metadata.namespace, cluster.metadata.name)
        entries = current.status.nodes if current else ()
        return [entry.name for entry in entries if entry.name not in selected and entry.name not in pods]
