"""The advertisement interval that the nodes use: the resource's, or a longer one while a node cannot keep it. Pure.

A short interval needs real-time scheduling (`timing.NEEDS_REAL_TIME`): without it, a busy node advertises too late, and another one
takes over from a living holder. All nodes must use the same interval (RFC 9568, 5.2.7), so one node decides for all. See
docs/decisions/0038-no-faster-than-the-nodes.md.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from hacluster.api import HACluster
from hacluster.plan.model import NodeView
from hacluster.timing import NEEDS_REAL_TIME

_SAFE: Final = timedelta(seconds=NEEDS_REAL_TIME)
_SAFE_FOR_SECONDS: Final = timedelta(milliseconds=100)
"""Good enough for the seconds until all nodes have said whether they have real-time scheduling. So a new resource with the default
interval need not change it where they have it."""


def milliseconds(cluster: HACluster) -> int:
    """The advertisement interval of the resource."""
    return cluster.spec.vrrp.advertisement_interval // timedelta(milliseconds=1)


def granted(cluster: HACluster, nodes: Sequence[NodeView], before: int | None) -> HACluster:
    """The resource with the interval that its nodes can keep.

    `before`: the interval in use in milliseconds, None: none is recorded. While a node has not said whether it has real-time
    scheduling, as after a start of its pod, a longer interval stays; a new resource begins with one if it asks for less than 100 ms.
    """
    requested = cluster.spec.vrrp.advertisement_interval
    if requested >= _SAFE:
        return cluster
    # Where none is recorded and a node serves already, this is a resource of version 0.1, whose nodes use what it asks for.
    is_new = before is None and not any(each.holds for each in nodes)
    longer = (is_new and requested < _SAFE_FOR_SECONDS) or (before or 0) > milliseconds(cluster)
    lacking = any(each.real_time is False or (each.real_time is None and longer) for each in nodes)
    return _with_interval(cluster, _SAFE) if lacking else cluster


def _with_interval(cluster: HACluster, interval: timedelta) -> HACluster:
    vrrp = cluster.spec.vrrp.model_copy(update={"advertisement_interval": interval})
    return cluster.model_copy(update={"spec": cluster.spec.model_copy(update={"vrrp": vrrp})})
