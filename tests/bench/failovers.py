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

_SUMMED = ("trials", "failed", "requests", "broken", "newcomer_failed", "newcomer_requests")


def _rows(documents: dict[str, Any], settings: str) -> dict[str, dict[str, Any]]:
    """The summary rows of one kind of settings, by event. Failbacks occur in both sections: their counts are added up."""
    rows: dict[str, dict[str, Any]] = {}
    for section in (f"faults-{settings}", f"planned-{settings}"):
        for row in documents.get(section, {}).get("summary", ()):
            other = rows.get(row["event"])
            rows[row["event"]] = (
                {**row, **{each: other[each] + row[each] for each in _SUMMED if each in row and each in other}} if other else row
            )
    return rows


def format_faults(documents: dict[str, Any]) -> str:
    """Three tables: gaps, disturbances when a node is lost, and time with two holders."""
    rows = {settings: _rows(documents, settings) for settings in SETTINGS}
    lines = [
        "## Faults\n",
        "Gap in milliseconds, median / worst (trials); in brackets what is promised. A newcomer asks before each request who has the",
        "address (ARP); the other client remembers it, so it notices nothing while the previous holder still serves.\n",
        "| fault | tutorial's settings | newcomer | default (100 ms) | newcomer | fast (30 ms) | newcomer |",
        "|---" * 7 + "|",
    ]
    for event, promised in PROMISED.items():
        cells = [format_gap(rows["tutorial"].get(event)), format_newcomer_gap(rows["tutorial"].get(event))]
        for name, limit in zip(SETTINGS[1:], promised, strict=True):
            cells += [f"{format_gap(rows[name].get(event))} [≤ {limit}]", format_newcomer_gap(rows[name].get(event))]
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


def format_newcomer_gap(row: dict[str, Any] | None) -> str:
    """One cell, as `format_gap`, of the client that asks before each request; – for documents from before it was measured."""
    if row is None or "newcomer_gap_median" not in row or row["not_recovered"]:
        return "–"
    return f"{row['newcomer_gap_median']:.0f} / {row['newcomer_gap_worst']:.0f}"


def _disturbed(row: dict[str, Any] | None) -> str:
    if row is None:
        return "–"
    return f"{row['disturbed_median']:.0f} / {row['disturbed_worst']:.0f} [{row['failed']} of {row['requests']}]"


def format_planned_moves(documents: dict[str, Any]) -> str:
    """One table: failed requests and broken connections of each planned move."""
    lines = [
        "## Planned moves\n",
        "100 long-lived connections exchange all the while. Failed requests of all (of the newcomer, who asks before each, as well), and",
        "broken connections.\n",
        "| event | default | fast |",
        "|---|---|---|",
    ]
    for event in (Event.SWITCHOVER, Event.DRAIN, Event.POD_DELETION, Event.ROLLING_UPGRADE, Event.FAILBACK):
        cells = []
        for settings in SETTINGS[1:]:
            row = _rows(documents, settings).get(event)
            cells.append(_planned(row) if row else "–")
        lines.append(f"| {TITLES[event]} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _planned(row: dict[str, Any]) -> str:
    newcomer = f", newcomer {row['newcomer_failed']} of {row['newcomer_requests']}" if "newcomer_failed" in row else ""
    return f"{row['failed']} of {row['requests']} failed{newcomer}, {row['broken']} broken ({row['trials']} trials)"


def format_moves_on_kind(documents: dict[str, Any]) -> str:
    """The table of `moves.py`: pods deleted and rolling upgrades on a kind cluster. Empty if they were not measured."""
    variants = documents.get("moves-kind", {}).get("variants", {})
    if not variants:
        return ""
    lines = [
        "## Pods deleted and rolling upgrades on kind\n",
        "`make bench-moves`: a control plane and three workers, all on this machine. Each move runs under two clients that send a request",
        "every 10 ms and 20 long-lived connections; one without an answer for 12 s counts as broken. *preferred*: the resource names the",
        "holder as `preferredNode`. *Kept*: nothing failed, nothing broke, and the address went away from its holder and back only.",
        "Gaps in milliseconds, median / worst.\n",
        "| settings | move | kept | requests failed | connections broken | gap | newcomer | two holders, worst | longest way |",
        "|---" * 9 + "|",
    ]
    for name, variant in variants.items():
        for kind, row in variant["summary"].items():
            gaps = [f"{row[f'{each}_median']:.0f} / {row[f'{each}_worst']:.0f}" for each in ("gap", "newcomer_gap")]
            lines.append(
                f"| {name} | {kind} | {row['kept']} of {row['trials']} | {row['failed']} of {row['requests']} | {row['broken']} | "
                f"{' | '.join(gaps)} | {row['dual_worst']:.0f} | {' > '.join(row['longest_path'])} |"
            )
    return "\n".join([*lines, ""])
