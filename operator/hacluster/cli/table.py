"""Text in columns, as kubectl writes it, and ages as people say them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import zip_longest

import click

_GAP = 3
_INDENT = "  "


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows with their columns aligned; colours do not count. The first row is the heading."""
    widths = [max(len(click.unstyle(cell)) for cell in column) for column in zip_longest(*rows, fillvalue="")]
    for row in rows:
        cells = (cell + " " * (width + _GAP - len(click.unstyle(cell))) for cell, width in zip(row, widths, strict=False))
        yield _INDENT + "".join(cells).rstrip()


def ago(text: str | None, now: datetime) -> str:
    """How long ago a time of RFC 3339 was, such as `3m12s ago`; what is no time is shown as it is."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return text or "-"
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = max(int((now - moment).total_seconds()), 0)
    for size, unit, smaller, part in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size}{unit}{f'{rest}{part}' if rest else ''} ago"
    return f"{seconds}s ago"
