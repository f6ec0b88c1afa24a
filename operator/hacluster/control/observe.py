"""Translates the cache into the inputs of the planner (`NodeView`) and of the status report (`ObservedNode`).

`reconcile.py`, `planner.py` and `status_writer.py` call `Observer`. The plan and the report are pure and know neither the cache nor
Kubernetes objects, so this module picks the fields for them.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address, ip_interface
from types import MappingProxyType

from hacluster import names
from hacluster.api import HACluster, HAClusterStatus, NodeStatus
from hacluster.control.heartbeats import Heartbeats
from hacluster.control.store import Store, key_of
from hacluster.kube.kinds import DAEMON_SET, NODE, POD, Object
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

    def selected_nodes(self, selector: Mapping[str, str]) -> list[Object]:
        """The cached Nodes that carry all labels of the selector."""
        return [node for node in self._store.all(NODE) if selector.items() <= (node["metadata"].get("labels") or {}).items()]

    def selected_names(self, cluster: HACluster) -> frozenset[str]:
        """Names of the nodes that a resource selects."""
        return frozenset(node["metadata"]["name"] for node in self.selected_nodes(cluster.spec.node_selector))

    def node_views(self, cluster: HACluster, now: datetime) -> tuple[NodeView, ...]:
        """The nodes that the resource selects, as the planner takes them."""
        entries = {entry.name: entry for entry in cluster.status.nodes}
        owner = (cluster.metadata.namespace, cluster.metadata.name)
        found = []
        for node in self.selected_nodes(cluster.spec.node_selector):
            name = node["metadata"]["name"]
            entry, silent = entries.get(name), is_silent(self._heartbeats.of_node((*owner, name)).last_seen, now)
            found.append(observed(_node_view(node, entry), entry, silent=silent, cordoned=node["unschedulable"]))
        return tuple(found)

    def observed_nodes(
        self,
        namespace: str,
        name: str,
        status: HAClusterStatus,
        selected: frozenset[str],
        yields: Mapping[str, frozenset[str]] = _NONE,
    ) -> tuple[ObservedNode, ...]:
        """The selected nodes and those that still have an entry in `status.nodes`, as the report takes them.

        `yields`: node → virtual routers that its configuration tells it to yield, or told it a moment ago.
        """
        entries = {entry.name: entry for entry in status.nodes}
        pods = self.lb_pods(namespace, name)
        return tuple(
            replace(
                self._observed_node((namespace, name, node), node in selected, entries.get(node), pods.get(node)),
                cordoned=self._cordoned(node),
                yields=yields.get(node, frozenset()),
            )
            for node in sorted(selected | entries.keys())
        )

    def _cordoned(self, node: str) -> bool:
        node_object = self._store.get(NODE, "", node)
        return bool(node_object and node_object["unschedulable"])

    def lb_pods(self, namespace: str, name: str) -> dict[str, Object]:
        """Node → its pod with keepalived and HAProxy."""
        pods = self._store.of_resource(POD, namespace, name)
        return {pod["node"]: pod for pod in pods if pod["metadata"]["labels"].get(names.LABEL_COMPONENT) == names.COMPONENT_LB}

    def unfinished_daemonsets(self, namespace: str, name: str) -> tuple[str, ...]:
        """DaemonSets whose pods are not all of the newest template, as messages.

        Without `observedGeneration` the DaemonSet controller has not looked at the object yet, so its numbers mean nothing.
        """
        found = []
        for each in self._store.of_resource(DAEMON_SET, namespace, name):
            status, title = each["status"], key_of(each)[1]
            updated, desired = status.get("updatedNumberScheduled", 0), status.get("desiredNumberScheduled", 0)
            if not status.get("observedGeneration"):
                continue
            if status["observedGeneration"] < each["metadata"]["generation"] or updated < desired:
                found.append(f"{title}: {updated} of {desired} pods are up to date")
        return tuple(found)

    def _observed_node(
        self, key: tuple[str, str, str], selected: bool, entry: NodeStatus | None, pod: Object | None
    ) -> ObservedNode:
        heartbeat = self._heartbeats.of_node(key)
        return ObservedNode(
            name=key[2],
            selected=selected,
            entry=entry,
            last_seen=heartbeat.last_seen,
            last_received=heartbeat.last_received,
            claims=dict(heartbeat.claims),
            hint=self._hint(key[2], pod),
        )

    def _hint(self, node: str, pod: Object | None) -> str:
        node_object = self._store.get(NODE, "", node)
        if node_object is None:
            return "the node does not exist any more"
        if not node_object["ready"]:
            return "Kubernetes says that the node is not ready"
        if pod is not None and pod["waiting"]:
            return f"pod {key_of(pod)[1]}: {', '.join(dict.fromkeys(pod['waiting']))}"
        return ""


def entry_time(entry: Mapping[str, object]) -> datetime | None:
    """When an agent wrote its entry, by its node's clock; None: not stated."""
    return parse_timestamp(str(entry.get("since") or ""))


def _node_view(node: Object, entry: NodeStatus | None) -> NodeView:
    addresses = [each["address"] for each in node["addresses"]]
    interfaces = None
    if entry is not None:
        interfaces = tuple(Interface(each.name, tuple(map(ip_interface, each.addresses))) for each in entry.interfaces)
    return NodeView(node["metadata"]["name"], ip_address(addresses[0]) if addresses else None, interfaces)
