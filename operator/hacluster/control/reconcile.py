"""One resource, from what is known to what is the case: observe → plan → apply → report."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.control import stages
from hacluster.control.apply import Applier, NameTaken, NotYet
from hacluster.control.events import Poster
from hacluster.control.informer import Intake
from hacluster.control.node_monitor import Ear
from hacluster.control.observe import Observer
from hacluster.control.planner import Planner
from hacluster.control.recent_yields import Orders
from hacluster.control.resources import Resource, Resources
from hacluster.control.stages import Stages
from hacluster.control.worker import Key, RetryLater
from hacluster.errors import InvalidResource, Problem
from hacluster.kube.client import ApiError, Client
from hacluster.kube.kinds import HACLUSTER
from hacluster.plan import Plan
from hacluster.plan.rollout.rollout import Rollout
from hacluster.plan.status import Report, ReportInputs, VirtualIP, report

log = logging.getLogger(__name__)

BETWEEN = 0.025
"""Seconds that an address without a holder stays untold. Else that write delays the new holder's: both change one object."""
OBSTACLE_AGAIN = 5.0
"""Seconds until it is tried again to get past something that is in the way: nobody rings when a stranger's object goes."""


@dataclass(frozen=True)
class Outcome:
    """What applying came to."""

    obstacles: tuple[Problem, ...] = ()
    retrying: str = ""
    retry_after: float = 0.0


