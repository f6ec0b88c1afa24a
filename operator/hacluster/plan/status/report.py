"""The next status: a pure function of the previous status and the inputs, which include the time.

`control/status_writer.py` calls `report`, writes `Report.document` where it differs from the stored status, and posts the events. At
`recheck_at` the work queue reconciles the resource again.
"""

from dataclasses import dataclass
from datetime import datetime

from hacluster.api.status import ConditionStatus, HAClusterStatus, LastFailover, VirtualIPStatus
from hacluster.plan.status import failover, flapping
from hacluster.plan.status.conditions import PROGRESS_WITHIN, ConditionBuilder, find_condition
from hacluster.plan.status.events import Event, events_between
from hacluster.plan.status.holders import Holders, find_holders
from hacluster.plan.status.inputs import ReportInputs, VirtualIP
from hacluster.plan.status.nodes import judge
from hacluster.timestamps import format_timestamp, parse_timestamp
from hacluster.timing import SILENT_AFTER


@dataclass(frozen=True)
class Report:
    """The status to write, the Events to post, and when to report again."""

    status: HAClusterStatus
    """Without `nodes`, whose entries the agents write."""
    events: tuple[Event, ...]
    recheck_at: datetime | None
    """When the status could change by time alone; None: it cannot."""
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
    ready, desired = sum(verdict.fit for verdict in verdicts), len(verdicts)
    status = HAClusterStatus(
        observed_generation=inputs.generation,
        vip_holder=virtual_ips[0].holder if virtual_ips else "",
        ready_nodes=ready,
        desired_nodes=desired,
        node_summary=f"{ready}/{desired}",
        virtual_ips=virtual_ips,
        last_failover=failover.last_failover(reported, [each.move for each in holdings if each.move], inputs),
        silent_nodes=tuple(node.name for node in inputs.nodes if node.entry and node.silent(inputs.now)),
        conditions=ConditionBuilder(inputs, virtual_ips, verdicts, previous).build(),
    )
    contested = [each.found.recheck_at for each in holdings if each.found.recheck_at]
    flapping_ends = [end for vip in virtual_ips if (end := flapping.end_time(vip))]
    times = [*contested, *flapping_ends, *_silence_deadlines(inputs), *_progress_deadline(status)]
    recheck_at = min((time for time in times if time > inputs.now), default=None)
    events = events_between(previous, status)
    return Report(status, events, recheck_at, between_holders=_loses_holder(previous, virtual_ips))


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
        found.append(_Holding(vip, before, find_holders(vip.address, inputs.nodes, before.holders, inputs.now)))
    return tuple(found)


def _next_status(holding: _Holding, reported: LastFailover | None, inputs: ReportInputs) -> VirtualIPStatus:
    """The next status of one virtual IP. A move that belongs to the failover `reported` is not counted again."""
    vip, before, holder, move = holding.vip, holding.before, holding.holder, holding.move
    since = before.since
    if holder != before.holder:
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


def _loses_holder(previous: HAClusterStatus, virtual_ips: tuple[VirtualIPStatus, ...]) -> bool:
    held = {vip.address for vip in previous.virtual_ips if vip.holders}
    return any(vip.address in held and not vip.holders for vip in virtual_ips)


def _silence_deadlines(inputs: ReportInputs) -> list[datetime]:
    return [node.last_seen + SILENT_AFTER for node in inputs.nodes if node.last_seen and not node.silent(inputs.now)]


def _progress_deadline(status: HAClusterStatus) -> list[datetime]:
    reconciling = find_condition(status, "Reconciling")
    if reconciling is None or reconciling.status is not ConditionStatus.TRUE:
        return []
    since = parse_timestamp(reconciling.last_transition_time)
    return [since + PROGRESS_WITHIN] if since else []
