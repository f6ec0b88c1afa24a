"""Makes the plan of a resource, and returns the last one as long as its inputs are the same.

`reconcile.py` calls `Planner.plan` for every event, and most events change nothing that the plan depends on. The inputs include the
virtual router IDs (VRIDs) of all other resources, because two resources must not be given the same one.
"""

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
class _PlanInputs:
    uid: str
    generation: int
    views: tuple[NodeView, ...]
    router_ids: tuple[tuple[str, int], ...]
    taken: frozenset[int]


class Planner:
    """Plans one resource at a time.

    `plan` never awaits: between reading which VRIDs are taken and taking one, no other plan can be made.
    """

    def __init__(self, settings: Settings, resources: Resources, observer: Observer) -> None:
        self._settings = settings
        self._resources = resources
        self._observer = observer
        self._plans: dict[Key, tuple[Hashable, Plan]] = {}

    def conflicts(self, key: Key, cluster: HACluster) -> tuple[Problem, ...]:
        """What this resource wants although an older resource already has it."""
        return find_conflicts(cluster, self._resources.others(*key), self._observer.selected_names)

    def plan(self, key: Key, cluster: HACluster, now: datetime) -> Plan:
        """The plan for the resource and its nodes at the time `now`."""
        router_ids = {vip.router: vip.virtual_router_id for vip in cluster.status.virtual_ips}
        inputs = _PlanInputs(
            uid=cluster.metadata.uid,
            generation=cluster.metadata.generation,
            views=self._observer.node_views(cluster, now),
            router_ids=tuple(sorted(router_ids.items())),
            taken=taken_router_ids(cluster, self._resources.others(*key)) | self._router_ids_of_other_plans(key),
        )
        cached = self._plans.get(key)
        if cached and cached[0] == inputs:
            return cached[1]
        plan = make_plan(cluster, inputs.views, self._settings, router_ids=router_ids, taken_ids=inputs.taken)
        self._plans[key] = (inputs, plan)
        return plan

    def has_unrecorded_router_ids(self, plan: Plan, status: HAClusterStatus) -> bool:
        """Whether the plan allocates VRIDs that the status does not record yet."""
        recorded = {(vip.router, vip.virtual_router_id) for vip in status.virtual_ips}
        return any((router.name, router.virtual_router_id) not in recorded for router in plan.topology.routers)

    def forget(self, key: Key) -> None:
        """The resource was deleted: its VRIDs are free."""
        self._plans.pop(key, None)

    def _router_ids_of_other_plans(self, key: Key) -> frozenset[int]:
        """VRIDs of the other resources' last plans, which are perhaps not recorded in a status yet."""
        plans = [plan for other, (_, plan) in self._plans.items() if other != key]
        return frozenset(router.virtual_router_id for plan in plans for router in plan.topology.routers)
