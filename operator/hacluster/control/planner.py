"""Makes the plan of a resource, and returns the last one as long as its inputs are the same.

`reconcile.py` calls `Planner.plan` for every event, and most events change nothing that the plan depends on. The inputs include the
virtual router IDs (VRIDs) of all other resources, because two resources must not be given the same one on one network segment.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hacluster.api import HACluster, HAClusterStatus
from hacluster.api.spec import Listener, ServiceListener
from hacluster.control.observe import Observer
from hacluster.control.resources import Resources
from hacluster.control.segments import SegmentTable
from hacluster.control.workqueue import Key
from hacluster.errors import Problem
from hacluster.plan import (
    Address,
    Agents,
    LeftoverPod,
    NodeView,
    Plan,
    Settings,
    find_conflicts,
    held_by_leftovers,
    make_plan,
    virtual_ips_of,
)
from hacluster.plan.seniority import age, identity
from hacluster.plan.topology.router_claims import Claim, kept_router_ids, taken_router_ids
from hacluster.plan.topology.segments import Segment


@dataclass(frozen=True)
class _PlanInputs:
    uid: str
    generation: int
    views: tuple[NodeView, ...]
    agents: Agents
    router_ids: tuple[tuple[str, int], ...]
    places: tuple[tuple[str, int], ...]
    first: tuple[tuple[str, str], ...]
    interval_before: int | None
    taken: tuple[tuple[str, frozenset[int]], ...]
    other_virtual_ips: frozenset[Address]
    service_listeners: tuple[Listener, ...]


class Offered(Protocol):
    """What the files say that the nodes are offered now."""

    def offered_priorities(self, cluster: HACluster) -> Mapping[str, int]:
        """Node → priority, for a resource whose status was lost."""

    def first_nodes(self, cluster: HACluster) -> Mapping[str, str]:
        """Virtual router → the node with the highest priority."""


class Planner:
    """Plans one resource at a time.

    `plan` never awaits: between reading which VRIDs are taken and taking one, no other plan can be made.
    """

    def __init__(
        self,
        settings: Settings,
        resources: Resources,
        observer: Observer,
        offered: Offered,
    ) -> None:
        self._offered = offered
        self._settings = settings
        self._resources = resources
        self._observer = observer
        self._segments = SegmentTable(observer)
        self._plans: dict[Key, tuple[Hashable, Plan]] = {}

    def conflicts(self, key: Key, cluster: HACluster) -> tuple[Problem, ...]:
        """What this resource wants although an older resource already has it, or pods of a deleted one still have it."""
        others = self._resources.others(*key)
        found = find_conflicts(cluster, others, self._observer.selected_names, self._segments.among((cluster, *others)))
        return found or held_by_leftovers(cluster, self._leftovers(key))

    def _leftovers(self, key: Key) -> tuple[LeftoverPod, ...]:
        return tuple(each for each in self._observer.leftover_pods() if (each.namespace, each.cluster) != key)

    def plan(self, key: Key, cluster: HACluster, *, earlier_agents: bool) -> Plan:
        """The plan for the resource and its nodes as they are now. `earlier_agents`: some agents are older than HAClusterNode."""
        others = self._resources.others(*key)
        router_ids, taken = self._router_ids(key, cluster, others)
        places = {each.node: each.priority for each in cluster.status.priorities} or self._offered.offered_priorities(cluster)
        prefers = any(router.preferred_node for router in cluster.spec.virtual_routers)
        first = self._offered.first_nodes(cluster) if prefers else {}
        inputs = _PlanInputs(
            uid=cluster.metadata.uid,
            generation=cluster.metadata.generation,
            views=self._observer.node_views(cluster),
            agents=self._observer.agents(cluster, earlier=earlier_agents),
            router_ids=tuple(sorted(router_ids.items())),
            places=tuple(sorted(places.items())),
            first=tuple(sorted(first.items())),
            interval_before=cluster.status.advertisement_interval_milliseconds,
            taken=tuple(sorted(taken.items())),
            other_virtual_ips=virtual_ips_of(others),
            service_listeners=tuple(each for each in cluster.spec.haproxy.listeners if isinstance(each, ServiceListener)),
        )
        cached = self._plans.get(key)
        if cached and cached[0] == inputs:
            return cached[1]
        plan = make_plan(
            cluster,
            inputs.views,
            self._settings,
            router_ids=router_ids,
            taken_ids=taken,
            places=places,
            first=first,
            interval_before=inputs.interval_before,
            other_virtual_ips=inputs.other_virtual_ips,
            agents=inputs.agents,
        )
        self._plans[key] = (inputs, plan)
        return plan

    def has_unrecorded_allotments(self, plan: Plan, status: HAClusterStatus) -> bool:
        """Whether the plan allots VRIDs or default priorities that the status does not record yet."""
        recorded = {(vip.router, vip.virtual_router_id) for vip in status.virtual_ips}
        places = {each.node: each.priority for each in status.priorities}
        return places != plan.topology.places or any(
            (router.name, router.virtual_router_id) not in recorded for router in plan.topology.routers
        )

    def forget(self, key: Key) -> None:
        """The resource was deleted: its VRIDs are free."""
        self._plans.pop(key, None)
        self._segments.forget(key)

    def _router_ids(
        self, key: Key, cluster: HACluster, others: Sequence[HACluster]
    ) -> tuple[dict[str, int], dict[str, frozenset[int]]]:
        """By router, the VRIDs that stay, and those that must not be newly allotted."""
        placement_of = self._segments.among((cluster, *others))
        placed, own_age = {identity(other): placement_of(other) for other in others}, age(cluster)
        older = [claim for other in others if age(other) < own_age for claim in placed[identity(other)].claims]
        planned = self._planned_claims(key, {other: found.segments for other, found in placed.items()})
        leftovers = {each for pod in self._leftovers(key) for each in pod.router_ids}
        own = placement_of(cluster).segments
        every = [*(claim for found in placed.values() for claim in found.claims), *planned]
        return kept_router_ids(cluster, own, older), taken_router_ids(own, every, leftovers)

    def _planned_claims(self, key: Key, segments: Mapping[Key, Mapping[str, Segment]]) -> Iterator[Claim]:
        """The VRIDs of the other resources' last plans, which are perhaps not recorded in a status yet.

        Where a resource is invalid now, or being deleted, it is not known where its routers are.
        """
        for other, (_, plan) in self._plans.items():
            for router in plan.topology.routers if other != key else ():
                known = segments.get(other, {}).get(router.name)
                yield Claim(router.name, router.virtual_router_id, known or Segment(router.virtual_ips[0].version))
