"""Wall time, passed in wherever it is written down."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Now, aware."""


def system_clock() -> datetime:
    """The machine's."""
    return datetime.now(UTC)
