"""Keeps where each resource's virtual routers advertise, as long as what it follows from stays the same.

The planner compares the virtual router IDs of every resource with those of all others, for every event. Where a resource advertises
(`plan/topology/segments.py`) follows from its spec, its nodes and their reports, which change rarely.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hacluster.api import HACluster, NodeStatus
from hacluster.control.observe import Observer
from hacluster.control.workqueue import Key
from hacluster.plan.seniority import age, identity
from hacluster.plan.topology.segments import Segment, reported_interfaces, segments_of

SegmentsOf = Callable[[HACluster], Mapping[str, Segment]]


@dataclass(frozen=True)
class _Basis:
    """What the segments of a resource follow from. `Resources` returns the same object while nothing of a resource has changed."""

    cluster: HACluster
    nodes: frozenset[str]
    elsewhere: tuple[NodeStatus, ...]
    """Reports of other resources' agents on nodes of which the resource's own agents have not reported."""

    def is_still(self, other: "_Basis") -> bool:
        return self.cluster is other.cluster and self.nodes == other.nodes and self.elsewhere == other.elsewhere


class SegmentTable:
    """The segments of the resources' virtual routers."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._found: dict[Key, tuple[_Basis, Mapping[str, Segment]]] = {}

    def among(self, clusters: Sequence[HACluster]) -> SegmentsOf:
        """Finds the segments of one of these resources, which are all that exist."""
        entries: dict[str, NodeStatus] = {}
        for cluster in sorted(clusters, key=age):
            for entry in cluster.status.nodes:
                if entry.interfaces:
                    entries.setdefault(entry.name, entry)
        return lambda cluster: self._of(cluster, entries)

    def forget(self, key: Key) -> None:
        """The resource was deleted."""
        self._found.pop(key, None)

    def _of(self, cluster: HACluster, entries: Mapping[str, NodeStatus]) -> Mapping[str, Segment]:
        own = {entry.name: entry for entry in cluster.status.nodes if entry.interfaces}
        nodes = self._observer.selected_names(cluster)
        basis = _Basis(cluster, nodes, tuple(entries[node] for node in sorted(nodes - own.keys()) if node in entries))
        known = self._found.get(identity(cluster))
        if known and known[0].is_still(basis):
            return known[1]
        reports = {node: reported_interfaces(own[node]) if node in own else None for node in sorted(nodes)}
        found = segments_of(cluster, reports, {each.name: reported_interfaces(each) for each in basis.elsewhere})
        self._found[identity(cluster)] = basis, found
        return found
