"""Resources on nodes of several networks, planned one after the other as the operator does it, for tests of their VRIDs."""

from dataclasses import dataclass, field
from typing import Any

from hacluster.api import HACluster
from hacluster.plan import find_conflicts
from hacluster.plan.seniority import age
from hacluster.plan.topology.router_claims import claims_of, kept_router_ids, placement, taken_router_ids
from hacluster.plan.topology.routerids import allot_router_ids
from hacluster.plan.topology.segments import Interfaces, Segment, segments_of
from tests.unit.plan.clusters import cluster, node

ROUTER = "VI_1"


@dataclass
class Placed:
    """A resource with one virtual router, and the nodes that it selects."""

    resource: HACluster
    nodes: set[str]

    @property
    def runs(self) -> int | None:
        """The VRID that its status records."""
        return next((each.virtual_router_id for each in self.resource.status.virtual_ips), None)


@dataclass
class World:
    """`networks`: node → the numbers of its networks, each on an interface of its own or, joined by `bridged`, all on one."""

    networks: dict[str, tuple[int, ...]]
    bridged: frozenset[str] = frozenset()
    reported: set[str] = field(default_factory=set)
    placed: list[Placed] = field(default_factory=list)
    _segments: dict[tuple[str, frozenset[str], frozenset[str]], dict[str, Segment]] = field(default_factory=dict)

    def add(self, network: int, nodes: set[str], named: int | None = None) -> Placed:
        """A new resource, younger than all others, with a virtual IP in this network."""
        number = len(self.placed)
        address = f"10.{network}.{100 + number // 200}.{1 + number % 200}"
        router: dict[str, Any] = {"virtualIPs": [f"{address}/16"]} | ({"virtualRouterID": named} if named else {})
        metadata = {"creationTimestamp": f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"}
        made = cluster(f"r{number}", metadata=metadata, virtualRouters=[router])
        self.placed.append(Placed(made, set(nodes)))
        return self.placed[-1]

    def segments(self, placed: Placed) -> dict[str, Segment]:
        """Where the resource advertises, by what has been reported."""
        key = placed.resource.metadata.name, frozenset(placed.nodes), frozenset(self.reported)
        if key not in self._segments:
            reports = {each: self._interfaces(each) if each in self.reported else None for each in sorted(placed.nodes)}
            self._segments[key] = segments_of(placed.resource, reports)
        return self._segments[key]

    def segment(self, placed: Placed) -> Segment:
        """Of its one router."""
        return self.segments(placed)[ROUTER]

    def _interfaces(self, name: str) -> Interfaces:
        number = 1 + sorted(self.networks).index(name)
        addresses = [f"10.{network}.0.{number}/16" for network in self.networks[name]]
        on = {"eth0": addresses} if name in self.bridged else {f"eth{i}": [each] for i, each in enumerate(addresses)}
        found = node(name, **on).interfaces
        assert found is not None
        return found

    def in_conflict(self, placed: Placed) -> bool:
        """Whether the resource is refused because of an older one."""
        by_name = {each.resource.metadata.name: each for each in self.placed}
        others = [each.resource for each in self.placed if each is not placed]
        return bool(
            find_conflicts(
                placed.resource, others, lambda _: (), lambda each: placement(each, self.segments(by_name[each.metadata.name]))
            )
        )

    def reconcile(self, placed: Placed) -> list[Placed]:
        """Plans the resource and records its VRID. Returns the resources that had the same new one where the two may meet."""
        if self.in_conflict(placed):
            return []
        others = [each for each in self.placed if each is not placed]
        own = self.segments(placed)
        claims = {id(each): list(claims_of(each.resource, self.segments(each))) for each in others}
        older = [claim for each in others if age(each.resource) < age(placed.resource) for claim in claims[id(each)]]
        allotted = allot_router_ids(
            placed.resource.metadata.full_name,
            placed.resource.spec.virtual_routers,
            kept_router_ids(placed.resource, own, older),
            taken_router_ids(own, [claim for found in claims.values() for claim in found]),
        )
        before, after = placed.runs, allotted.get(ROUTER)
        assert after or not before, "a router that runs has lost its ID"
        if after is not None:
            self._record(placed, after)
        same = [each for each in others if after is not None and each.runs == after and before != after]
        return [each for each in same if self.segment(placed).may_meet(self.segment(each))]

    def _record(self, placed: Placed, vrid: int) -> None:
        address = str(placed.resource.spec.virtual_routers[0].virtual_ips[0].ip)
        status = {"virtualIPs": [{"address": address, "router": ROUTER, "virtualRouterID": vrid}]}
        placed.resource = placed.resource.model_copy(update={"status": cluster(status=status).status})
