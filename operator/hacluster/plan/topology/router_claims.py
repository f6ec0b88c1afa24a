"""Which VRIDs a resource may use beside all others: a VRID must be unique only where virtual routers may hear each other (`segments.py`).

`find_conflicts` (`plan/conflicts.py`) asks `is_in_conflict` about each ID that a resource names or runs. The operator's planner asks
`kept_router_ids` and `taken_router_ids` before it plans. What follows is in the resources, their statuses and the nodes' reports:
nothing is remembered, so a restarted operator decides the same.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from hacluster.api import HACluster
from hacluster.api.vrrp import router_names
from hacluster.plan.topology.routerids import earlier_router_ids
from hacluster.plan.topology.segments import Segment

Segments = Mapping[str, Segment]
"""The segment of each virtual router of a resource, by the router's name."""


@dataclass(frozen=True)
class Claim:
    """A VRID that a virtual router has or wants, and where. A router that is to get another ID has two claims."""

    router: str
    virtual_router_id: int
    segment: Segment
    named: bool = False
    """Whether the resource names it; otherwise it was allotted."""
    runs: bool = False
    """Whether it is recorded in the status: nodes may use it."""


@dataclass(frozen=True)
class Placement:
    """Where the virtual routers of a resource are, by name, and which VRIDs they have or want."""

    segments: Segments
    claims: tuple[Claim, ...]


def placement(cluster: HACluster, segments: Segments) -> Placement:
    """The placement of a resource whose virtual routers are in these segments."""
    return Placement(segments, tuple(claims_of(cluster, segments)))


def claims_of(cluster: HACluster, segments: Segments) -> Iterator[Claim]:
    """The VRIDs that a resource names or runs."""
    recorded = earlier_router_ids(cluster, cluster.status)
    for name, router in zip(router_names(cluster.spec.virtual_routers), cluster.spec.virtual_routers, strict=True):
        named, runs = router.virtual_router_id, recorded.get(name)
        for each in dict.fromkeys((named, runs)):
            if each is not None:
                yield Claim(name, each, segments[name], named=each == named, runs=each == runs)


def wanted_by(claims: Iterable[Claim]) -> dict[str, Claim]:
    """By router, the VRID that it is to have: the named one, else the one that it runs. A router that has neither is left out.

    `claims` are those of one resource, in the order of `claims_of`: of a router with two the named one first.
    """
    found: dict[str, Claim] = {}
    for claim in claims:
        found.setdefault(claim.router, claim)
    return found


def is_in_conflict(wanted: Claim, older: Claim) -> bool:
    """Whether a resource must not use an ID because of an older resource.

    A new ID is refused where the two may meet. One that runs is never given up because of a node that has not reported: it could not
    report at all, as nothing is applied for a resource in conflict. Where the reports show that both run the same ID in one place, the
    younger resource is in conflict, and both go on as they are.
    """
    if wanted.virtual_router_id != older.virtual_router_id:
        return False
    if not wanted.runs:
        return wanted.segment.may_meet(older.segment)
    return (wanted.named or older.runs) and wanted.segment.meets(older.segment)


def kept_router_ids(cluster: HACluster, segments: Segments, older: Iterable[Claim]) -> dict[str, int]:
    """The recorded VRIDs that stay, by router. They stay whatever is discovered later.

    One that was allotted gives way where an older resource begins to name it: somebody has chosen that one. It does so before the older one
    runs it; once both do, neither changes (`is_in_conflict`).
    """
    begins = [each for each in older if each.named and not each.runs]
    named = {claim.router for claim in claims_of(cluster, segments) if claim.named}
    return {
        name: each
        for name, each in earlier_router_ids(cluster, cluster.status).items()
        if name in named or not any(each == claim.virtual_router_id and segments[name].meets(claim.segment) for claim in begins)
    }


def taken_router_ids(segments: Segments, others: Collection[Claim], anywhere: Collection[int] = ()) -> dict[str, frozenset[int]]:
    """Router → VRIDs that it must not be newly allotted: those of routers of other resources that it may meet.

    `anywhere` are IDs of which it is not known where they are used, such as those of pods that a deleted resource has left.
    """
    return {
        name: frozenset(anywhere).union(each.virtual_router_id for each in others if segment.may_meet(each.segment))
        for name, segment in segments.items()
    }
