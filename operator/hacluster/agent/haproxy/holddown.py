"""How long a HAProxy that keeps dying has to answer before its node may have virtual IPs again. Pure.

Without it, a node with the highest priority and a HAProxy that crashes a second after each start takes the virtual IP back after
every restart, and loses it again.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

WINDOW: Final = 60.0
"""Seconds for which a failure counts."""
LONGEST: Final = 30.0
_FIRST: Final = 2.0


@dataclass
class HoldDown:
    """Times are seconds of a monotonic clock. The first failure in a minute costs nothing; from the second on the wait doubles."""

    _failures: deque[float] = field(default_factory=lambda: deque(maxlen=16))
    _up: float | None = None

    def hear(self, up: bool, now: float) -> None:
        """HAProxy answers, or does not."""
        if up and self._up is None:
            self._up = now
        elif not up and self._up is not None:
            self._up = None
            self._failures.append(now)

    def remaining(self, now: float) -> float:
        """Seconds for which it still has to answer without a break; 0: it is fit."""
        if self._up is None:
            return 0.0
        count = sum(now - each < WINDOW for each in self._failures)
        wait = 0.0 if count < 2 else min(LONGEST, _FIRST * 2.0 ** (count - 2))
        return max(0.0, self._up + wait - now)

    @property
    def failures(self) -> int:
        """How many there were lately."""
        return len(self._failures)
