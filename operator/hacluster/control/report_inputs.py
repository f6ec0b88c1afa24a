"""Makes the inputs of a status report from the plan, the roll-out and the observed nodes. Pure.

`reconcile.py` calls one of the two functions for each step; the status writer adds the outcome of applying later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hacluster.api import HACluster
from hacluster.api.vrrp import leaders
from hacluster.control import rollout as rollouts
from hacluster.control.resources import Resource
from hacluster.errors import InvalidResource, Problem
from hacluster.plan import Plan
from hacluster.plan.rollout.rollout import Rollout
from hacluster.plan.status import ObservedNode, ReportInputs, VirtualIP
from hacluster.timing import FASTEST_TAKEOVER, TAKEOVER


@dataclass(frozen=True)
class Moment:
    """One moment by the wall clock, for timestamps, and in monotonic seconds, for everything else."""

    wall: datetime
    monotonic: float


def inputs_of_invalid(resource: Resource, error: InvalidResource, nodes: Sequence[ObservedNode], now: Moment) -> ReportInputs:
    """For a resource with an invalid spec: what runs is left running, and is still reported."""
    return ReportInputs(
        now=now.wall,
        monotonic=now.monotonic,
        generation=resource.generation,
        virtual_ips=_recorded_virtual_ips(resource),
        nodes=tuple(nodes),
        refusals=error.problems,
    )


def inputs_of_plan(
    resource: Resource,
    cluster: HACluster,
    plan: Plan,
    *,
    conflicts: tuple[Problem, ...],
    rollout: Rollout | None,
    nodes: Sequence[ObservedNode],
    daemonsets: Sequence[str],
    now: Moment,
) -> ReportInputs:
    """For a resource with a plan. `rollout` is None where the plan is blocked or in conflict: then nothing is applied.

    `daemonsets` are messages about pods that are still being replaced.
    """
    return ReportInputs(
        now=now.wall,
        monotonic=now.monotonic,
        generation=resource.generation,
        virtual_ips=_recorded_virtual_ips(resource) if rollout is None else _planned_virtual_ips(plan),
        nodes=tuple(nodes),
        selector=cluster.spec.node_selector,
        revisions=_revisions(plan, rollout),
        rollouts=() if rollout is None else (*rollouts.progress(rollout), *daemonsets),
        waiting_for=plan.waiting_for,
        problems=_problems(plan, rollout),
        takeover_within=max(FASTEST_TAKEOVER, TAKEOVER * cluster.spec.vrrp.advertisement_interval),
        interval_ms=None if rollout is None else plan.interval_ms,
        preferred={router.name: router.preferred for router in plan.topology.routers if router.preferred},
        move_with=leaders(cluster.spec.virtual_routers),
        priorities=plan.topology.priorities,
        places=None if rollout is None else plan.topology.places,
        refusals=conflicts or (plan.problems if plan.blocked else ()),
        warnings=plan.warnings,
        paused=cluster.spec.paused,
        has_apache=cluster.spec.apache is not None,
    )


def _revisions(plan: Plan, rollout: Rollout | None) -> dict[str, str] | None:
    """Node → revision that it should run: the plan's, or the last good one where a node refused the plan. None: no valid plan."""
    if rollout is None:
        return None
    return dict(rollout.revisions if rollout.refusal else plan.revisions)


def _problems(plan: Plan, rollout: Rollout | None) -> tuple[Problem, ...]:
    """Problems of single nodes. Where the plan is blocked, its problems are reported as refusals instead."""
    if plan.blocked:
        return ()
    return plan.problems if rollout is None else (*rollouts.problems(rollout), *plan.problems)


def _planned_virtual_ips(plan: Plan) -> tuple[VirtualIP, ...]:
    return tuple(
        VirtualIP(str(address.ip), router.name, router.virtual_router_id)
        for router in plan.topology.routers
        for address in router.virtual_ips
    )


def _recorded_virtual_ips(resource: Resource) -> tuple[VirtualIP, ...]:
    """The virtual IPs of the last status: they are left running while the resource cannot be planned."""
    return tuple(VirtualIP(vip.address, vip.router, vip.virtual_router_id) for vip in resource.status.virtual_ips)
