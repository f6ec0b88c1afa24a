"""Brings one resource to what it asks for: observe → plan → apply → report.

`Reconciler.reconcile` is the whole way and is called from the work queue, for every event that concerns the resource and again
after a while. `Reconciler.report_status` is the short way for a change that only the nodes report: nothing is applied.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.control import rollout as rollouts
from hacluster.control.apply import Applier, NameTaken, NotYet
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

OBSTACLE_AGAIN = 5.0
"""Seconds until an obstacle is tried again: no event tells the operator that an object of somebody else is gone."""


@dataclass(frozen=True)
class _Step:
    """What is to be done now and reported. Without a plan and a roll-out nothing is applied."""

    inputs: ReportInputs
    plan: Plan | None = None
    rollout: Rollout | None = None


class Reconciler:
    """Reconciles every resource with the same parts; what it remembers of one is in those parts."""

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
        """Brings one resource to what it asks for; in how many seconds to look again.

        Raises:
            RetryLater: something has to be tried again; the status says what.

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
        if self._planner.allocated(step.plan, resource.status):
            # Written before anything runs with them: otherwise another resource could be given the same VRIDs.
            await self._status.write(key, step.inputs)
        outcome = await self._apply(resource, step.plan, step.rollout)
        self._status.set_outcome(key, step.inputs.generation, outcome)
        again = await self._status.write(key, step.inputs)
        if outcome.retrying:
            raise RetryLater(outcome.retrying, outcome.retry_after)
        return min(again or OBSTACLE_AGAIN, OBSTACLE_AGAIN) if outcome.obstacles else again

    async def report_status(self, key: Key) -> None:
        """Writes what the nodes report into status, without waiting for what is being applied or tried again.

        Raises:
            RetryLater: the status could not be written.

        """
        resource = self._resources.get(*key)
        if resource is None or self._status.applied_generation(key) != resource.generation:
            return  # `reconcile` has not applied this generation yet, and reports it then
        await self._status.write(key, self._next_step(key, resource).inputs)

    def _forget(self, key: Key) -> None:
        # Nothing has to be deleted: the children have owner references, so the garbage collector does it.
        for part in (self._node_monitor, self._planner, self._resources, self._recent_yields, self._status):
            part.forget(key)

    def _next_step(self, key: Key, resource: Resource) -> _Step:
        """Observes, plans, and chooses the next step of the roll-out. Writes nothing."""
        now = self._clock()
        if isinstance(resource.cluster, InvalidResource):
            entries = frozenset(entry.name for entry in resource.status.nodes)
            nodes = self._observer.seen(*key, resource.status, entries)
            return _Step(inputs_of_invalid(resource, resource.cluster, nodes, now))
        cluster = resource.cluster
        conflicts = self._planner.conflicts(key, cluster)
        plan = self._planner.plan(key, cluster, now)
        yields = self._recent_yields.update(key, plan.yields, now)
        nodes = self._observer.seen(*key, resource.status, self._observer.nodes_of(cluster), yields)
        rollout = None if conflicts or plan.blocked else self._steps.next(cluster, plan, nodes, now)
        inputs = inputs_of_plan(
            resource,
            cluster,
            plan,
            conflicts=conflicts,
            rollout=rollout,
            nodes=nodes,
            daemonsets=self._observer.rollouts(*key),
            now=now,
        )
        return _Step(inputs, None if rollout is None else plan, rollout)

    async def _apply(self, resource: Resource, plan: Plan, rollout: Rollout) -> Outcome:
        cluster = resource.cluster
        assert isinstance(cluster, HACluster)
        try:
            # A node that still runs the configuration from before may need Apache, though the new configuration has none.
            keep = names.COMPONENT_APACHE if rollout.old_is_needed else ""
            if written := await self._applier.apply(cluster, rollouts.objects(cluster, plan, rollout), keep=keep):
                log.info("%s/%s: applied %s", cluster.metadata.namespace, cluster.metadata.name, ", ".join(written))
            await self._applier.deliver(cluster, rollout.revisions)
            await self._applier.prune_entries(cluster, self._orphaned_entries(cluster))
        except NameTaken as taken:
            return Outcome(obstacles=taken.problems)
        except NotYet as wait:
            return Outcome(retrying=str(wait), retry_after=1.0)
        except ApiError as error:
            obstacle = (Problem(Reason.APPLY_FAILED, "", str(error)),) if error.permanent else ()
            return Outcome(obstacle, retrying=str(error), retry_after=error.retry_after or 0.0)
        return Outcome()

    def _orphaned_entries(self, cluster: HACluster) -> list[str]:
        """Nodes with an entry in `status.nodes` that are no longer selected and run no pod any more."""
        pods = self._observer.pods(cluster.metadata.namespace, cluster.metadata.name)
        selected = self._observer.nodes_of(cluster)
        current = self._resources.get(cluster.metadata.namespace, cluster.metadata.name)
        entries = current.status.nodes if current else ()
        return [entry.name for entry in entries if entry.name not in selected and entry.name not in pods]
