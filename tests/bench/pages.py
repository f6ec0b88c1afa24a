"""Writes docs/benchmarks/README.md and its pictures from the measured documents.

`__main__.py` calls `write_pages` after each run. Each function below returns the text of one section,
empty if it was not measured.
"""

import json
from pathlib import Path
from typing import Any

from hacluster.rehearse.plot import draw
from tests.bench.failovers import SETTINGS, format_faults, format_gap, format_moves_on_kind, format_planned_moves
from tests.bench.front_door_tables import format_front_doors


def write_pages(data: Path, docs: Path) -> None:
    """Writes the page and its pictures to `docs` from the JSON files in `data` (section -> document)."""
    documents = {file.stem: json.loads(file.read_text()) for file in sorted(data.glob("*.json"))}
    parts = [
        _HEAD,
        _machine(documents),
        format_faults(documents),
        format_planned_moves(documents),
        format_moves_on_kind(documents),
        _reloads(documents),
        _throughput(documents),
        format_front_doors(documents),
    ]
    parts += [_alone(documents), _saturated(documents), _frozen(documents), _latency(documents), _choose(documents)]
    for settings in SETTINGS:
        if document := documents.get(f"faults-{settings}"):
            draw(document, docs / f"faults-{settings}.png")
            parts.append(f"![Requests around each worst case, {settings} settings](faults-{settings}.png)\n")
    (docs / "README.md").write_text("\n".join(part for part in parts if part))


_HEAD = """# Benchmarks

Written by `make bench`, which anyone can run: three nodes and a client in network namespaces of one machine, with the real
keepalived, HAProxy, Apache and agents (`hacluster rehearse`). One client opens a new connection for each request every 5 ms, another one
(the newcomer) every 10 ms, and asks before each who has the address; a *gap* is the longest time in which no request began that was
answered within 50 ms, any pause of the client itself included. Holders are read from each node's
kernel. The tutorial's configuration runs beside it as its author set it up: without agents, and nothing restarts what ended.
`data/*.json` has every trial.
"""


def _machine(documents: dict[str, Any]) -> str:
    if not documents:
        return ""
    each = next(iter(documents.values()))["machine"]
    days: dict[str, list[str]] = {}
    for name, document in sorted(documents.items(), key=lambda pair: pair[1]["measured"]):
        day, time, _ = document["measured"].split(" ", 2)
        days.setdefault(day, []).append(f"{name} {time}")
    when = "\n".join(f"- {day} (UTC, at the end of each section): {', '.join(names)}" for day, names in days.items())
    return f"Machine: {each['processors']}, {each['memory']}, Linux {each['kernel']}. Measured:\n\n{when}\n"


def _reloads(documents: dict[str, Any]) -> str:
    lines = []
    for settings in SETTINGS[1:]:
        if document := documents.get(f"reloads-{settings}"):
            lines.append(
                f"- {settings}: {document['changes']} changes in {document['seconds']} s on three nodes, {document['errors']} errors in "
                f"{document['requests']:,} requests (wrk, 32 connections), the address moved {document['moves']} times"
            )
    return "## Changes under load\n\n" + "\n".join(lines) + "\n" if lines else ""


def _throughput(documents: dict[str, Any]) -> str:
    document = documents.get("throughput")
    if not document:
        return ""
    rates, middle = _rates(document)
    lines = [
        "## Throughput\n",
        f"wrk, 32 connections, in turns, {len(rates['default'])} rounds of {document['roundSeconds']} s each; all share the machine. "
        "Rounds",
        "are long enough for the connections that a configuration leaves behind in TIME_WAIT to have an effect.\n",
        "| configuration | requests per second: median | lowest | highest |", "|---|---|---|---|",
    ]  # fmt: skip
    lines += [f"| {name} | {middle[name]:,.0f} | {values[0]:,.0f} | {values[-1]:,.0f} |" for name, values in rates.items()]
    text = "\n".join(lines) + f"\n\nThe default serves {middle['default'] / middle['tutorial']:.1f} × as many.\n"
    if short := documents.get("throughput-short"):
        rates, middle = _rates(short)
        text += (
            f"In rounds of {short['roundSeconds']} s it is {middle['default'] / middle['tutorial']:.1f} × ({middle['tutorial']:,.0f} and "
            f"{middle['default']:,.0f}; the tutorial's lowest round {rates['tutorial'][0]:,.0f}).\n"
        )
    return text


