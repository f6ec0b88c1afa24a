"""The events that can be played on a lab, and the result of one trial.

`FaultInjector.run_event` plays an `Event` and yields `Trial` objects. `summary.py`, `plot.py` and the benchmark pages name the events
by `TITLES`. The values of `Event` are the names on the command line (`--event`) and in the JSON document.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hacluster.rehearse.measure import Measurement


class Event(StrEnum):
    """What happens, to the node that has the virtual IP unless the name says otherwise."""

    HAPROXY_CRASH = "haproxy-crash"
    HAPROXY_HANG = "haproxy-hang"
    KEEPALIVED_KILL = "keepalived-kill"
    NODE_LOSS = "node-loss"
    NIC_DOWN = "nic-down"
    BACKUP_LOSS = "backup-loss"
    AGENT_KILL = "agent-kill"
    SWITCHOVER = "switchover"
    DRAIN = "drain"
    POD_DELETION = "pod-deletion"
    ROLLING_UPGRADE = "rolling-upgrade"
    RELOADS = "reloads"
    FAILBACK = "failback"
    """Not played by itself: measured after each takeover from a node that stayed connected (not after NODE_LOSS and NIC_DOWN)."""


TITLES: Final = {
    Event.HAPROXY_CRASH: "HAProxy crashes on the holder (SIGKILL)",
    Event.HAPROXY_HANG: "HAProxy hangs (SIGSTOP)",
    Event.KEEPALIVED_KILL: "keepalived is killed and leaves its VIP behind (SIGKILL)",
    Event.NODE_LOSS: "node lost (silent on all wires)",
    Event.NIC_DOWN: "network card down",
    Event.BACKUP_LOSS: "another node than the holder lost",
    Event.AGENT_KILL: "agent killed (SIGKILL)",
    Event.SWITCHOVER: "planned switchover",
    Event.DRAIN: "node cordoned",
    Event.POD_DELETION: "pod deleted",
    Event.ROLLING_UPGRADE: "rolling upgrade of the DaemonSet",
    Event.RELOADS: "20 changes of the resource in a row",
    Event.FAILBACK: "failback",
}
PLANNED: Final = frozenset(
    {Event.SWITCHOVER, Event.DRAIN, Event.POD_DELETION, Event.ROLLING_UPGRADE, Event.RELOADS, Event.FAILBACK}
)
"""Events that should break no connection and fail no request."""
BY_HAND: Final = (
    Event.HAPROXY_CRASH, Event.HAPROXY_HANG, Event.KEEPALIVED_KILL, Event.NODE_LOSS, Event.NIC_DOWN, Event.BACKUP_LOSS
)  # fmt: skip
"""Events that need no agent."""


@dataclass(frozen=True)
class Trial:
    """One event and its measurement. `recovered` is False when no node took over in time, or when the lab did not settle again after
    the repair; after a takeover that is followed by a failback, the latter counts for the trial of the failback alone.
    """

    event: Event
    measured: Measurement
    started: float
    """When the event happened (monotonic clock)."""
    ended: float
    """When its window ended (monotonic clock)."""
    recovered: bool = True
