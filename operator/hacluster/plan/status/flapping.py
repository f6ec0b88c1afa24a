"""A virtual IP that does not come to rest: from when on it is one, and when it is none any more."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hacluster.api.reasons import Reason
from hacluster.api.status import VirtualIPStatus
from hacluster.errors import Problem
from hacluster.timestamps import format_timestamp, parse_timestamp

WINDOW = timedelta(seconds=60)
MOVES = 4
"""In `WINDOW`. A failover and its failback are two moves, a rolling upgrade of three nodes is three: a fourth is no operation."""
REMEMBERED = 16


def remember(before: Sequence[str], now: datetime) -> tuple[str, ...]:
    """The last moves, with one at `now`."""
    return (*before, format_timestamp(now))[-REMEMBERED:]


def flapping_since(recent: Sequence[str], before: str | None, now: datetime) -> str | None:
    """Since when a virtual IP that moved at the times `recent` flaps. It began at `before` (None: it did not flap so far).

    It begins with the fourth move within a minute, and ends when there was none for a minute: in between is no events.
    """
    last = _last(recent)
    if last is None or abs(now - last) >= WINDOW:
        return None
    return before or (format_timestamp(now) if count(recent) >= MOVES else None)


def count(recent: Sequence[str]) -> int:
    """Moves in the window that ended with the last one: a figure that changes only with a move."""
    last = _last(recent)
    return 0 if last is None else sum(abs(last - time) < WINDOW for time in map(parse_timestamp, recent) if time)


def ends(vip: VirtualIPStatus) -> datetime | None:
    """When a flapping virtual IP that stays where it is flaps no longer."""
    last = _last(vip.recent_transitions)
    return last + WINDOW if vip.flapping_since and last else None


def describe(vip: VirtualIPStatus) -> str:
    """How often it moved, in words."""
    moves = count(vip.recent_transitions)
    return (
        f"{vip.address} moved {'at least ' if moves >= REMEMBERED else ''}{moves} times within {WINDOW // timedelta(seconds=1)} s"
    )


def problem(vip: VirtualIPStatus) -> Problem:
    """For the condition."""
    cure = "look at what its holders report: `hacluster watch` shows each move and its reason"
    return Problem(Reason.FLAPPING, "", f"{describe(vip)}, last to {vip.last_holder}; {cure}")


def _last(recent: Sequence[str]) -> datetime | None:
    return parse_timestamp(recent[-1]) if recent else None