def _rates(document: dict[str, Any]) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Requests per second of each configuration, ascending, and their median."""
    rates = {name: sorted(each["perSecond"] for each in document[name]) for name in ("tutorial", "default")}
    return rates, {name: values[len(values) // 2] for name, values in rates.items()}


def _alone(documents: dict[str, Any]) -> str:
    lines = [
        f"- {settings}: {format_gap(document['summary'][0])} ms after {document['minutes']:g} minutes"
        for settings in SETTINGS[1:]
        if (document := documents.get(f"alone-{settings}"))
    ]
    title = "## Without an API server\n\nGap when a node is lost and no agent could reach an API server for so long:\n\n"
    return title + "\n".join(lines) + _PAGED if lines else ""


_PAGED = """

The measuring processes are locked in memory (mlockall), as keepalived is by `vrrp_no_swap`. Before they were, on a machine that
reclaims idle memory, the client once did nothing for 2.8 s in the first loss after the idle minutes; that this was the cause is
likely, not proven.
"""


def _saturated(documents: dict[str, Any]) -> str:
    document = documents.get("saturated")
    if not document:
        return ""
    lines = [
        "## False failovers: every core busy\n",
        f"{document['minutes']:g} minutes, four labs at once (one for each interval) beside three busy loops for each core; "
        f"load {document['load']:.0f}.",
        "keepalived has real-time priority, as where a container may have it.\n",
        *_interval_table(document),
    ]
    if plain := documents.get("saturated-plain"):
        lines += ["", f"The same without real-time priority; load {plain['load']:.0f}.\n", *_interval_table(plain)]
    return "\n".join(lines) + "\n"


def _interval_table(document: dict[str, Any]) -> list[str]:
    """One row for each advertisement interval."""
    return [
        "| advertisements every | moves | without a holder, ms | two holders, ms | living nodes taken for lost |", "|---" * 5 + "|",
        *(
            f"| {ms} ms | {each['moves']} | {each['ownerless']:g} | {each['dual']:g} | {each.get('missed', '–')} |"
            for ms, each in document["intervals"].items()
        ),
    ]  # fmt: skip


def _frozen(documents: dict[str, Any]) -> str:
    document = documents.get("frozen")
    if not document:
        return ""
    times = list(next(iter(document["moves"].values())))
    lines = [
        "## False failovers: the holder is frozen\n",
        f"Moves in {document['trials']} freezes of every process of the node, as a hypervisor does.\n",
        f"| advertisements every | {' | '.join(f'{each} ms' for each in times)} |", "|---" * (len(times) + 1) + "|",
    ]  # fmt: skip
    lines += [f"| {ms} ms | {' | '.join(str(each[time]) for time in times)} |" for ms, each in document["moves"].items()]
    return "\n".join(lines) + "\n"


def _latency(documents: dict[str, Any]) -> str:
    document = documents.get("latency")
    if not document:
        return ""
    return (
        "## Truth in status\n\n"
        f"From an agent's report of a move to `vipHolder` in a watch, real API server and operator, {document['n']} moves: "
        f"median {document['median']:.0f} ms, 95th percentile {document['p95']:.0f} ms, worst {document['max']:.0f} ms. "
        f"The agent's own PATCH, which is part of it: median {document['report']['median']:.0f} ms, 95th percentile "
        f"{document['report']['p95']:.0f} ms.\n"
    )


def _choose(documents: dict[str, Any]) -> str:
    return """## What to choose

- **100 ms (default)**: a lost node is noticed in about 0.3 s. Bear in mind that a holder that is frozen for longer than about three
  intervals (a hypervisor that pauses it, a snapshot) loses the address: the others cannot tell it from a dead node.
- **30 ms**: a third of that, for nodes that are never paused for as long as 90 ms: bare metal with processor time to spare.
- **1 s**: for nodes that a hypervisor may stop for a second or two, where a slow failover is better than a needless one. This
  follows from the same rule of three intervals; it was not measured.
"""
