"""The next status: a pure function of the previous status and the inputs, which include the time.

`control/status_writer.py` calls `report`, writes `Report.document` where it differs from the stored status, and posts the events. After
`recheck_in` seconds the work queue reconciles the resource again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hacluster.api.status import ConditionStatus, HAClusterStatus, LastFailover, NodePriority, VirtualIPStatus
from hacluster.plan.status import apart, backends, failover, flapping, no_holder
from hacluster.plan.status.conditions import PROGRESS_WITHIN, ConditionBuilder, find_condition
from hacluster.plan.status.doubts import doubted_nodes, next_doubt
from hacluster.plan.status.events import Event, events_between
from hacluster.plan.status.holders import Holders, find_holders
from hacluster.plan.status.inputs import ReportInputs, VirtualIP
from hacluster.plan.status.nodes import judge
from hacluster.timestamps import format_timestamp, parse_timestamp


@dataclass(frozen=True)
class Report:
    """The status to write, the Events to post, and when to report again."""

    status: HAClusterStatus
    """Without `nodes`, which the writer copies from the agents' reports."""
    events: tuple[Event, ...]
    recheck_in: float | None
    """In how many seconds the status could change by time alone; None: it cannot."""
    doubted: tuple[str, ...] = ()
    """Nodes whose agents have to be asked whether they still run."""
    between_holders: bool = False
    """Whether a virtual IP has lost its holder with this report: the next holder is likely to report within milliseconds."""

    def document(self) -> dict[str, object]:
        """The status as it is sent to the API server."""
        return self.status.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"nodes"})


def report(previous: HAClusterStatus, inputs: ReportInputs) -> Report:
    """The status that follows `previous` with these inputs."""
    previous = previous.model_copy(update={"nodes": ()})
    reported = failover.refine(previous.last_failover, inputs) if previous.last_failover else None
    holdings = _find_holdings(previous, inputs)
    virtual_ips = tuple(_next_status(each, reported, inputs) for each in holdings)
    verdicts = tuple(judge(node, inputs) for node in inputs.selected)
    listeners = backends.of_holder(virtual_ips, inputs)
    ready, desired = sum(verdict.fit for verdict in verdicts), len(verdicts)
    status = HAClusterStatus(
        observed_generation=inputs.generation,
        vip_holder=virtual_ips[0].holder if virtual_ips else "",
        ready_nodes=ready,
        desired_nodes=desired,
        node_summary=f"{ready}/{desired}",
        virtual_ips=virtual_ips,
        listeners=listeners,
        server_summary=backends.summary(listeners),
        last_failover=failover.last_failover(reported, [each.move for each in holdings if each.move], inputs),
        priorities=previous.priorities
        if inputs.places is None
        else tuple(NodePriority(node=node, priority=place) for node, place in inputs.places.items()),
        advertisement_interval_milliseconds=inputs.interval_ms or previous.advertisement_interval_milliseconds,
        silent_nodes=tuple(node.name for node in inputs.nodes if node.entry and node.silent),
        conditions=ConditionBuilder(inputs, virtual_ips, verdicts, previous).build(),
    )
    waited_for = tuple(verdict.node for verdict in verdicts if verdict.progress)
    contested = [node for each in holdings for node in each.found.doubted]
    doubted = tuple(dict.fromkeys((*contested, *doubted_nodes(inputs.nodes, waited_for, inputs.monotonic))))
    return Report(
        status,
        events_between(previous, status, reported),
        _recheck_in(status, inputs, [*(each.found.recheck_in for each in holdings), *_deadlines(inputs, waited_for)]),
        doubted=doubted,
        between_holders=_loses_holder(previous, virtual_ips),
    )


@dataclass(frozen=True)
class _Holding:
    """One virtual IP: its previous status, and the nodes that hold it now."""

    vip: VirtualIP
    before: VirtualIPStatus
    found: Holders

    @property
    def holder(self) -> str:
        """The one node that holds it; empty: none or several."""
        return self.found.nodes[0] if len(self.found.nodes) == 1 else ""

    @property
    def move(self) -> failover.Move | None:
        """The move from its last holder to another node, also after a time without a holder; None: it did not move."""
        old = self.before.last_holder
        return failover.Move(self.vip.router, old, self.holder) if self.holder and old and self.holder != old else None


def _find_holdings(previous: HAClusterStatus, inputs: ReportInputs) -> tuple[_Holding, ...]:
    earlier = {vip.address: vip for vip in previous.virtual_ips}
    found = []
    for vip in inputs.virtual_ips:
        new = VirtualIPStatus(address=vip.address, router=vip.router, virtual_router_id=vip.virtual_router_id)
        before = earlier.get(vip.address, new)
        found.append(_Holding(vip, before, find_holders(vip.address, inputs.nodes, before.holders, inputs.monotonic)))
    return tuple(found)


def _next_status(holding: _Holding, reported: LastFailover | None, inputs: ReportInputs) -> VirtualIPStatus:
    """The next status of one virtual IP. A move that belongs to the failover `reported` is not counted again."""
    vip, before, holder, move = holding.vip, holding.before, holding.holder, holding.move
    since = None if _in_future(before.since, inputs) else before.since
    if holder != before.holder or since is None:
        since = format_timestamp(failover.holding_since(vip.router, holder, inputs) if holder else inputs.now)
    moved = move is not None and not failover.continues(reported, move, inputs.now)
    recent = flapping.add_move(before.recent_transitions, inputs.now) if moved else before.recent_transitions
    return VirtualIPStatus(
        address=vip.address,
        router=vip.router,
        virtual_router_id=vip.virtual_router_id,
        holder=holder,
        holders=holding.found.nodes,
        last_holder=holder or before.last_holder,
        since=since,
        transitions=before.transitions + moved,
        recent_transitions=recent,
        flapping_since=flapping.flapping_since(recent, before.flapping_since, inputs.now),
    )


def _in_future(since: str | None, inputs: ReportInputs) -> bool:
    """Whether the time was written before the clock was set back: what has to be overdue after a while would never be."""
    at = parse_timestamp(since) if since else None
    return at is not None and at > inputs.now


def _loses_holder(previous: HAClusterStatus, virtual_ips: tuple[VirtualIPStatus, ...]) -> bool:
    held = {vip.address for vip in previous.virtual_ips if vip.holders}
    return any(vip.address in held and not vip.holders for vip in virtual_ips)


def _deadlines(inputs: ReportInputs, waited_for: Sequence[str]) -> list[float | None]:
    """In how many seconds a node will be silent, or has to be asked."""
    return [*(node.silent_in for node in inputs.nodes), next_doubt(inputs.nodes, waited_for, inputs.monotonic)]


def _recheck_in(status: HAClusterStatus, inputs: ReportInputs, due: Sequence[float | None]) -> float | None:
    """The soonest of `due` and of the times in the status, in seconds from now; None: there is none."""
    ends = [time for vip in status.virtual_ips for time in (flapping.end_time(vip), no_holder.deadline(vip, inputs)) if time]
    ends += apart.deadlines(status.virtual_ips, inputs)
    seconds = [*due, *((time - inputs.now) / timedelta(seconds=1) for time in (*ends, *_progress_deadline(status)))]
    return min((each for each in seconds if each is not None and each > 0), default=None)


def _progress_deadline(status: HAClusterStatus) -> list[datetime]:
    reconciling = find_condition(status, "Reconciling")
    if reconciling is None or reconciling.status is not ConditionStatus.TRUE:
        return []
    since = parse_timestamp(reconciling.last_transition_time)
    return [since + PROGRESS_WITHIN] if since else []
