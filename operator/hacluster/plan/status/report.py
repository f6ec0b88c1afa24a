"""The status document: a pure function of the previous one, the inputs, and the time."""

from dataclasses import dataclass
from datetime import datetime

from hacluster.api.status import ConditionStatus, HAClusterStatus, LastFailover, VirtualIPStatus
from hacluster.plan.status import failover, flapping
from hacluster.plan.status.conditions import PROGRESS_WITHIN, Findings, find_condition
from hacluster.plan.status.events import Event, events_between
from hacluster.plan.status.holders import find_holders
from hacluster.plan.status.inputs import ReportInputs, VirtualIP
from hacluster.plan.status.nodes import judge
from hacluster.timestamps import format_timestamp, parse_timestamp
from hacluster.timing import SILENT_AFTER


@dataclass(frozen=True)
class Report:
    """What to write, what to events_between, and when to look again."""

    status: HAClusterStatus
    """All but `nodes`, which the agents own."""
    events: tuple[Event, ...]
    look_again: datetime | None
    """When something could become different by the passing of time alone."""
    between_holders: bool = False
    """A virtual IP has just lost its holder: the next one is likely to be heard of within milliseconds."""

    def document(self) -> dict[str, object]:
        """The status as the API server takes it."""
        return self.status.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"nodes"})


def report(previous: HAClusterStatus, inputs: ReportInputs) -> Report:
    """The status that follows `previous` in this inputs."""
    previous = previous.model_copy(update={"nodes": ()})
    virtual_ips, last_failover, again = _virtual_ips(previous, inputs)
    verdicts = tuple(judge(node, inputs) for node in inputs.selected)
    ready, desired = sum(verdict.fit for verdict in verdicts), len(verdicts)
    status = HAClusterStatus(
        observed_generation=inputs.generation,
        vip_holder=virtual_ips[0].holder if virtual_ips else "",
        ready_nodes=ready,
        desired_nodes=desired,
        node_summary=f"{ready}/{desired}",
        virtual_ips=virtual_ips,
        last_failover=last_failover,
        silent_nodes=tuple(node.name for node in inputs.nodes if node.entry and node.silent(inputs.now)),
        conditions=Findings(inputs, virtual_ips, verdicts, previous).all(),
    )
    restless = [end for vip in virtual_ips if (end := flapping.ends(vip))]
    times = [*again, *restless, *_silences(inputs), *_overdue(status)]
    look_again = min((time for time in times if time > inputs.now), default=None)
    return Report(status, events_between(previous, status), look_again, between_holders=_loses_holder(previous, virtual_ips))


def _virtual_ips(
    previous: HAClusterStatus, inputs: ReportInputs
) -> tuple[tuple[VirtualIPStatus, ...], LastFailover | None, list[datetime]]:
    last = failover.refine(previous.last_failover, inputs) if previous.last_failover else None
    known = {vip.address: vip for vip in previous.virtual_ips}
    told, reports, again, moved = last, [], [], set[str]()
    for vip in inputs.virtual_ips:
        before = known.get(vip.address) or VirtualIPStatus(
            address=vip.address, router=vip.router, virtual_router_id=vip.virtual_router_id
        )
        verdict = find_holders(vip.address, inputs.nodes, before.holders, inputs.now)
        again += [verdict.look_again] if verdict.look_again else []
        holder = verdict.nodes[0] if len(verdict.nodes) == 1 else ""
        same = failover.goes_on(told, vip.router, before.last_holder, holder, inputs.now)
        now = _follow(before, vip, verdict.nodes, inputs, same_move=same)
        if before.last_holder not in {"", now.last_holder} and vip.router not in moved:
            moved.add(vip.router)
            last = (
                failover.extend(told, holder, inputs)
                if told and same
                else failover.describe(vip.router, before.last_holder, holder, inputs)
            )
        reports.append(now)
    return tuple(reports), last, again


def _follow(
    before: VirtualIPStatus, vip: VirtualIP, holders: tuple[str, ...], inputs: ReportInputs, *, same_move: bool
) -> VirtualIPStatus:
    """The virtual IP's next status. A move from one node to another counts as one transition, however long it took.

    `same_move`: a hop to another holder is the end of a move that was counted already.
    """
    holder = holders[0] if len(holders) == 1 else ""
    since = before.since
    if holder != before.holder:
        since = format_timestamp(failover.holding_since(vip.router, holder, inputs) if holder else inputs.now)
    moved = bool(holder and before.last_holder and holder != before.last_holder and not same_move)
    recent = flapping.remember(before.recent_transitions, inputs.now) if moved else before.recent_transitions
    return VirtualIPStatus(
        address=vip.address,
        router=vip.router,
        virtual_router_id=vip.virtual_router_id,
        holder=holder,
        holders=holders,
        last_holder=holder or before.last_holder,
        since=since,
        transitions=before.transitions + moved,
        recent_transitions=recent,
        flapping_since=flapping.flapping_since(recent, before.flapping_since, inputs.now),
    )


def _loses_holder(previous: HAClusterStatus, virtual_ips: tuple[VirtualIPStatus, ...]) -> bool:
    held = {vip.address for vip in previous.virtual_ips if vip.holders}
    return any(vip.address in held and not vip.holders for vip in virtual_ips)


def _silences(inputs: ReportInputs) -> list[datetime]:
    return [node.heard + SILENT_AFTER for node in inputs.nodes if node.heard and not node.silent(inputs.now)]


def _overdue(status: HAClusterStatus) -> list[datetime]:
    reconciling = find_condition(status, "Reconciling")
    if reconciling is None or reconciling.status is not ConditionStatus.TRUE:
        return []
    since = parse_timestamp(reconciling.last_transition_time)
    return [since + PROGRESS_WITHIN] if since else []
