"""Asks the pure plan, with what the other resources have, and remembers the answer while nothing it depends on changes."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime

from hacluster.api import HACluster, HAClusterStatus
from hacluster.control.observe import Observer
from hacluster.control.resources import Resources
from hacluster.control.workqueue import Key
from hacluster.errors import Problem
from hacluster.plan import NodeView, Plan, Settings, find_conflicts, make_plan, taken_router_ids


@dataclass(frozen=True)
class _Question:
    uid: str
    generation: int
    views: tuple[NodeView, ...]
    router_ids: tuple[tuple[str, int], ...]
    taken: frozenset[int]


class Planner:
    """Plans one resource at a time; no await between reading which VRIDs are taken and taking one."""

    def __init__(self, settings: Settings, resources: Resources, observer: Observer) -> None:
        self._settings = settings
        self._resources = resources
        self._observer = observer
        self._answers: dict[Key, tuple[Hashable, Plan]] = {}

    def conflicts(self, key: Key, cluster: HACluster) -> tuple[Problem, ...]:
        """What this resource wants though an older one has it."""
        return find_conflicts(cluster, self._resources.others(*key), self._observer.nodes_of)

    def plan(self, key: Key, cluster: HACluster, now: datetime) -> Plan:
        """The plan for the resource and its nodes as they are now."""
        router_ids = {vip.router: vip.virtual_router_id for vip in cluster.status.virtual_ips}
        question = _Question(
            uid=cluster.metadata.uid,
            generation=cluster.metadata.generation,
            views=self._observer.views(cluster, now),
            router_ids=tuple(sorted(router_ids.items())),
            taken=taken_router_ids(cluster, self._resources.others(*key)) | self._allotted_to_others(key),
        )
        known = self._answers.get(key)
        if known and known[0] == question:
            return known[1]
        plan = make_plan(cluster, question.views, self._settings, router_ids=router_ids, taken_ids=question.taken)
        self._answers[key] = (question, plan)
        return plan

    def allocated(self, plan: Plan, status: HAClusterStatus) -> bool:
        """Whether the plan has given out VRIDs that the status does not record yet."""
        recorded = {(vip.router, vip.virtual_router_id) for vip in status.virtual_ips}
        return any((router.name, router.virtual_router_id) not in recorded for router in plan.topology.routers)

    def forget(self, key: Key) -> None:
        """The resource is gone; what it had is free."""
        self._answers.pop(key, None)

    def _allotted_to_others(self, key: Key) -> frozenset[int]:
        """VRIDs of plans that were made a moment ago, perhaps not in any status yet."""
        plans = [plan for other, (_, plan) in self._answers.items() if other != key]
        return frozenset(router.virtual_router_id for plan in plans for router in plan.topology.routers)
