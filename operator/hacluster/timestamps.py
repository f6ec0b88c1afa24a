"""RFC 3339 timestamps, as Kubernetes' MicroTime writes them. Pure: no clock is read here."""

from datetime import UTC, datetime


def format_timestamp(time: datetime) -> str:
    """`time` (aware) in UTC with microseconds, such as `2026-01-02T03:04:05.000006Z`."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_timestamp(text: str) -> datetime | None:
    """The time that `text` names; None where it names none, or does not say in which time zone."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else None
