"""Why a virtual IP moved, and how long that took: read from what both nodes reported when it did."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from hacluster.api.reasons import Reason
from hacluster.api.status import Health, LastFailover, NodeStatus, RouterStatus, VrrpState
from hacluster.plan.status.inputs import ObservedNode, ReportInputs
from hacluster.timestamps import format_timestamp, parse_timestamp

REFINE_WITHIN = timedelta(seconds=30)
"""The old holder's own report may come after the new holder's, and its silence shows only after a while."""
SAME_TAKEOVER = timedelta(seconds=2)
"""An address and keepalived's word for it may come in two reports, the second with a later `since`."""

SAME_MOVE = timedelta(seconds=1)
"""Where several nodes outrank the one that lets go, an address may hop between them before it stays."""


@dataclass(frozen=True)
class Move:
    """A virtual router's address was on node `old`, and is on node `new` now."""

    router: str
    old: str
    new: str


def last_failover(reported: LastFailover | None, moves: Iterable[Move], inputs: ReportInputs) -> LastFailover | None:
    """The failover to report after these moves; `reported` where there was none. The addresses of one router move together."""
    last = reported
    routers = set[str]()
    for move in moves:
        if move.router not in routers:
            routers.add(move.router)
            last = (
                _extend(reported, move, inputs) if reported and goes_on(reported, move, inputs.now) else _describe(move, inputs)
            )
    return last


def goes_on(reported: LastFailover | None, move: Move, now: datetime) -> bool:
    """Whether the move is the end of the failover that `reported` tells of, and no failover of its own."""
    at = parse_timestamp(reported.at) if reported else None
    if reported is None or at is None or (reported.router, reported.to) != (move.router, move.old):
        return False
    return move.new != reported.from_ and now - at < SAME_MOVE


def _describe(move: Move, inputs: ReportInputs) -> LastFailover:
    """The move that was just noticed."""
    at = holding_since(move.router, move.new, inputs)
    return LastFailover(
        router=move.router,
        from_=move.old,
        to=move.new,
        reason=_reason(move.router, move.old, move.new, inputs),
        at=format_timestamp(at),
        duration_milliseconds=_duration(move.router, move.new, at, inputs),
    )


def _extend(reported: LastFailover, move: Move, inputs: ReportInputs) -> LastFailover:
    """The same failover with another end; its reason stays."""
    at, began = holding_since(reported.router, move.new, inputs), parse_timestamp(reported.at)
    took = reported.duration_milliseconds
    if took is not None and began is not None:
        took += max(0, round((at - began) / timedelta(milliseconds=1)))
    return reported.model_copy(update={"to": move.new, "duration_milliseconds": took})


def refine(last: LastFailover, inputs: ReportInputs) -> LastFailover:
    """`last` with its reason and duration, where they were unknown and the nodes have told them since."""
    at = parse_timestamp(last.at)
    if at is None or inputs.now - at > REFINE_WITHIN:
        return last
    found: dict[str, object] = {}
    if last.reason == Reason.UNKNOWN:
        found["reason"] = _reason(last.router, last.from_, last.to, inputs)
    if last.duration_milliseconds is None:
        found["duration_milliseconds"] = _duration(last.router, last.to, at, inputs)
    return last.model_copy(update=found)


def holding_since(router: str, node: str, inputs: ReportInputs) -> datetime:
    """When `node` got the address, by its own clock where that is plausible, else now."""
    status = _router(router, _find(node, inputs.nodes))
    since = parse_timestamp(status.since) if status else None
    if since is None or not inputs.now - timedelta(minutes=1) <= since <= inputs.now:
        return inputs.now
    return since


def _duration(router: str, new: str, at: datetime, inputs: ReportInputs) -> int | None:
    """What the new holder measured, if it still is that takeover which it tells of."""
    status = _router(router, _find(new, inputs.nodes))
    if status is None or not status.virtual_ips:
        return None
    same = abs(holding_since(router, new, inputs) - at) <= SAME_TAKEOVER
    return status.takeover_milliseconds if same else None


def _reason(router: str, old: str, new: str, inputs: ReportInputs) -> str:
    node = _find(old, inputs.nodes)
    if node is None or not node.selected:
        return Reason.NODE_REMOVED
    if node.silent(inputs.now):
        return Reason.NODE_SILENT
    if node.entry is None:
        return Reason.UNKNOWN
    if node.entry.leaving:
        return Reason.POD_LEAVING
    if node.entry.haproxy is Health.DOWN:
        return Reason.HAPROXY_DOWN
    return _planned(router, node, new, inputs) or _reported(router, node.entry, new, inputs)


def _planned(router: str, old: ObservedNode, new: str, inputs: ReportInputs) -> str:
    """Why a healthy holder was to let go; empty: nobody wanted it to."""
    status = _router(router, old)
    # A node that yields without preemption does so as FAULT; one that nobody asked to yield has a fault.
    let_go = status is not None and (
        status.state is VrrpState.BACKUP or (status.state is VrrpState.FAULT and router in old.yields)
    )
    if let_go and old.cordoned:
        return Reason.DRAINED
    return Reason.SWITCHOVER if let_go and inputs.preferred.get(router) == new else ""


def _reported(router: str, entry: NodeStatus, new: str, inputs: ReportInputs) -> str:
    """What the old holder itself reports."""
    status = next((each for each in entry.routers if each.name == router), None)
    state = status.state if status else VrrpState.STOPPED
    states = {VrrpState.STOPPED: Reason.KEEPALIVED_DOWN, VrrpState.FAULT: Reason.ROUTER_FAULT}
    outranked = inputs.priorities.get(new, 0) > inputs.priorities.get(entry.name, 0)
    return states.get(state, Reason.PREEMPTED if outranked and state is VrrpState.BACKUP else Reason.UNKNOWN)


def _find(name: str, nodes: Iterable[ObservedNode]) -> ObservedNode | None:
    return next((node for node in nodes if node.name == name), None)


def _router(name: str, node: ObservedNode | None) -> RouterStatus | None:
    routers = node.entry.routers if node and node.entry else ()
    return next((router for router in routers if router.name == name), None)
