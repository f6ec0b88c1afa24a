"""The sections about faults and planned moves in docs/benchmarks/README.md.

`pages.py` calls `format_faults` and `format_planned_moves` with all measured documents (section -> JSON of `hacluster.rehearse.summary`).
"""

from typing import Any

from hacluster.rehearse.events import TITLES, Event

SETTINGS = ("tutorial", "default", "fast")
PROMISED = {
    Event.HAPROXY_CRASH: (150, 80), Event.HAPROXY_HANG: (600, 400), Event.KEEPALIVED_KILL: (350, 120),
    Event.NODE_LOSS: (350, 130), Event.NIC_DOWN: (350, 130), Event.AGENT_KILL: (0, 0),
}  # fmt: skip
"""Upper bounds of the gap in milliseconds that the documentation promises: with the default settings, and with the fast ones."""

_SUMMED = ("trials", "failed", "requests", "broken")


def _rows(documents: dict[str, Any], settings: str) -> dict[str, dict[str, Any]]:
    """The summary rows of one kind of settings, by event. Failbacks occur in both sections: their counts are added up."""
    rows: dict[str, dict[str, Any]] = {}
    for section in (f"faults-{settings}", f"planned-{settings}"):
        for row in documents.get(section, {}).get("summary", ()):
            other = rows.get(row["event"])
            rows[row["event"]] = {**row, **{each: other[each] + row[each] for each in _SUMMED}} if other else row
    return rows


def format_faults(documents: dict[str, Any]) -> str:
    """Three tables: gaps, disturbances when a node is lost, and time with two holders."""
    rows = {settings: _rows(documents, settings) for settings in SETTINGS}
    lines = [
        "## Faults\n",
        "Gap in milliseconds, median / worst (trials); in brackets what is promised.\n",
        "| fault | tutorial's settings | default (100 ms) | fast (30 ms) |",
        "|---|---|---|---|",
    ]
    for event, promised in PROMISED.items():
        cells = [format_gap(rows["tutorial"].get(event))]
        cells += [f"{format_gap(rows[name].get(event))} [≤ {limit}]" for name, limit in zip(SETTINGS[1:], promised, strict=True)]
        lines.append(f"| {TITLES[event]} | {' | '.join(cells)} |")
    lines += [
        "",
        "From the first to the last request that was late or failed, in milliseconds, median / worst: what a lost node's own Apache would",
        "have answered is part of it. In brackets the requests that failed, of all trials; those on their way through the node when it",
        "was lost are among them.\n",
        "| fault | tutorial's settings | default | fast |",
        "|---|---|---|---|",
    ]
    for event in (Event.NODE_LOSS, Event.NIC_DOWN, Event.BACKUP_LOSS):
        lines.append(f"| {TITLES[event]} | {' | '.join(_disturbed(rows[name].get(event)) for name in SETTINGS)} |")
    lines += [
        "",
        "Two nodes with the address at once, worst case in milliseconds:\n",
        "| fault | tutorial's settings | default | fast |",
        "|---|---|---|---|",
    ]
    for event in PROMISED:
        duals = [f"{row['dual_worst']:.1f}" if (row := rows[name].get(event)) else "–" for name in SETTINGS]
        lines.append(f"| {TITLES[event]} | {' | '.join(duals)} |")
    return "\n".join(lines) + "\n"


def format_gap(row: dict[str, Any] | None) -> str:
    """One cell: median and worst gap in milliseconds and the number of trials; or how it failed to recover; – if not measured."""
    if row is None:
        return "–"
    if row["not_recovered"] and row["dual_worst"] > 1000:
        return f"two holders until a restart ({row['not_recovered']} of {row['trials']})"
    if row["not_recovered"]:
        return f"not within {row['gap_worst'] / 1000:.0f} s ({row['not_recovered']} of {row['trials']})"
    broken = f", {row['broken']} open connections broken" if row["event"] == Event.AGENT_KILL and row["broken"] else ""
    return f"{row['gap_median']:.0f} / {row['gap_worst']:.0f} ({row['trials']}){broken}"


def _disturbed(row: dict[str, Any] | None) -> str:
    if row is None:
        return "–"
    return f"{row['disturbed_median']:.0f} / {row['disturbed_worst']:.0f} [{row['failed']} of {row['requests']}]"


def format_planned_moves(documents: dict[str, Any]) -> str:
    """One table: failed requests and broken connections of each planned move."""
    lines = [
        "## Planned moves\n",
        "100 long-lived connections exchange all the while. Failed requests of all, and broken connections.\n",
        "| event | default | fast |",
        "|---|---|---|",
    ]
    for event in (Event.SWITCHOVER, Event.DRAIN, Event.POD_DELETION, Event.ROLLING_UPGRADE, Event.FAILBACK):
        cells = []
        for settings in SETTINGS[1:]:
            row = _rows(documents, settings).get(event)
            cells.append(
                f"{row['failed']} of {row['requests']} failed, {row['broken']} broken ({row['trials']} trials)" if row else "–"
            )
        lines.append(f"| {TITLES[event]} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
