"""Translates the cache into the inputs of the planner (`NodeView`) and of the status report (`ObservedNode`).

`reconcile.py`, `planner.py` and `status_writer.py` call `Observer`. The plan and the report are pure and know neither the cache nor
Kubernetes objects, so this module picks the fields for them. Everything that it reads was written by others: a value that does not
parse is left out, and counts against its own node only.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from hacluster import names
from hacluster.api import HACluster, HAClusterStatus, NodeStatus
from hacluster.api.addresses import parse_address
from hacluster.control.liveness import Liveness
from hacluster.control.pod_updates import is_outdated
from hacluster.control.store import Store, key_of, owner_name
from hacluster.control.workqueue import Key
from hacluster.kube.kinds import DAEMON_SET, HACLUSTER, NODE, POD, Object
from hacluster.plan import Address, Agents, LeftoverPod, NodeView, PodView
from hacluster.plan.status import ObservedNode
from hacluster.plan.topology.preference import observed
from hacluster.plan.topology.segments import reported_interfaces

_NONE: Mapping[str, frozenset[str]] = MappingProxyType({})


class Observer:
    """Reads the cache; changes nothing. `monotonic` is the clock of `liveness`."""

    def __init__(
        self,
        store: Store,
        liveness: Liveness,
        monotonic: Callable[[], float],
        no_pod: Callable[[Key, str], str] = lambda *_: "",
    ) -> None:
        """`no_pod`: why a node of the resource has no pod, where it has none (`pod_causes.py`)."""
        self._no_pod = no_pod
        self._store = store
        self._liveness = liveness
        self._monotonic = monotonic

    def selected_nodes(self, selector: Mapping[str, str]) -> list[Object]:
        """The cached Nodes that carry all labels of the selector."""
        return [node for node in self._store.all(NODE) if selector.items() <= (node["metadata"].get("labels") or {}).items()]

    def selected_names(self, cluster: HACluster) -> frozenset[str]:
        """Names of the nodes that a resource selects."""
        return frozenset(node["metadata"]["name"] for node in self.selected_nodes(cluster.spec.node_selector))

    def node_views(self, cluster: HACluster) -> tuple[NodeView, ...]:
        """The nodes that the resource selects, as the planner takes them."""
        entries = {entry.name: entry for entry in cluster.status.nodes}
        owner, now = (cluster.metadata.namespace, cluster.metadata.name), self._monotonic()
        pods = self._pod_views(*owner)
        found = []
        for node in self.selected_nodes(cluster.spec.node_selector):
            name = node["metadata"]["name"]
            entry, silent = entries.get(name), self._liveness.of_node((*owner, name)).silent(now)
            fitness = {"silent": silent, "cordoned": node["unschedulable"], "pods": pods.get(name, ())}
            found.append(observed(_node_view(node, entry), entry, **fitness))
        return tuple(found)

    def _pod_views(self, namespace: str, name: str) -> dict[str, tuple[PodView, ...]]:
        """Node → its pods with keepalived and HAProxy: usually one, two while a deleted one is still ending."""
        found: dict[str, tuple[PodView, ...]] = {}
        for pod in self._all_lb_pods(namespace, name):
            view = PodView(key_of(pod)[1], ending=_is_ending(pod))
            found[pod["node"]] = (*found.get(pod["node"], ()), view)
        return found

    def agents(self, cluster: HACluster, *, earlier: bool) -> Agents:
        """Whose agents need access to the API server. `earlier`: agents of a version before HAClusterNode still run."""
        pods = self.lb_pods(cluster.metadata.namespace, cluster.metadata.name)
        return Agents(tuple(sorted(self.selected_names(cluster) | pods.keys())), earlier)

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
        pods, now = self.lb_pods(namespace, name), self._monotonic()
        found = []
        for node in sorted(selected | entries.keys()):
            record = self._liveness.of_node((namespace, name, node))
            node_object = self._store.get(NODE, "", node)
            found.append(
                ObservedNode(
                    name=node,
                    selected=node in selected,
                    entry=entries.get(node),
                    version=record.version,
                    received=record.received,
                    silent=record.silent(now),
                    silent_in=record.silent_in(now),
                    missing_since=record.missing_since,
                    claims=dict(record.claims),
                    lost=dict(record.lost),
                    cordoned=bool(node_object and node_object["unschedulable"]),
                    yields=yields.get(node, frozenset()),
                    no_pod="" if node in pods else self._no_pod((namespace, name), node),
                    hint=self._hint(node_object, pods.get(node)) or self._absence(namespace, name, node_object, pods.get(node)),
                )
            )
        return tuple(found)

    def absences(self, key: Key) -> dict[str, str]:
        """Node of the resource → why it or its agent does not run, as Kubernetes has it; empty: it runs."""
        pods = self.lb_pods(*key)
        nodes = {each["metadata"]["name"]: each for each in self._store.all(NODE)}
        return {
            node: self._absence(*key, nodes.get(node), pods.get(node)) for node in nodes.keys() | self._liveness.nodes_of(*key)
        }

    def stored_silent_nodes(self, key: Key) -> tuple[str, ...]:
        """The nodes that the stored status calls silent."""
        stored = ((self._store.get(HACLUSTER, *key) or {}).get("status") or {}).get("silentNodes") or ()
        return tuple(str(node) for node in stored)

    def has_present_agent(self, namespace: str, name: str, node: str) -> bool:
        """Whether the node's pod is of the present template, so that its agent is not of an earlier version."""
        pod = self.lb_pods(namespace, name).get(node)
        daemonset = self._store.get(DAEMON_SET, namespace, names.lb(name))
        return pod is not None and daemonset is not None and not is_outdated(pod, daemonset)

    def lb_pods(self, namespace: str, name: str) -> dict[str, Object]:
        """Node → its pod with keepalived and HAProxy; where a deleted pod is still ending, its successor."""
        pods = sorted(self._all_lb_pods(namespace, name), key=_is_ending, reverse=True)
        return {pod["node"]: pod for pod in pods}

    def _all_lb_pods(self, namespace: str, name: str) -> list[Object]:
        pods = self._store.of_resource(POD, namespace, name)
        return [pod for pod in pods if pod["metadata"]["labels"].get(names.LABEL_COMPONENT) == names.COMPONENT_LB]

    def leftover_pods(self) -> tuple[LeftoverPod, ...]:
        """The load balancer pods whose resource was deleted, as their annotations describe them."""
        found = []
        for pod in self._store.all(POD):
            namespace, name = key_of(pod)
            owner, annotations = owner_name(pod), pod["metadata"].get("annotations") or {}
            resource = self._store.get(HACLUSTER, namespace, owner)
            is_lb = pod["metadata"]["labels"].get(names.LABEL_COMPONENT) == names.COMPONENT_LB
            if is_lb and (resource is None or resource["metadata"].get("deletionTimestamp")):
                addresses = filter(None, annotations.get(names.ANNOTATION_VIRTUAL_IPS, "").split(","))
                ids = annotations.get(names.ANNOTATION_ROUTER_IDS, "").split(",")
                ids = frozenset(int(each) for each in ids if each.isdecimal())
                found.append(LeftoverPod(name, namespace, owner, pod["node"], frozenset(addresses), ids))
        return tuple(found)

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

    def _hint(self, node: Object | None, pod: Object | None) -> str:
        """What keeps the node's pod from running, also before its first report; empty: nothing known."""
        if node is None:
            return "the node does not exist any more"
        if not node["ready"]:
            return "Kubernetes says that the node is not ready"
        if pod is not None and pod["waiting"]:
            return f"pod {key_of(pod)[1]}: {', '.join(dict.fromkeys(pod['waiting']))}"
        return ""

    def _absence(self, namespace: str, name: str, node: Object | None, pod: Object | None) -> str:
        """Why the node or its agent does not run, as Kubernetes has it; empty: it runs, or nothing is known."""
        if node is None or not node["ready"]:
            return self._hint(node, pod)
        if pod is not None:
            return "" if pod["agent_runs"] else f"pod {key_of(pod)[1]}: its agent does not run"
        daemonset = self._store.get(DAEMON_SET, namespace, names.lb(name))
        # Until the DaemonSet controller has looked at the DaemonSet, a missing pod means nothing.
        return "it has no pod" if daemonset and daemonset["status"].get("observedGeneration") else ""


def _is_ending(pod: Object) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def _node_view(node: Object, entry: NodeStatus | None) -> NodeView:
    interfaces = None if entry is None else reported_interfaces(entry)
    return NodeView(node["metadata"]["name"], _internal_ip(node), interfaces)


def _internal_ip(node: Object) -> Address | None:
    """The first InternalIP of a Node that is an address. The kubelet writes them, and the API server does not check them."""
    for each in node["addresses"]:
        try:
            return parse_address(str(each.get("address", "")))
        except ValueError:
            continue
    return None
