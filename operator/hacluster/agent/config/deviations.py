"""What somebody else has changed of the installed configuration, when it is repaired, and what is reported of it. Pure.

`watcher.py` passes what it found about once a second. Times are seconds of a monotonic clock.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from hacluster.agent.system.backoff import Backoff
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem

REPORTED_FOR: Final = 60.0
"""Seconds after the last repair for which it is reported."""


class Deviation(Enum):
    """The values are for the message."""

    FILES = "the installed files had been changed and were written again"
    HAPROXY = "HAProxy ran with something else than haproxy.cfg and was reloaded"
    KEEPALIVED = "keepalived ran with something else than keepalived.conf and was reloaded"

    @property
    def stays(self) -> str:
        """The message while repairs do not help."""
        if self is Deviation.FILES:
            return "the installed files are changed again and again by another program"
        name, file = ("HAProxy", "haproxy.cfg") if self is Deviation.HAPROXY else ("keepalived", "keepalived.conf")
        return f"{name} runs with something else than {file}, also after a reload: restart its container, and look at its log"


@dataclass
class _Repair:
    at: float
    present: bool = True
    """Whether it was there at the last look."""
    lasting: bool = False
    """Whether it was there at the last two looks: the repair in between has not helped."""
    backoff: Backoff = field(default_factory=lambda: Backoff(first=2.0, most=300.0))
    again_at: float = 0.0


@dataclass
class Deviations:
    """The deviations of the last `REPORTED_FOR` seconds."""

    _repairs: dict[Deviation, _Repair] = field(default_factory=dict)

    def update(self, found: Collection[Deviation], now: float) -> frozenset[Deviation]:
        """Takes in what differs at `now`; returns what is to be repaired now: at once, then ever more rarely while that does not help."""
        self._repairs = {
            each: repair for each, repair in self._repairs.items() if each in found or now - repair.at < REPORTED_FOR
        }
        for each, repair in self._repairs.items():
            repair.lasting = repair.present and each in found
            repair.present = each in found
        due = set()
        for each in found:
            repair = self._repairs.setdefault(each, _Repair(now))
            if not repair.lasting:
                repair.backoff.reset()
            if not repair.lasting or now >= repair.again_at:
                repair.at, repair.again_at = now, now + repair.backoff.next()
                due.add(each)
        return frozenset(due)

    def problems(self) -> tuple[NodeProblem, ...]:
        """The problems to report: one for what was repaired, one for each deviation that stays."""
        stays = [
            NodeProblem(reason=Reason.NOT_LOADED, message=each.stays) for each in self._repairs if self._repairs[each].lasting
        ]
        repaired = [each.value for each, repair in self._repairs.items() if not repair.lasting]
        if not repaired:
            return tuple(stays)
        message = f"somebody else has changed what the daemons run with: {', '.join(repaired)}"
        return (*stays, NodeProblem(reason=Reason.CONFIGURATION_RESTORED, message=message))
