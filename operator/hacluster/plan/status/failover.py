"""Why a virtual IP moved: read from what both nodes reported when it did."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from hacluster.api.status import Health, LastFailover, NodeStatus, RouterStatus, VrrpState
from hacluster.plan.status.situation import NodeSeen, Situation, moment, timestamp

UNKNOWN = "Unknown"
REFINE_WITHIN = timedelta(seconds=30)
"""The old holder's own report may come after the new holder's, and its silence shows only after a while."""


def describe(router: str, old: str, new: str, situation: Situation) -> LastFailover:
    """The move of `router` from node `old` to node `new` that was just noticed."""
    return LastFailover(
        router=router,
        from_=old,
        to=new,
        reason=_reason(router, old, new, situation),
        at=timestamp(holding_since(router, new, situation)),
    )


def refine(last: LastFailover, situation: Situation) -> LastFailover:
    """`last` with its reason, where that was unknown and the old holder has shown it since."""
    at = moment(last.at)
    if last.reason != UNKNOWN or at is None or situation.now - at > REFINE_WITHIN:
        return last
    reason = _reason(last.router, last.from_, last.to, situation)
    return last.model_copy(update={"reason": reason})


def holding_since(router: str, node: str, situation: Situation) -> datetime:
    """When `node` got the address, by its own clock where that is plausible, else now."""
    status = _router(router, _find(node, situation.nodes))
    since = moment(status.since) if status else None
    if since is None or not situation.now - timedelta(minutes=1) <= since <= situation.now:
        return situation.now
    return since


def _reason(router: str, old: str, new: str, situation: Situation) -> str:
    node = _find(old, situation.nodes)
    if node is None or not node.selected:
        return "NodeRemoved"
    if node.silent(situation.now):
        return "NodeSilent"
    return _reported_reason(
        node.entry, _router(router, node), situation.priorities.get(new, 0) > situation.priorities.get(old, 0)
    )


def _reported_reason(entry: NodeStatus | None, status: RouterStatus | None, outranked: bool) -> str:
    """What the old holder itself reports; `outranked`: the new holder has the higher priority."""
    if entry is None:
        return UNKNOWN
    if entry.haproxy is Health.DOWN:
        return "HAProxyDown"
    state = status.state if status else VrrpState.STOPPED
    states = {VrrpState.STOPPED: "KeepalivedDown", VrrpState.FAULT: "RouterFault"}
    return states.get(state, "Preempted" if outranked and state is VrrpState.BACKUP else UNKNOWN)


def _find(name: str, nodes: Iterable[NodeSeen]) -> NodeSeen | None:
    return next((node for node in nodes if node.name == name), None)


def _router(name: str, node: NodeSeen | None) -> RouterStatus | None:
    routers = node.entry.routers if node and node.entry else ()
    return next((router for router in routers if router.name == name), None)
