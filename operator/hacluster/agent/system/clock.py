"""Wall time, passed in wherever it is written down."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Now, aware."""


def system_clock() -> datetime:
    """The machine's."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """UTC with microseconds, as Kubernetes' MicroTime: `2026-01-02T03:04:05.000006Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