class Reconciler:
    """Everything that one reconcile needs; of its own it remembers what applying last came to."""

    def __init__(
        self,
        *,
        client: Client,
        intake: Intake,
        resources: Resources,
        observer: Observer,
        planner: Planner,
        steps: Stages,
        applier: Applier,
        ear: Ear,
        poster: Poster,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._intake = intake
        self._resources = resources
        self._observer = observer
        self._planner = planner
        self._steps = steps
        self._applier = applier
        self._ear = ear
        self._poster = poster
        self._clock = clock
        self._outcomes: dict[Key, tuple[int, Outcome]] = {}
        self._orders = Orders()
        self._reporting: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def reconcile(self, key: Key) -> float | None:
        """Brings one resource to what it asks for; in how many seconds to look again.

        Raises:
            RetryLater: something has to be tried again; the status says what.

        """
        resource = self._resources.get(*key)
        if resource is None:
            self._forget(key)
            return None
        await self._ear.listen_again(key)
        plan, rollout, inputs = self._look(key, resource)
        if plan is None or rollout is None or inputs.paused:
            self._outcomes[key] = inputs.generation, Outcome()
            return await self._report(key, inputs)
        if self._planner.allocated(plan, resource.status):
            await self._report(key, inputs)  # ids that nobody knows must not run: another resource could get the same
        outcome = await self._apply(resource, plan, rollout)
        self._outcomes[key] = inputs.generation, outcome
        again = await self._report(key, inputs)
        if outcome.retrying:
            raise RetryLater(outcome.retrying, outcome.retry_after)
        return min(again or OBSTACLE_AGAIN, OBSTACLE_AGAIN) if outcome.obstacles else again

    async def tell(self, key: Key) -> None:
        """Writes what the nodes report into status, without waiting for what is being applied or tried again.

        Raises:
            RetryLater: the status could not be written.

        """
        resource = self._resources.get(*key)
        if resource is None or self._applied(key) != resource.generation:
            return  # what is not applied yet is reconcile's to report
        await self._report(key, self._look(key, resource)[-1])

    def _applied(self, key: Key) -> int | None:
        """The generation that was last applied, or tried to be."""
        return self._outcomes[key][0] if key in self._outcomes else None

    def _forget(self, key: Key) -> None:
        # Owner references are enough: the garbage collector deletes the children.
        for memory in (self._ear, self._planner, self._resources, self._orders):
            memory.forget(key)
        self._outcomes.pop(key, None)
        self._reporting.pop(key, None)

    def _look(self, key: Key, resource: Resource) -> tuple[Plan | None, Rollout | None, ReportInputs]:
        now = self._clock()
        if isinstance(resource.cluster, InvalidResource):
            entries = frozenset(entry.name for entry in resource.status.nodes)
            return (
                None,
                None,
                ReportInputs(
                    now=now,
                    generation=resource.generation,
                    virtual_ips=_known_virtual_ips(resource),
                    nodes=self._observer.seen(*key, resource.status, entries),
                    refusals=resource.cluster.problems,
                ),
            )
        cluster = resource.cluster
        conflicts = self._planner.conflicts(key, cluster)
        plan = self._planner.plan(key, cluster, now)
        blocked = bool(conflicts) or plan.blocked
        yields = self._orders.lately(key, plan.yields, now)
        nodes = self._observer.seen(*key, resource.status, self._observer.nodes_of(cluster), yields)
        rollout = None if blocked else self._steps.next(cluster, plan, nodes, now)
        inputs = ReportInputs(
            now=now,
            generation=resource.generation,
            virtual_ips=_known_virtual_ips(resource) if blocked else _virtual_ips(plan),
            nodes=nodes,
            selector=cluster.spec.node_selector,
            revisions=None if rollout is None else rollout.revisions if rollout.refusal else plan.revisions,
            rollouts=() if rollout is None else (*stages.progress(rollout), *self._observer.rollouts(*key)),
            waiting_for=plan.waiting_for,
            problems=() if plan.blocked else plan.problems if rollout is None else (*stages.problems(rollout), *plan.problems),
            preferred={router.name: router.preferred for router in plan.topology.routers if router.preferred},
            priorities=plan.topology.priorities,
            refusals=conflicts or (plan.problems if plan.blocked else ()),
            warnings=plan.warnings,
            paused=cluster.spec.paused,
            has_apache=cluster.spec.apache is not None,
        )
        return (None if blocked else plan), rollout, inputs

    async def _apply(self, resource: Resource, plan: Plan, rollout: Rollout) -> Outcome:
        cluster = resource.cluster
        assert isinstance(cluster, HACluster)
        try:
            # As long as any node runs the configuration from before, it may need the Apache that the new one does without.
            keep = names.COMPONENT_APACHE if rollout.old_is_needed else ""
            if written := await self._applier.apply(cluster, stages.objects(cluster, plan, rollout), keep=keep):
                log.info("%s/%s: applied %s", cluster.metadata.namespace, cluster.metadata.name, ", ".join(written))
            await self._applier.deliver(cluster, rollout.revisions)
            await self._applier.prune_entries(cluster, self._orphans(cluster))
        except NameTaken as taken:
            return Outcome(obstacles=taken.problems)
        except NotYet as wait:
            return Outcome(retrying=str(wait), retry_after=1.0)
        except ApiError as error:
            obstacle = (Problem(Reason.APPLY_FAILED, "", str(error)),) if error.permanent else ()
            return Outcome(obstacle, retrying=str(error), retry_after=error.retry_after or 0.0)
        return Outcome()

    def _orphans(self, cluster: HACluster) -> list[str]:
        """Nodes with an entry that are no longer selected and run no pod any more."""
        pods = self._observer.pods(cluster.metadata.namespace, cluster.metadata.name)
        selected = self._observer.nodes_of(cluster)
        current = self._resources.get(cluster.metadata.namespace, cluster.metadata.name)
        entries = current.status.nodes if current else ()
        return [entry.name for entry in entries if entry.name not in selected and entry.name not in pods]

    def _refreshed(self, key: Key, inputs: ReportInputs, current: Resource) -> ReportInputs:
        """The inputs with what applying last came to; the nodes may have reported meanwhile."""
        outcome = self._outcomes[key][1] if self._applied(key) == inputs.generation else Outcome()
        selected = frozenset(node.name for node in inputs.selected)
        yields = {node.name: node.yields for node in inputs.nodes}
        nodes = self._observer.seen(*key, current.status, selected, yields)
        return replace(inputs, now=self._clock(), nodes=nodes, obstacles=outcome.obstacles, retrying=outcome.retrying)

    async def _report(self, key: Key, inputs: ReportInputs) -> float | None:
        """Writes the status if it changed, tells what is new; in how many seconds to look again."""
        async with self._reporting[key]:  # each report follows from the one before, and from what is known by then
            return await self._report_now(key, inputs)

    async def _report_now(self, key: Key, inputs: ReportInputs) -> float | None:
        found = self._make_report(key, inputs)
        if found and found[1].between_holders:
            await asyncio.sleep(BETWEEN)
            found = self._make_report(key, inputs)
        if found is None:
            return 0.0
        current, made = found
        if made.document() != {name: value for name, value in (current.raw.get("status") or {}).items() if name != "nodes"}:
            await self._write(current, made)
        return None if made.look_again is None else max((made.look_again - self._clock()).total_seconds(), 0.0)

    def _make_report(self, key: Key, inputs: ReportInputs) -> tuple[Resource, Report] | None:
        current = self._resources.get(*key)
        if current is None or current.generation != inputs.generation:
            return None  # the resource moved on: what we know is about another generation
        return current, report(current.status, self._refreshed(key, inputs, current))

    async def _write(self, current: Resource, made: Report) -> None:
        metadata: dict[str, Any] = {key: current.raw["metadata"][key] for key in ("name", "namespace", "uid")}
        manifest = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": metadata, "status": made.document()}
        try:
            answer = await self._client.apply(HACLUSTER, manifest, subresource="status")
        except ApiError as error:
            if error.status == 404:
                return  # deleted meanwhile
            raise RetryLater(f"status was not written: {error}", error.retry_after or 0.0) from error
        self._intake.put(HACLUSTER, answer)
        self._poster.post(answer, answer["metadata"]["resourceVersion"], made.events, self._clock())


def _virtual_ips(plan: Plan) -> tuple[VirtualIP, ...]:
    return tuple(
        VirtualIP(str(address.ip), router.name, router.virtual_router_id)
        for router in plan.topology.routers
        for address in router.virtual_ips
    )


def _known_virtual_ips(resource: Resource) -> tuple[VirtualIP, ...]:
    """What runs on while the resource as it is now cannot be planned."""
    return tuple(VirtualIP(vip.address, vip.router, vip.virtual_router_id) for vip in resource.status.virtual_ips)
