"""What the planner and the report are told: the cache, translated into their words."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address, ip_interface
from types import MappingProxyType

from hacluster import names
from hacluster.api import HACluster, HAClusterStatus, NodeStatus
from hacluster.control.heartbeats import Heartbeats
from hacluster.control.store import Object, Store, key_of
from hacluster.kube.kinds import DAEMON_SET, NODE, POD
from hacluster.plan import Interface, NodeView
from hacluster.plan.status import ObservedNode, is_silent
from hacluster.plan.topology.preference import observed
from hacluster.timestamps import parse_timestamp

_NONE: Mapping[str, frozenset[str]] = MappingProxyType({})


class Observer:
    """Reads the cache; changes nothing."""

    def __init__(self, store: Store, heartbeats: Heartbeats) -> None:
        self._store = store
        self._heartbeats = heartbeats

    def selected(self, selector: Mapping[str, str]) -> list[Object]:
        """The cached nodes that carry all the labels."""
        return [node for node in self._store.all(NODE) if selector.items() <= (node["metadata"].get("labels") or {}).items()]

    def nodes_of(self, cluster: HACluster) -> frozenset[str]:
        """Names of the nodes that a resource selects."""
        return frozenset(node["metadata"]["name"] for node in self.selected(cluster.spec.node_selector))

    def views(self, cluster: HACluster, now: datetime) -> tuple[NodeView, ...]:
        """The selected nodes, as the planner wants them."""
        entries = {entry.name: entry for entry in cluster.status.nodes}
        owner = (cluster.metadata.namespace, cluster.metadata.name)
        found = []
        for node in self.selected(cluster.spec.node_selector):
            name = node["metadata"]["name"]
            entry, silent = entries.get(name), is_silent(self._heartbeats.life((*owner, name)).heard, now)
            found.append(observed(_view(node, entry), entry, silent=silent, cordoned=node["unschedulable"]))
        return tuple(found)

    def seen(
        self,
        namespace: str,
        name: str,
        status: HAClusterStatus,
        selected: frozenset[str],
        yields: Mapping[str, frozenset[str]] = _NONE,
    ) -> tuple[ObservedNode, ...]:
        """The selected nodes, and those that still have an entry, as the report wants them. `yields` are the plan's."""
        entries = {entry.name: entry for entry in status.nodes}
        pods = self.pods(namespace, name)
        return tuple(
            replace(
                self._node_seen((namespace, name, node), node in selected, entries.get(node), pods.get(node)),
                cordoned=self._cordoned(node),
                yields=yields.get(node, frozenset()),
            )
            for node in sorted(selected | entries.keys())
        )

    def _cordoned(self, node: str) -> bool:
        known = self._store.get(NODE, "", node)
        return bool(known and known["unschedulable"])

    def pods(self, namespace: str, name: str) -> dict[str, Object]:
        """Node → its load balancer pod."""
        pods = self._store.of(POD, namespace, name)
        return {pod["node"]: pod for pod in pods if pod["metadata"]["labels"].get(names.LABEL_COMPONENT) == names.COMPONENT_LB}

    def rollouts(self, namespace: str, name: str) -> tuple[str, ...]:
        """DaemonSets whose pods are not all of the newest template, in words; none where no controller tells."""
        found = []
        for each in self._store.of(DAEMON_SET, namespace, name):
            status, title = each["status"], key_of(each)[1]
            updated, desired = status.get("updatedNumberScheduled", 0), status.get("desiredNumberScheduled", 0)
            if not status.get("observedGeneration"):
                continue
            if status["observedGeneration"] < each["metadata"]["generation"] or updated < desired:
                found.append(f"{title}: {updated} of {desired} pods are up to date")
        return tuple(found)

    def _node_seen(self, key: tuple[str, str, str], selected: bool, entry: NodeStatus | None, pod: Object | None) -> ObservedNode:
        life = self._heartbeats.life(key)
        return ObservedNode(
            name=key[2],
            selected=selected,
            entry=entry,
            heard=life.heard,
            confirmed=life.confirmed,
            claims=dict(life.claims),
            hint=self._hint(key[2], pod),
        )

    def _hint(self, node: str, pod: Object | None) -> str:
        known = self._store.get(NODE, "", node)
        if known is None:
            return "the node does not exist any more"
        if not known["ready"]:
            return "Kubernetes says that the node is not ready"
        if pod is not None and pod["waiting"]:
            return f"pod {key_of(pod)[1]}: {', '.join(dict.fromkeys(pod['waiting']))}"
        return ""


def entry_times(entry: Mapping[str, object]) -> datetime | None:
    """When an agent wrote its entry, by its own clock."""
    return parse_timestamp(str(entry.get("since") or ""))


def _view(node: Object, entry: NodeStatus | None) -> NodeView:
    addresses = [each["address"] for each in node["addresses"]]
    interfaces = None
    if entry is not None:
        interfaces = tuple(Interface(each.name, tuple(map(ip_interface, each.addresses))) for each in entry.interfaces)
    return NodeView(node["metadata"]["name"], ip_address(addresses[0]) if addresses else None, interfaces)
