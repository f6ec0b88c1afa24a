"""How long a HAProxy that crashed several times must answer without a break before its node may hold virtual IPs again.

`monitor.py` passes HAProxy's health to `HoldDown.update` and asks `remaining`. Pure: times are arguments.

Without it, a node with the highest priority and a HAProxy that crashes a second after each start takes the virtual IP back
after every restart, and loses it again.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

WINDOW: Final = 60.0
"""Seconds for which a failure counts."""
LONGEST: Final = 30.0
"""Seconds: no wait is longer."""
_FIRST: Final = 2.0
"""Seconds to wait after the second failure within the window; every further failure doubles it."""


@dataclass
class HoldDown:
    """Times are seconds of a monotonic clock. The first failure in a minute costs nothing; from the second on the wait doubles."""

    _failures: deque[float] = field(default_factory=lambda: deque(maxlen=16))
    _up_since: float | None = None

    def update(self, up: bool, now: float) -> None:
        """Takes in whether HAProxy answers at `now`. A change from up to down is one failure."""
        if up and self._up_since is None:
            self._up_since = now
        elif not up and self._up_since is not None:
            self._up_since = None
            self._failures.append(now)

    def remaining(self, now: float) -> float:
        """Seconds for which HAProxy must still answer without a break. 0: no hold-down, also while HAProxy is down."""
        if self._up_since is None:
            return 0.0
        count = self.failures(now)
        wait = 0.0 if count < 2 else min(LONGEST, _FIRST * 2.0 ** (count - 2))
        return max(0.0, self._up_since + wait - now)

    def failures(self, now: float) -> int:
        """The number of failures within the `WINDOW` before `now`, at most 16."""
        return sum(now - each < WINDOW for each in self._failures)
