"""Flapping: whether a virtual IP moves too often, since when, and when that ends.

`report.py` calls `flapping_since` for each virtual IP; conditions and Events use the result. The times of the last moves are in the
status (`recentTransitions`), so a restart of the operator changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hacluster.api.reasons import Reason
from hacluster.api.status import VirtualIPStatus
from hacluster.errors import Problem
from hacluster.timestamps import format_timestamp, parse_timestamp

WINDOW = timedelta(seconds=60)
MOVES = 4
"""Moves within `WINDOW` that are flapping. A failover and its failback are two moves, a rolling upgrade of three nodes is three."""
MAX_RECORDED = 16
"""Moves that are kept in the status."""


def add_move(before: Sequence[str], now: datetime) -> tuple[str, ...]:
    """The times of the last moves, with one at `now` added."""
    return (*before, format_timestamp(now))[-MAX_RECORDED:]


def flapping_since(recent: Sequence[str], before: str | None, now: datetime) -> str | None:
    """Since when a virtual IP flaps that moved at the times `recent`; None: it does not. `before` is the previous result.

    Flapping begins with the fourth move within a minute and ends after a minute without a move. The end is not the rate falling below
    the limit: otherwise the condition itself could change back and forth.
    """
    last = _last(recent)
    if last is None or abs(now - last) >= WINDOW:
        return None
    return before or (format_timestamp(now) if count_moves(recent) >= MOVES else None)


def count_moves(recent: Sequence[str]) -> int:
    """Moves in the window before the last move. It does not depend on the current time, so it changes only with a move."""
    last = _last(recent)
    return 0 if last is None else sum(abs(last - time) < WINDOW for time in map(parse_timestamp, recent) if time)


def end_time(vip: VirtualIPStatus) -> datetime | None:
    """When flapping ends if the virtual IP does not move again; None: it does not flap."""
    last = _last(vip.recent_transitions)
    return last + WINDOW if vip.flapping_since and last else None


def describe(vip: VirtualIPStatus) -> str:
    """A message that says how often the virtual IP moved."""
    moves = count_moves(vip.recent_transitions)
    return f"{vip.address} moved {'at least ' if moves >= MAX_RECORDED else ''}{moves} times within {WINDOW // timedelta(seconds=1)} s"


def problem(vip: VirtualIPStatus) -> Problem:
    """The problem for the condition Degraded."""
    remedy = "look at what its holders report: `hacluster watch` shows each move and its reason"
    return Problem(Reason.FLAPPING, "", f"{describe(vip)}, last to {vip.last_holder}; {remedy}")


def _last(recent: Sequence[str]) -> datetime | None:
    return parse_timestamp(recent[-1]) if recent else None
