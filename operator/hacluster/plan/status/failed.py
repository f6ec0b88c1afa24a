"""The status of a resource that the operator itself cannot process. Pure.

`control/status_writer.py` uses it when a reconcile has raised an unexpected error: whatever is wrong, `Ready` must not stay True then, as
nothing that happens from now on would be reported.
"""

from datetime import datetime

from hacluster.api.reasons import Reason
from hacluster.api.status import Condition, ConditionStatus, HAClusterStatus
from hacluster.plan.status.conditions import clip, find_condition
from hacluster.timestamps import format_timestamp


def failed(previous: HAClusterStatus, generation: int, message: str, now: datetime) -> HAClusterStatus:
    """`previous`, but not Ready, and Reconciling; `message` says what went wrong. What the nodes hold is left as it was last known."""
    text = clip(f"the operator cannot process this resource: {message}. What runs goes on running; see the operator's log")
    states = {"Ready": ConditionStatus.FALSE, "Reconciling": ConditionStatus.TRUE}
    made = {}
    for kind, status in states.items():
        before = find_condition(previous, kind)
        since = before.last_transition_time if before and before.status is status else format_timestamp(now)
        made[kind] = Condition(
            type=kind,
            status=status,
            reason=Reason.RECONCILE_FAILED,
            message=text,
            last_transition_time=since,
            observed_generation=generation,
        )
    kept = tuple(made.pop(each.type, each) for each in previous.conditions)
    return previous.model_copy(update={"conditions": (*kept, *made.values())})
