"""`lastFailover` in the status: why a virtual IP moved, when, and how long it took.

`report.py` first calls `refine` to complete the recorded failover, then `last_failover` with the moves it has found. The old
holder's report gives the reason, the new holder's report gives time and duration. The two arrive in any order, so a failover is
completed for `REFINE_WITHIN` after the move. Ages of stored times are absolute values: after the clock was set back, an old failover
must not look like one that has just begun.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from hacluster.api.reasons import Reason
from hacluster.api.status import Health, LastFailover, NodeStatus, RouterStatus, VrrpState
from hacluster.plan.status.doubts import is_suspected
from hacluster.plan.status.inputs import ObservedNode, ReportInputs
from hacluster.timestamps import format_timestamp, parse_timestamp

REFINE_WITHIN = timedelta(seconds=30)
"""The old holder's report may arrive after the new holder's, and a dead holder is known to be lost only some seconds later."""
SAME_TAKEOVER = timedelta(seconds=2)
"""The address and keepalived's state may arrive in two reports, the second with a later `since`."""
SAME_MOVE = timedelta(seconds=1)
"""Where several nodes outrank the one that yields, the address may be on one after the other before it stays."""


@dataclass(frozen=True)
class Move:
    """A virtual router's address was on node `old` and is now on node `new`."""

    router: str
    old: str
    new: str


def last_failover(reported: LastFailover | None, moves: Iterable[Move], inputs: ReportInputs) -> LastFailover | None:
    """The failover to report after these moves; without a move it is `reported`. All addresses of a router move together: one counts."""
    last = reported
    routers = set[str]()
    for move in moves:
        if move.router not in routers:
            routers.add(move.router)
            last = (
                _extend(reported, move, inputs) if reported and continues(reported, move, inputs.now) else _describe(move, inputs)
            )
    return last


def continues(reported: LastFailover | None, move: Move, now: datetime) -> bool:
    """Whether the move belongs to the failover `reported`: it goes on from its new holder, within `SAME_MOVE`, and not back."""
    at = parse_timestamp(reported.at) if reported else None
    if reported is None or at is None or (reported.router, reported.to) != (move.router, move.old):
        return False
    return move.new != reported.from_ and abs(now - at) < SAME_MOVE


def _describe(move: Move, inputs: ReportInputs) -> LastFailover:
    """The failover of a move that was found in this report."""
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
    """The same failover with another new holder: reason and time stay, the durations add up."""
    at, began = holding_since(reported.router, move.new, inputs), parse_timestamp(reported.at)
    took = reported.duration_milliseconds
    if took is not None and began is not None:
        took += max(0, round((at - began) / timedelta(milliseconds=1)))
    return reported.model_copy(update={"to": move.new, "duration_milliseconds": took})


def refine(last: LastFailover, inputs: ReportInputs) -> LastFailover:
    """`last` with its reason and duration filled in, where they were unknown and the nodes have reported them since."""
    at = parse_timestamp(last.at)
    if at is None or abs(inputs.now - at) > REFINE_WITHIN:
        return last
    found: dict[str, object] = {}
    if last.reason == Reason.UNKNOWN:
        found["reason"] = _reason(last.router, last.from_, last.to, inputs)
    if last.duration_milliseconds is None:
        found["duration_milliseconds"] = _duration(last.router, last.to, at, inputs)
    return last.model_copy(update=found)


def holding_since(router: str, node: str, inputs: ReportInputs) -> datetime:
    """When `node` got the address: by its own clock if that is within the last minute, else now."""
    status = _router_status(router, _find(node, inputs.nodes))
    since = parse_timestamp(status.since) if status else None
    if since is None or not inputs.now - timedelta(minutes=1) <= since <= inputs.now:
        return inputs.now
    return since


def _duration(router: str, new: str, at: datetime, inputs: ReportInputs) -> int | None:
    """The new holder's measurement in milliseconds; None where it has none of the takeover at `at`."""
    status = _router_status(router, _find(new, inputs.nodes))
    if status is None or not status.virtual_ips:
        return None
    same = abs(holding_since(router, new, inputs) - at) <= SAME_TAKEOVER
    return status.takeover_milliseconds if same else None


def _reason(router: str, old: str, new: str, inputs: ReportInputs) -> str:
    node = _find(old, inputs.nodes)
    if node is None or not node.selected:
        return Reason.NODE_REMOVED
    status = _router_status(router, node)
    if node.silent or (status is not None and status.virtual_ips and is_suspected(node, inputs.nodes)):
        return Reason.NODE_SILENT
    if node.entry is None:
        return Reason.UNKNOWN
    if node.entry.leaving:
        return Reason.POD_LEAVING
    if node.entry.haproxy is Health.DOWN:
        return Reason.HAPROXY_DOWN
    return _planned_reason(router, node, new, inputs) or _reported_reason(router, node.entry, new, inputs)


def _planned_reason(router: str, old: ObservedNode, new: str, inputs: ReportInputs) -> str:
    """The reason of a planned move away from a healthy holder; empty: it was not planned."""
    status = _router_status(router, old)
    # With preemption Delayed or Never a node yields by going to FAULT. FAULT on a node that is not told to yield is a real fault.
    yielded = status is not None and (
        status.state is VrrpState.BACKUP or (status.state is VrrpState.FAULT and router in old.yields)
    )
    if yielded and old.cordoned:
        return Reason.DRAINED
    return Reason.SWITCHOVER if yielded and inputs.preferred.get(router) == new else ""


def _reported_reason(router: str, entry: NodeStatus, new: str, inputs: ReportInputs) -> str:
    """The reason that follows from the old holder's own state."""
    status = next((each for each in entry.routers if each.name == router), None)
    state = status.state if status else VrrpState.STOPPED
    states = {VrrpState.STOPPED: Reason.KEEPALIVED_DOWN, VrrpState.FAULT: Reason.ROUTER_FAULT}
    outranked = inputs.priorities.get(new, 0) > inputs.priorities.get(entry.name, 0)
    return states.get(state, Reason.PREEMPTED if outranked and state is VrrpState.BACKUP else Reason.UNKNOWN)


def _find(name: str, nodes: Iterable[ObservedNode]) -> ObservedNode | None:
    return next((node for node in nodes if node.name == name), None)


def _router_status(name: str, node: ObservedNode | None) -> RouterStatus | None:
    routers = node.entry.routers if node and node.entry else ()
    return next((router for router in routers if router.name == name), None)
