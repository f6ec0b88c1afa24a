"""The Kubernetes Events for the difference between two statuses.

`report.py` calls `events_between` with the previous and the next status; `control/events.py` posts the result. Events are derived
from statuses alone, so a restarted operator posts none twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from hacluster.api.reasons import Reason
from hacluster.api.status import Condition, ConditionStatus, HAClusterStatus, LastFailover, VirtualIPStatus
from hacluster.plan.status import flapping
from hacluster.plan.status.conditions import find_condition


@dataclass(frozen=True)
class Event:
    """One Event that is to be posted."""

    reason: str
    message: str
    warning: bool = False


def events_between(before: HAClusterStatus, after: HAClusterStatus, refined: LastFailover | None = None) -> tuple[Event, ...]:
    """The Events for the changes from `before` to `after`.

    `refined`: the last failover of `before` with what the nodes have reported of it since, whether or not `after` has another one.
    """
    return (*_late_reasons(before, refined), *_holder_events(before, after), *_condition_events(before, after))


def _late_reasons(before: HAClusterStatus, refined: LastFailover | None) -> Iterator[Event]:
    """The reason of a move, where the old holder's report of it came after the new holder's: the first Event could not name it.

    It has a reason of its own, so that the number of HolderChanged Events is the number of moves.
    """
    last = before.last_failover
    if last and refined and last.reason == Reason.UNKNOWN != refined.reason:
        for vip in before.virtual_ips:
            if vip.router == last.router and not vip.flapping_since:
                yield Event(Reason.MOVE_EXPLAINED, _moved(vip, refined))


def _moved(vip: VirtualIPStatus, last: LastFailover) -> str:
    reason = "" if last.reason == Reason.UNKNOWN else f" ({last.reason})"
    return f"{vip.address} moved from {last.from_} to {last.to}{reason}"


def _holder_events(before: HAClusterStatus, after: HAClusterStatus) -> Iterator[Event]:
    earlier = {vip.address: vip for vip in before.virtual_ips}
    for vip in after.virtual_ips:
        previous = earlier.get(vip.address)
        if vip.flapping_since or (previous and previous.flapping_since):
            yield from _flapping_events(previous, vip)
            continue
        old, new = previous.last_holder if previous else "", vip.last_holder
        if not new or new == old:
            continue
        if not old:
            yield Event(Reason.HOLDER_CHANGED, f"{vip.address} is on {new}")
            continue
        last = after.last_failover
        if last and (last.router, last.to) == (vip.router, new):  # it may have been on other nodes in between
            yield Event(Reason.HOLDER_CHANGED, _moved(vip, last))
        else:
            yield Event(Reason.HOLDER_CHANGED, f"{vip.address} moved from {old} to {new}")


def _flapping_events(previous: VirtualIPStatus | None, vip: VirtualIPStatus) -> Iterator[Event]:
    """One Event when a virtual IP begins to flap and one when it has settled. The moves in between get none."""
    if previous is None or not previous.flapping_since:
        yield Event(Reason.FLAPPING, f"{flapping.describe(vip)}, last to {vip.last_holder}: no event for each move", warning=True)
    elif not vip.flapping_since:
        duration = f"for {flapping.WINDOW // timedelta(seconds=1)} s"
        yield Event(
            Reason.SETTLED,
            f"{vip.address} has not moved {duration}, it {f'is on {vip.holder}' if vip.holder else 'has no holder'}",
        )


def _condition_events(before: HAClusterStatus, after: HAClusterStatus) -> Iterator[Event]:
    accepted = find_condition(after, "Accepted")
    if accepted and _changed(find_condition(before, "Accepted"), accepted, by_message=True):
        refused = accepted.status is ConditionStatus.FALSE
        yield Event(Reason.REFUSED if refused else Reason.ACCEPTED, accepted.message, warning=refused)

    stalled = find_condition(after, "Stalled")
    refused_already = accepted is not None and not _is_true(accepted)
    if (
        stalled
        and _is_true(stalled)
        and not refused_already
        and _changed(find_condition(before, "Stalled"), stalled, by_reason=True)
    ):
        yield Event(Reason.STALLED, f"{stalled.reason}: {stalled.message}", warning=True)

    for kind, good in ((Reason.SPLIT_BRAIN, Reason.SPLIT_BRAIN_HEALED), (Reason.DEGRADED, Reason.RECOVERED)):
        old, new = find_condition(before, kind), find_condition(after, kind)
        if new and _is_reportable(new) and not (old and _is_reportable(old)):
            yield Event(kind, f"{new.reason}: {new.message}", warning=True)
        elif old and new and _is_reportable(old) and not _is_true(new):
            yield Event(good, f"no longer {old.reason}")

    if _lacks_holder(after) and not _lacks_holder(before):
        ready = find_condition(after, "Ready")
        yield Event(Reason.NO_HOLDER, ready.message if ready else "", warning=True)

    old, new = find_condition(before, "Reconciling"), find_condition(after, "Reconciling")
    if old and new and _is_true(old) and new.reason == Reason.UP_TO_DATE:
        nodes = f"{after.desired_nodes} node{'' if after.desired_nodes == 1 else 's'}"
        yield Event(Reason.CONFIGURATION_APPLIED, f"generation {after.observed_generation} is live on {nodes}")


def _changed(old: Condition | None, new: Condition, *, by_reason: bool = False, by_message: bool = False) -> bool:
    if old is None or old.status is not new.status:
        return True
    return (by_reason and old.reason != new.reason) or (by_message and old.message != new.message)


def _is_reportable(condition: Condition) -> bool:
    """Whether the condition gets an Event here. Flapping gets its own (`_flapping_events`)."""
    return _is_true(condition) and condition.reason != Reason.FLAPPING


def _lacks_holder(status: HAClusterStatus) -> bool:
    """Whether a virtual IP has no holder. While it flaps, the gap at each move does not count."""
    ready = find_condition(status, "Ready")
    return bool(ready and ready.reason == Reason.NO_HOLDER and not any(vip.flapping_since for vip in status.virtual_ips))


def _is_true(condition: Condition) -> bool:
    return condition.status is ConditionStatus.TRUE
