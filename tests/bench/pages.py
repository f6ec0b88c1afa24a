"""docs/benchmarks/README.md and its pictures, from the measured documents."""

import json
from pathlib import Path
from typing import Any

from hacluster.rehearse.faults import TITLES, Event
from hacluster.rehearse.plot import draw

BARS = {
    Event.HAPROXY_CRASH: (150, 80), Event.HAPROXY_HANG: (600, 400), Event.KEEPALIVED_KILL: (350, 120),
    Event.NODE_LOSS: (350, 130), Event.NIC_DOWN: (350, 130), Event.AGENT_KILL: (0, 0),
}  # fmt: skip
"""What we promise, in milliseconds: with the default settings, and with 30 ms advertisements."""
SETTINGS = ("tutorial", "default", "fast")


def write_pages(data: Path, docs: Path) -> None:
    """Everything that has been measured; what has not is left out."""
    found = {file.stem: json.loads(file.read_text()) for file in sorted(data.glob("*.json"))}
    parts = [_HEAD, _machine(found), _failovers(found), _planned(found), _reloads(found), _throughput(found)]
    parts += [_alone(found), _saturated(found), _frozen(found), _latency(found), _choose(found)]
    for settings in SETTINGS:
        if made := found.get(f"faults-{settings}"):
            draw(made, docs / f"faults-{settings}.png")
            parts.append(f"![Requests around each worst case, {settings} settings](faults-{settings}.png)\n")
    (docs / "README.md").write_text("\n".join(part for part in parts if part))


_HEAD = """# Benchmarks

Written by `make bench`, which anyone can run: three nodes and a client in network namespaces of one machine, with the real
keepalived, HAProxy, Apache and agents (`hacluster rehearse`). The client opens a new connection for each request every 5 ms; a *gap* is
the longest time in which no request began that was answered within 50 ms, any pause of the client itself included. Holders are read from
each node's kernel. The tutorial's configuration runs beside it as its author set it up: without agents, and nothing restarts what ended.
`data/*.json` has every trial.
"""


def _machine(found: dict[str, Any]) -> str:
    if not found:
        return ""
    each = next(iter(found.values()))["machine"]
    days: dict[str, list[str]] = {}
    for name, made in sorted(found.items(), key=lambda pair: pair[1]["measured"]):
        day, time, _ = made["measured"].split(" ", 2)
        days.setdefault(day, []).append(f"{name} {time}")
    when = "\n".join(f"- {day} (UTC, at the end of each section): {', '.join(names)}" for day, names in days.items())
    return f"Machine: {each['processors']}, {each['memory']}, Linux {each['kernel']}. Measured:\n\n{when}\n"


_SUMS = ("trials", "failed", "requests", "broken")


def _rows(found: dict[str, Any], settings: str) -> dict[str, dict[str, Any]]:
    """Faults and planned moves; failbacks, which follow both, together."""
    rows: dict[str, dict[str, Any]] = {}
    for section in (f"faults-{settings}", f"planned-{settings}"):
        for row in found.get(section, {}).get("summary", ()):
            before = rows.get(row["event"])
            rows[row["event"]] = {**row, **{each: before[each] + row[each] for each in _SUMS}} if before else row
    return rows


def _failovers(found: dict[str, Any]) -> str:
    rows = {settings: _rows(found, settings) for settings in SETTINGS}
    lines = [
        "## Faults\n",
        "Gap in milliseconds, median / worst (trials); in brackets what is promised.\n",
        "| fault | tutorial's settings | default (100 ms) | fast (30 ms) |",
        "|---|---|---|---|",
    ]
    for event, bars in BARS.items():
        cells = [_gap(rows["tutorial"].get(event))]
        cells += [f"{_gap(rows[name].get(event))} [≤ {bar}]" for name, bar in zip(SETTINGS[1:], bars, strict=True)]
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
    for event in BARS:
        duals = [f"{row['dual_worst']:.1f}" if (row := rows[name].get(event)) else "–" for name in SETTINGS]
        lines.append(f"| {TITLES[event]} | {' | '.join(duals)} |")
    return "\n".join(lines) + "\n"


def _gap(row: dict[str, Any] | None) -> str:
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


