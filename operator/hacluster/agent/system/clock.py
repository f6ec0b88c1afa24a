"""The wall clock, for timestamps in the status and in Leases. It is passed as a function, so that tests can set the time.

Durations are measured with the event loop's monotonic clock instead.
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current time, with its time zone."""


def system_clock() -> datetime:
    """The time of this machine, in UTC."""
    return datetime.now(UTC)
