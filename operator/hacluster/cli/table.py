"""Formats text in aligned columns, as kubectl prints it, and times as ages such as `3m12s ago`."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import zip_longest

import click

_GAP = 3
_INDENT = "  "


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows as lines with aligned columns; the first row is the heading. Colour codes do not count for the width."""
    widths = [max(len(click.unstyle(cell)) for cell in column) for column in zip_longest(*rows, fillvalue="")]
    for row in rows:
        cells = (cell + " " * (width + _GAP - len(click.unstyle(cell))) for cell, width in zip(row, widths, strict=False))
        yield _INDENT + "".join(cells).rstrip()


def ago(text: str | None, now: datetime) -> str:
    """How long before `now` an RFC 3339 time was, such as `3m12s ago`; a text that is no time is returned unchanged."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return text or "-"
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    seconds = max(int((now - time).total_seconds()), 0)
    for size, unit, smaller_size, smaller_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            rest = seconds % size // smaller_size
            return f"{seconds // size}{unit}{f'{rest}{smaller_unit}' if rest else ''} ago"
    return f"{seconds}s ago"
