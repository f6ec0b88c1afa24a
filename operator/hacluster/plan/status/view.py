"""A stored status as it should be shown: without what silent nodes reported of themselves. Pure.

`hacluster status` and `hacluster watch` call `view`. A node's entry stays in `status.nodes` when the node dies, so the stored status may
show a dead node as MASTER.
"""

from collections.abc import Collection
from dataclasses import dataclass

from hacluster.api.status import (
    Condition,
    ConditionStatus,
    HAClusterStatus,
    Health,
    NodeStatus,
    RouterStatus,
    VirtualIPStatus,
    VrrpState,
)

_GOOD_WHEN_TRUE = ("Accepted", "Ready")


@dataclass(frozen=True)
class View:
    """A status that is ready to be shown."""

    status: HAClusterStatus
    """The status. Silent nodes are Unknown in it and hold no virtual IP."""
    silent: frozenset[str]
    """Names of the silent nodes."""
    attention: tuple[Condition, ...]
    """The conditions that are not as they should be."""


def view(status: HAClusterStatus, silent: Collection[str] = ()) -> View:
    """The status without claims of silent nodes. `silent` are further nodes, besides those in `silentNodes`."""
    all_silent = frozenset(status.silent_nodes) | frozenset(silent)
    virtual_ips = tuple(_without_silent(vip, all_silent) for vip in status.virtual_ips)
    shown = status.model_copy(
        update={
            "vip_holder": virtual_ips[0].holder if virtual_ips else status.vip_holder,
            "virtual_ips": virtual_ips,
            "nodes": tuple(_unknown_node(node) if node.name in all_silent else node for node in status.nodes),
            "silent_nodes": tuple(sorted(all_silent)),
        }
    )
    return View(shown, all_silent, tuple(each for each in status.conditions if needs_attention(each)))


def _without_silent(vip: VirtualIPStatus, silent: Collection[str]) -> VirtualIPStatus:
    holders = tuple(name for name in vip.holders if name not in silent)
    return vip.model_copy(update={"holders": holders, "holder": holders[0] if len(holders) == 1 else ""})


def _unknown_node(node: NodeStatus) -> NodeStatus:
    apache = None if node.apache is None else Health.UNKNOWN
    routers = tuple(_unknown_router(router) for router in node.routers)
    return node.model_copy(update={"routers": routers, "haproxy": Health.UNKNOWN, "apache": apache})


def _unknown_router(router: RouterStatus) -> RouterStatus:
    return router.model_copy(update={"state": VrrpState.UNKNOWN, "priority": 0, "virtual_ips": (), "takeover_milliseconds": None})


def needs_attention(condition: Condition) -> bool:
    """Whether the condition is not as it should be."""
    good = ConditionStatus.TRUE if condition.type in _GOOD_WHEN_TRUE else ConditionStatus.FALSE
    return condition.status is not good
