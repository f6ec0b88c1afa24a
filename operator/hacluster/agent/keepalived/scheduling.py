"""Reports whether keepalived gets the real-time scheduling that short advertisement intervals need.

`watch_scheduling` is started by agent/run.py. keepalived's container asks for it after each start (plan/objects); a node whose kernel or
kubelet grants no real-time run time refuses. Without it, other processes on a busy node may delay advertisements by some tens of
milliseconds, which is more than three intervals of the shortest settings: a backup then takes over from a living holder. So the plan
has a longer interval while a node lacks it (plan/interval.py); what the resource asks for is looked at here all the same.
"""

import asyncio
import os
from typing import Final, Protocol

from hacluster.agent.state import AgentState
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig
from hacluster.timing import NEEDS_REAL_TIME, interval_seconds

PART: Final = "scheduling"
"""The key of this part's problems in the state."""
_CHECK: Final = 2.0
"""Seconds between two looks: keepalived's container sets the scheduling a moment after its start."""
_REAL_TIME: Final = frozenset({os.SCHED_FIFO, os.SCHED_RR})
_PATIENCE: Final = 3
"""So many looks in a row have to find it missing: after a start or reload keepalived is without it for a moment."""


class Daemon(Protocol):
    """What this module needs of `Keepalived`."""

    def owners(self) -> tuple[int, ...]:
        """Ids of the processes that run VRRP."""


def has_real_time(pids: tuple[int, ...]) -> bool | None:
    """Whether all these processes have a real-time policy (sched(7)); None where there is none."""
    found = []
    for pid in pids:
        try:
            found.append(os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK in _REAL_TIME)
        except ProcessLookupError:
            continue
    return all(found) if found else None


def needed(config: AgentConfig | None) -> float | None:
    """The advertisement interval that the resource asks for in seconds, if real-time scheduling is needed for it; else None."""
    if config is None or not config.routers:
        return None
    shortest = config.requested_interval_ms / 1000 or min(map(interval_seconds, config.routers))
    return shortest if shortest < NEEDS_REAL_TIME else None


def no_real_time(interval: float) -> NodeProblem:
    """The problem of a node whose keepalived has ordinary scheduling. `interval`: seconds."""
    return NodeProblem(
        reason=Reason.NO_REAL_TIME,
        message=(
            f"keepalived has no real-time scheduling, which advertisements every {1000 * interval:.0f} ms need: on a busy node a backup "
            f"would take over from a living holder. Until the node grants it, all nodes advertise every {1000 * NEEDS_REAL_TIME:.0f} ms. "
            f"Set vrrp.advertisementInterval to {1000 * NEEDS_REAL_TIME:.0f}ms or more, or let the node grant it (with control groups v1 "
            "and RT_GROUP_SCHED: cpu.rt_runtime_us of the pods' groups)"
        ),
    )


async def watch_scheduling(state: AgentState, keepalived: Daemon, every: float = _CHECK) -> None:
    """Runs until cancelled: records whether keepalived has it, and sets or removes the problem."""
    missing = 0
    while True:
        interval = needed(state.now.installed)
        found = has_real_time(keepalived.owners()) if interval is not None else None
        missing = missing + 1 if found is False else 0
        if interval is not None and missing >= _PATIENCE:
            state.update(real_time=False)
            state.put_problems(PART, no_real_time(interval))
        elif found or interval is None:
            state.update(real_time=found)
            state.put_problems(PART)
        await asyncio.sleep(every)
