"""What may be believed of a status: nothing that a silent node said of itself. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

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
from hacluster.plan.status.inputs import is_silent

_GOOD_WHEN_TRUE = ("Accepted", "Ready")


@dataclass(frozen=True)
class View:
    """A status as somebody should read it who comes by."""

    status: HAClusterStatus
    """Silent nodes are Unknown in it and hold nothing."""
    silent: frozenset[str]
    attention: tuple[Condition, ...]
    """The conditions that are not as they should be."""


def stale(status: HAClusterStatus, renewed: Mapping[str, datetime | None], now: datetime) -> frozenset[str]:
    """Nodes whose Lease was `renewed` too long ago (None: never), by clocks of which any may be wrong: ask once more."""
    return frozenset(entry.name for entry in status.nodes if is_silent(renewed.get(entry.name), now))


def view(status: HAClusterStatus, silent: Collection[str] = ()) -> View:
    """The status with what is not known to be true any more taken out; `silent` are nodes besides those that it names."""
    unheard = frozenset(status.silent_nodes) | frozenset(silent)
    virtual_ips = tuple(_virtual_ip(vip, unheard) for vip in status.virtual_ips)
    believed = status.model_copy(
        update={
            "vip_holder": virtual_ips[0].holder if virtual_ips else status.vip_holder,
            "virtual_ips": virtual_ips,
            "nodes": tuple(_node(node) if node.name in unheard else node for node in status.nodes),
            "silent_nodes": tuple(sorted(unheard)),
        }
    )
    return View(believed, unheard, tuple(each for each in status.conditions if needs_attention(each)))


def _virtual_ip(vip: VirtualIPStatus, silent: Collection[str]) -> VirtualIPStatus:
    holders = tuple(name for name in vip.holders if name not in silent)
    return vip.model_copy(update={"holders": holders, "holder": holders[0] if len(holders) == 1 else ""})


def _node(node: NodeStatus) -> NodeStatus:
    apache = None if node.apache is None else Health.UNKNOWN
    routers = tuple(_router(router) for router in node.routers)
    return node.model_copy(update={"routers": routers, "haproxy": Health.UNKNOWN, "apache": apache})


def _router(router: RouterStatus) -> RouterStatus:
    return router.model_copy(update={"state": VrrpState.UNKNOWN, "priority": 0, "virtual_ips": (), "takeover_milliseconds": None})


def needs_attention(condition: Condition) -> bool:
    """Whether the condition is not as it should be."""
    good = ConditionStatus.TRUE if condition.type in _GOOD_WHEN_TRUE else ConditionStatus.FALSE
    return condition.status is not good
