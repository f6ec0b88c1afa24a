"""Warnings about settings of a resource that are allowed but dangerous.

`warnings_of` is used by the plan (condition `Warning`) and by `hacluster validate`. A warning blocks nothing: the resource gets
what it asks for.
"""

from collections import defaultdict
from collections.abc import Mapping

from hacluster.api import HACluster
from hacluster.api.haproxy import redirect_ports
from hacluster.api.reasons import Reason
from hacluster.api.spec import CheckType, ServiceNamespaces, listener_field
from hacluster.errors import Problem

_NODE_PORTS = range(30000, 32768)
"""Ports that Kubernetes gives to Services of type NodePort and LoadBalancer (`--service-node-port-range` of the API server)."""
_DEFAULT_STEP = 10
"""Distance of two neighbouring default priorities in a cluster of up to 25 nodes (`topology/priorities.py`)."""


def warnings_of(cluster: HACluster, priorities: Mapping[str, int] | None = None) -> tuple[Problem, ...]:
    """All warnings. `priorities` are those of the existing nodes; without them, the priorities that the resource names are used."""
    return (
        *_small_weight(cluster, priorities),
        *_duplicate_priorities(cluster),
        *_process_check(cluster),
        *_open_admin_page(cluster),
        *_node_ports(cluster),
    )


def _small_weight(cluster: HACluster, priorities: Mapping[str, int] | None) -> tuple[Problem, ...]:
    """A weight has to raise every healthy node above every unhealthy one, so it has to exceed the spread of the priorities."""
    weight = cluster.spec.vrrp.check.weight
    spread = _spread(cluster, priorities)
    if not 0 < weight <= spread:
        return ()
    return (
        Problem(
            Reason.WEIGHT_NOT_LARGER_THAN_SPREAD,
            "spec.vrrp.check.weight",
            f"{weight} is not larger than the spread of the priorities ({spread}): a node whose HAProxy is dead can keep the "
            f"virtual IP while another is healthy; use 0 (unfit means FAULT), or at least {spread + 1}",
        ),
    )


def _spread(cluster: HACluster, priorities: Mapping[str, int] | None) -> int:
    if priorities:
        return max(priorities.values()) - min(priorities.values())
    explicit = [node.priority for node in cluster.spec.nodes if node.priority is not None]
    return max(explicit) - min(explicit) if len(explicit) > 1 else _DEFAULT_STEP


def _duplicate_priorities(cluster: HACluster) -> tuple[Problem, ...]:
    nodes_by_priority = defaultdict(list)
    for index, node in enumerate(cluster.spec.nodes):
        if node.priority is not None:
            nodes_by_priority[node.priority].append((index, node.name))
    return tuple(
        Problem(
            Reason.DUPLICATE_PRIORITY,
            f"spec.nodes[{nodes[-1][0]}].priority",
            f"{' and '.join(name for _, name in nodes)} all have priority {priority}: they become master at the same moment, and "
            "the higher address wins; give each its own, ten apart",
        )
        for priority, nodes in sorted(nodes_by_priority.items())
        if len(nodes) > 1
    )


def _process_check(cluster: HACluster) -> tuple[Problem, ...]:
    if cluster.spec.vrrp.check.type is not CheckType.PROCESS:
        return ()
    return (
        Problem(
            Reason.PROCESS_CHECK,
            "spec.vrrp.check.type",
            "a process named haproxy also exists while HAProxy hangs or is stopping: its node keeps the virtual IP and answers "
            "nobody; HTTP asks HAProxy itself",
        ),
    )


def _open_admin_page(cluster: HACluster) -> tuple[Problem, ...]:
    stats = cluster.spec.haproxy.stats
    if not stats.allow_unauthenticated_admin:
        return ()
    return (
        Problem(
            Reason.UNAUTHENTICATED_ADMIN,
            "spec.haproxy.stats.admin",
            f"whoever reaches port {stats.port} can take servers out of service, without a password; leave it false",
        ),
    )


def unwatched_namespaces(cluster: HACluster, watched: str) -> tuple[Problem, ...]:
    """Services of other namespaces cannot be served by an operator that watches one alone. `watched`: that one; empty: all are watched."""
    found = cluster.spec.haproxy.service_class
    if not watched or found is None or found.namespaces is ServiceNamespaces.SAME:
        return ()
    return (
        Problem(
            Reason.NAMESPACES_NOT_WATCHED,
            "spec.haproxy.serviceClass.namespaces",
            f"{found.namespaces.value} serves the Services of {watched} only, as the operator watches no other namespace; let it watch all "
            "(the chart's watchNamespace), or use Same",
        ),
    )


def _node_ports(cluster: HACluster) -> tuple[Problem, ...]:
    """kube-proxy redirects a node port before HAProxy sees it, and no bind fails. Whether it does now is checked on the node."""
    haproxy = cluster.spec.haproxy
    ports = {
        **{listener_field(index, each, ".port"): each.port for index, each in enumerate(haproxy.listeners)},
        "spec.haproxy.stats.port": haproxy.stats.port,
        **{f"spec.haproxy.{field}": port for field, port in redirect_ports(haproxy).items()},
    }
    return tuple(
        Problem(
            Reason.NODE_PORT_RANGE,
            field,
            f"{port} is in Kubernetes' range of node ports ({_NODE_PORTS.start}-{_NODE_PORTS.stop - 1}): a Service may be given it at "
            "any time, and gets the requests then; choose a port outside",
        )
        for field, port in ports.items()
        if port in _NODE_PORTS
    )
