"""What a resource asks for although it is dangerous: it gets it, and is told."""

from collections import defaultdict
from collections.abc import Mapping

from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.api.spec import CheckType
from hacluster.errors import Problem

_DEFAULT_STEP = 10
"""The least that two default priorities differ by, in a cluster of up to 25 nodes."""


def warnings_of(cluster: HACluster, priorities: Mapping[str, int] | None = None) -> tuple[Problem, ...]:
    """The dangers. `priorities` are the ones of the nodes that there are; without them, those that the resource names."""
    return (*_weight(cluster, priorities), *_twins(cluster), *_process(cluster), *_admin(cluster))


def _weight(cluster: HACluster, priorities: Mapping[str, int] | None) -> tuple[Problem, ...]:
    """A weight has to lift every healthy node above every unhealthy one."""
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


def _twins(cluster: HACluster) -> tuple[Problem, ...]:
    holders = defaultdict(list)
    for index, node in enumerate(cluster.spec.nodes):
        if node.priority is not None:
            holders[node.priority].append((index, node.name))
    return tuple(
        Problem(
            Reason.DUPLICATE_PRIORITY,
            f"spec.nodes[{nodes[-1][0]}].priority",
            f"{' and '.join(name for _, name in nodes)} all have priority {priority}: they become master at the same moment, and "
            "the higher address wins; give each its own, ten apart",
        )
        for priority, nodes in sorted(holders.items())
        if len(nodes) > 1
    )


def _process(cluster: HACluster) -> tuple[Problem, ...]:
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


def _admin(cluster: HACluster) -> tuple[Problem, ...]:
    stats = cluster.spec.haproxy.stats
    if not stats.admin:
        return ()
    return (
        Problem(
            Reason.UNAUTHENTICATED_ADMIN,
            "spec.haproxy.stats.admin",
            f"whoever reaches port {stats.port} can take servers out of service, without a password; leave it false",
        ),
    )
