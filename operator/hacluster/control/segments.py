"""Keeps where each resource's virtual routers advertise and which VRIDs they have, as long as what it follows from stays the same.

The planner compares the VRIDs of every resource with those of all others, for every event. Where a resource advertises
(`plan/topology/segments.py`) follows from its spec, its nodes and their reports, which change rarely.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hacluster.api import HACluster, NodeStatus
from hacluster.control.observe import Observer
from hacluster.control.workqueue import Key
from hacluster.plan.seniority import age, identity
from hacluster.plan.topology.router_claims import Placement, placement
from hacluster.plan.topology.segments import reported_interfaces, segments_of


@dataclass(frozen=True)
class _Known:
    """The placement of a resource, and what it follows from. `Resources` returns the same object while nothing of it has changed."""

    cluster: HACluster
    nodes: frozenset[str]
    unreported: frozenset[str]
    """Nodes of which the resource's own agents have not reported."""
    elsewhere: tuple[NodeStatus, ...]
    """What agents of other resources report of them."""
    placement: Placement


class SegmentTable:
    """The placements of all resources."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._known: dict[Key, _Known] = {}

    def among(self, clusters: Sequence[HACluster]) -> "Among":
        """Finds the placement of one of these resources, which are all that exist. To be used at once: it does not follow changes."""
        return Among(self._observer, self._known, clusters)

    def forget(self, key: Key) -> None:
        """The resource was deleted."""
        self._known.pop(key, None)


class Among:
    """The placements of some resources at one moment."""

    def __init__(self, observer: Observer, known: dict[Key, _Known], clusters: Sequence[HACluster]) -> None:
        self._observer, self._known, self._clusters = observer, known, clusters
        self._selected: dict[frozenset[tuple[str, str]], frozenset[str]] = {}
        self._entries: Mapping[str, NodeStatus] | None = None

    def __call__(self, cluster: HACluster) -> Placement:
        """Where the resource's virtual routers are, and which VRIDs they have."""
        nodes, known = self._nodes_of(cluster), self._known.get(identity(cluster))
        if known is None or known.cluster is not cluster or known.nodes != nodes:
            unreported = nodes - {entry.name for entry in cluster.status.nodes if entry.interfaces}
        else:
            unreported = known.unreported
            if known.elsewhere == self._elsewhere(unreported):
                return known.placement
        elsewhere = self._elsewhere(unreported)
        own = {entry.name: reported_interfaces(entry) for entry in cluster.status.nodes if entry.interfaces}
        reports = {node: own.get(node) for node in sorted(nodes)}
        segments = segments_of(cluster, reports, {each.name: reported_interfaces(each) for each in elsewhere})
        found = _Known(cluster, nodes, unreported, elsewhere, placement(cluster, segments))
        self._known[identity(cluster)] = found
        return found.placement

    def _nodes_of(self, cluster: HACluster) -> frozenset[str]:
        selector = frozenset(cluster.spec.node_selector.items())
        if selector not in self._selected:
            self._selected[selector] = self._observer.selected_names(cluster)
        return self._selected[selector]

    def _elsewhere(self, unreported: frozenset[str]) -> tuple[NodeStatus, ...]:
        """For each of these nodes the entry of the oldest resource whose agent has reported."""
        if not unreported:
            return ()
        if self._entries is None:
            entries: dict[str, NodeStatus] = {}
            for cluster in sorted(self._clusters, key=age):
                for entry in cluster.status.nodes:
                    if entry.interfaces:
                        entries.setdefault(entry.name, entry)
            self._entries = entries
        return tuple(self._entries[node] for node in sorted(unreported) if node in self._entries)