def _planned(found: dict[str, Any]) -> str:
    lines = [
        "## Planned moves\n",
        "100 long-lived connections exchange all the while. Failed requests of all, and broken connections.\n",
        "| event | default | fast |",
        "|---|---|---|",
    ]
    for event in (Event.SWITCHOVER, Event.DRAIN, Event.POD_DELETION, Event.ROLLING_UPGRADE, Event.FAILBACK):
        cells = []
        for settings in SETTINGS[1:]:
            row = _rows(found, settings).get(event)
            cells.append(
                f"{row['failed']} of {row['requests']} failed, {row['broken']} broken ({row['trials']} trials)" if row else "–"
            )
        lines.append(f"| {TITLES[event]} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _reloads(found: dict[str, Any]) -> str:
    lines = []
    for settings in SETTINGS[1:]:
        if made := found.get(f"reloads-{settings}"):
            lines.append(
                f"- {settings}: {made['changes']} changes in {made['seconds']} s on three nodes, {made['errors']} errors in "
                f"{made['requests']:,} requests (wrk, 32 connections), the address moved {made['moves']} times"
            )
    return "## Changes under load\n\n" + "\n".join(lines) + "\n" if lines else ""


def _throughput(found: dict[str, Any]) -> str:
    made = found.get("throughput")
    if not made:
        return ""
    rates, middle = _rates(made)
    lines = [
        "## Throughput\n",
        f"wrk, 32 connections, in turns, {len(rates['default'])} rounds of {made['roundSeconds']} s each; all share the machine. Rounds",
        "are long enough for the connections that a configuration leaves behind in TIME_WAIT to tell.\n",
        "| configuration | requests per second: median | lowest | highest |", "|---|---|---|---|",
    ]  # fmt: skip
    lines += [f"| {name} | {middle[name]:,.0f} | {values[0]:,.0f} | {values[-1]:,.0f} |" for name, values in rates.items()]
    text = "\n".join(lines) + f"\n\nThe default serves {middle['default'] / middle['tutorial']:.1f} × as many.\n"
    if short := found.get("throughput-short"):
        rates, middle = _rates(short)
        text += (
            f"In rounds of {short['roundSeconds']} s it is {middle['default'] / middle['tutorial']:.1f} × ({middle['tutorial']:,.0f} and "
            f"{middle['default']:,.0f}; the tutorial's lowest round {rates['tutorial'][0]:,.0f}).\n"
        )
    return text


def _rates(made: dict[str, Any]) -> tuple[dict[str, list[float]], dict[str, float]]:
    rates = {name: sorted(each["perSecond"] for each in made[name]) for name in ("tutorial", "default")}
    return rates, {name: values[len(values) // 2] for name, values in rates.items()}


def _alone(found: dict[str, Any]) -> str:
    lines = [
        f"- {settings}: {_gap(made['summary'][0])} ms after {made['minutes']:g} minutes"
        for settings in SETTINGS[1:]
        if (made := found.get(f"alone-{settings}"))
    ]
    title = "## Without an API server\n\nGap when a node is lost and no agent could reach an API server for so long:\n\n"
    return title + "\n".join(lines) + _PAGED if lines else ""


_PAGED = """

What measures is locked in memory (mlockall), as keepalived is by `vrrp_no_swap`. Before it was, on a machine that reclaims idle memory,
the client once did nothing for 2.8 s in the first loss after the idle minutes; that this was the cause is likely, not proven.
"""


def _saturated(found: dict[str, Any]) -> str:
    made = found.get("saturated")
    if not made:
        return ""
    lines = [
        "## False failovers: every core busy\n",
        f"{made['minutes']:g} minutes, four front doors at once beside three busy loops for each core; load {made['load']:.0f}.",
        "keepalived has real-time priority, as where a container may have it.\n",
        *_restless(made),
    ]
    if plain := found.get("saturated-plain"):
        lines += ["", f"The same without real-time priority; load {plain['load']:.0f}.\n", *_restless(plain)]
    return "\n".join(lines) + "\n"


def _restless(made: dict[str, Any]) -> list[str]:
    return [
        "| advertisements every | moves | without a holder, ms | two holders, ms | living nodes taken for lost |", "|---" * 5 + "|",
        *(
            f"| {ms} ms | {each['moves']} | {each['ownerless']:g} | {each['dual']:g} | {each.get('missed', '–')} |"
            for ms, each in made["intervals"].items()
        ),
    ]  # fmt: skip


def _frozen(found: dict[str, Any]) -> str:
    made = found.get("frozen")
    if not made:
        return ""
    times = list(next(iter(made["moves"].values())))
    lines = [
        "## False failovers: the holder stands still\n",
        f"Moves in {made['trials']} freezes of every process of the node, as a hypervisor does.\n",
        f"| advertisements every | {' | '.join(f'{each} ms' for each in times)} |", "|---" * (len(times) + 1) + "|",
    ]  # fmt: skip
    lines += [f"| {ms} ms | {' | '.join(str(each[time]) for time in times)} |" for ms, each in made["moves"].items()]
    return "\n".join(lines) + "\n"


def _latency(found: dict[str, Any]) -> str:
    made = found.get("latency")
    if not made:
        return ""
    return (
        "## Truth in status\n\n"
        f"From an agent's report of a move to `vipHolder` in a watch, real API server and operator, {made['n']} moves: "
        f"median {made['median']:.0f} ms, 95th percentile {made['p95']:.0f} ms, worst {made['max']:.0f} ms. "
        f"The agent's own PATCH, which is part of it: median {made['report']['median']:.0f} ms, 95th percentile "
        f"{made['report']['p95']:.0f} ms.\n"
    )


def _choose(found: dict[str, Any]) -> str:
    return """## What to choose

- **100 ms (default)**: a lost node is noticed in about 0.3 s. Bear in mind that a holder that stands still for longer than about three
  intervals (a hypervisor that pauses it, a snapshot) loses the address, rightly by all that the others can know.
- **30 ms**: a third of that, for nodes that are never paused for as long as 90 ms: bare metal with processor time to spare.
- **1 s**: for nodes that a hypervisor may stop for a second or two, where a slow failover is better than a needless one. By
  the same rule of three intervals: it was not measured.
"""
