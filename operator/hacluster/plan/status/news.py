"""What is worth an Event: the differences between two reports that somebody would want to be told."""

from collections.abc import Iterator
from dataclasses import dataclass

from hacluster.api.status import Condition, ConditionStatus, HAClusterStatus
from hacluster.plan.status.conditions import find_condition


@dataclass(frozen=True)
class News:
    """One Event to be."""

    reason: str
    message: str
    warning: bool = False


def tell(before: HAClusterStatus, after: HAClusterStatus) -> tuple[News, ...]:
    """The transitions from `before` to `after`, each once."""
    return (*_moves(before, after), *_turns(before, after))


def _moves(before: HAClusterStatus, after: HAClusterStatus) -> Iterator[News]:
    known = {vip.address: vip.last_holder for vip in before.virtual_ips}
    for vip in after.virtual_ips:
        old, new = known.get(vip.address, ""), vip.last_holder
        if not new or new == old:
            continue
        if not old:
            yield News("HolderChanged", f"{vip.address} is on {new}")
            continue
        last = after.last_failover
        why = f" ({last.reason})" if last and last.router == vip.router else ""
        yield News("HolderChanged", f"{vip.address} moved from {old} to {new}{why}")


def _turns(before: HAClusterStatus, after: HAClusterStatus) -> Iterator[News]:
    accepted = find_condition(after, "Accepted")
    if accepted and _turned(find_condition(before, "Accepted"), accepted, by_message=True):
        refused = accepted.status is ConditionStatus.FALSE
        yield News("Refused" if refused else "Accepted", accepted.message, warning=refused)

    stalled = find_condition(after, "Stalled")
    refused_already = accepted is not None and not _is_true(accepted)
    if (
        stalled
        and _is_true(stalled)
        and not refused_already
        and _turned(find_condition(before, "Stalled"), stalled, by_reason=True)
    ):
        yield News("Stalled", f"{stalled.reason}: {stalled.message}", warning=True)

    for kind, good in (("SplitBrain", "SplitBrainHealed"), ("Degraded", "Recovered")):
        old, new = find_condition(before, kind), find_condition(after, kind)
        if new and _is_true(new) and _turned(old, new):
            yield News(kind, f"{new.reason}: {new.message}", warning=True)
        elif old and new and _is_true(old) and not _is_true(new):
            yield News(good, f"no longer {old.reason}")

    ready, was = find_condition(after, "Ready"), find_condition(before, "Ready")
    if ready and ready.reason == "NoHolder" and (was is None or was.reason != "NoHolder"):
        yield News("NoHolder", ready.message, warning=True)

    old, new = find_condition(before, "Reconciling"), find_condition(after, "Reconciling")
    if old and new and _is_true(old) and new.reason == "UpToDate":
        nodes = f"{after.desired_nodes} node{'' if after.desired_nodes == 1 else 's'}"
        yield News("ConfigurationApplied", f"generation {after.observed_generation} is live on {nodes}")


def _turned(old: Condition | None, new: Condition, *, by_reason: bool = False, by_message: bool = False) -> bool:
    if old is None or old.status is not new.status:
        return True
    return (by_reason and old.reason != new.reason) or (by_message and old.message != new.message)


def _is_true(condition: Condition) -> bool:
    return condition.status is ConditionStatus.TRUE
