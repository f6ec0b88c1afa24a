"""The section of docs/benchmarks/README.md about TLS and Services beside plain HTTP, from the document of `front_doors.py`."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from hacluster.rehearse.events import TITLES, Event
from tests.bench.failovers import format_gap, format_newcomer_gap

NAMES = {"plain": "plain HTTP", "tls": "TLS", "service": "Service", "tls-service": "TLS and Service"}
_FAULTS = (Event.HAPROXY_CRASH, Event.NODE_LOSS)
_PLANNED = (Event.SWITCHOVER, Event.FAILBACK)


def format_front_doors(documents: dict[str, Any]) -> str:
    """One table, with a column for each front door; empty if it was not measured."""
    document = documents.get("front-doors")
    if not document:
        return ""
    doors = {name: document["doors"][name] for name in NAMES if name in document["doors"]}
    rounds = min(len(each["throughput"]) for each in doors.values())
    lines = [
        "## TLS and Services\n",
        "`make bench BENCH='--only front-doors'`: the default settings four times in one run, with the same three Apaches behind each.",
        "*Service*: they are the endpoints of a Service, so that a lost node takes one with it, as a pod on it.",
        "Both clients open a connection for each request, with TLS a whole handshake; wrk keeps its 32 connections open. Milliseconds,",
        "median / worst (trials); *late* is from the first to the last request that was late or failed, the failed ones in brackets.\n",
        f"| | {' | '.join(NAMES[name] for name in doors)} |",
        "|---" * (len(doors) + 1) + "|",
    ]
    rows = {name: {row["event"]: row for row in each["summary"]} for name, each in doors.items()}
    for title, cells in _rows(doors, rows, rounds, document["roundSeconds"]):
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _rows(doors: dict[str, Any], rows: dict[str, Any], rounds: int, seconds: int) -> Iterator[tuple[str, list[str]]]:
    """Title and cells of each line."""
    for event in _FAULTS:
        found = [rows[name].get(event) for name in doors]
        yield f"{TITLES[event]}: gap", [format_gap(each) for each in found]
        yield "… newcomer's gap", [format_newcomer_gap(each) for each in found]
        yield "… late", [_late(each) for each in found]
    for event in _PLANNED:
        yield TITLES[event], [_planned(rows[name].get(event)) for name in doors]
    yield "changes under load", [_changes(each["changes"]) for each in doors.values()]
    title = f"requests per second (median, lowest, highest of {rounds} rounds of {seconds} s)"
    yield title, [_rates(each["throughput"]) for each in doors.values()]
    yield "memory of an agent, MB: resident, the most ever", [_memory(each["agents"]) for each in doors.values()]


def _late(row: dict[str, Any] | None) -> str:
    if row is None:
        return "–"
    return f"{row['disturbed_median']:.0f} / {row['disturbed_worst']:.0f} [{row['failed']} of {row['requests']}]"


def _planned(row: dict[str, Any] | None) -> str:
    if row is None:
        return "–"
    away = f", {row['not_recovered']} not done" if row["not_recovered"] else ""
    return (
        f"{row['failed']} of {row['requests']} failed, newcomer {row['newcomer_failed']} of {row['newcomer_requests']}, "
        f"{row['broken']} broken{away} ({row['trials']})"
    )


def _changes(found: dict[str, Any]) -> str:
    return f"{found['changes']}: {found['errors']} errors in {found['requests']:,} requests, {found['moves']} moves"


def _rates(rounds: list[dict[str, Any]]) -> str:
    rates = sorted(each["perSecond"] for each in rounds)
    errors = sum(each["errors"] for each in rounds)
    return f"{median(rates):,.0f}, {rates[0]:,.0f}, {rates[-1]:,.0f}" + (f" ({errors} errors)" if errors else "")


def _memory(agents: list[dict[str, float]]) -> str:
    return f"{max(each['resident'] for each in agents):.0f}, {max(each['peak'] for each in agents):.0f}"
