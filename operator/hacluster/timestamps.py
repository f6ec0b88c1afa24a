"""Writes and reads RFC 3339 timestamps in the form of Kubernetes' MicroTime. Pure: no clock is read here."""

from datetime import UTC, datetime


def format_timestamp(time: datetime) -> str:
    """`time` (wall clock, with a time zone) in UTC with microseconds: `2026-01-02T03:04:05.000006Z`."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_timestamp(text: str) -> datetime | None:
    """The time in `text`, with its time zone; None if `text` is no timestamp or has no time zone."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else None
