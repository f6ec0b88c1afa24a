"""Summarizes the trials of a drill: medians and worst cases, as table rows and as one JSON document. Pure.

`hacluster rehearse` prints `HEADINGS` and `cells`, or the `document`; the benchmark pages are made from documents. The names of the
fields of `Row`, `Measurement` and `Trace` are those of the document.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from hacluster.rehearse.clients import Clients
from hacluster.rehearse.events import PLANNED, TITLES, Event, Trial
from hacluster.rehearse.measure import Records

_TRACE_LEAD = 1.0
"""Seconds before an event from which a trace has the requests."""


@dataclass(frozen=True)
class Row:
    """All trials of one event. Milliseconds; counts are sums over all trials."""

    event: Event
    trials: int
    gap_median: float
    gap_worst: float
    disturbed_median: float
    disturbed_worst: float
    failed: int
    requests: int
    broken: int
    ownerless_median: float
    ownerless_worst: float
    dual_worst: float
    dual_on_wire_worst: float
    not_recovered: int
    newcomer_gap_median: float
    newcomer_gap_worst: float
    newcomer_failed: int
    newcomer_requests: int

    @property
    def title(self) -> str:
        """The event's title in tables."""
        return TITLES[self.event]


def summarize(trials: Iterable[Trial]) -> tuple[Row, ...]:
    """One row for each event, in the order of `Event`."""
    by_event: dict[Event, list[Trial]] = {}
    for trial in trials:
        by_event.setdefault(trial.event, []).append(trial)
    return tuple(_row(event, by_event[event]) for event in Event if event in by_event)


def _row(event: Event, trials: Sequence[Trial]) -> Row:
    measured = [trial.measured for trial in trials]
    return Row(
        event=event,
        trials=len(trials),
        gap_median=round(median(each.gap for each in measured), 1),
        gap_worst=round(max(each.gap for each in measured), 1),
        disturbed_median=round(median(each.disturbed for each in measured), 1),
        disturbed_worst=round(max(each.disturbed for each in measured), 1),
        failed=sum(each.failed for each in measured),
        requests=sum(each.requests for each in measured),
        broken=sum(each.broken for each in measured),
        ownerless_median=round(median(each.ownerless for each in measured), 1),
        ownerless_worst=round(max(each.ownerless for each in measured), 1),
        dual_worst=round(max(each.dual for each in measured), 1),
        dual_on_wire_worst=round(max(each.dual_on_wire for each in measured), 1),
        not_recovered=sum(not trial.recovered for trial in trials),
        newcomer_gap_median=round(median(each.newcomer_gap for each in measured), 1),
        newcomer_gap_worst=round(max(each.newcomer_gap for each in measured), 1),
        newcomer_failed=sum(each.newcomer_failed for each in measured),
        newcomer_requests=sum(each.newcomer_requests for each in measured),
    )


HEADINGS = (
    "EVENT", "TRIALS", "GAP, MEDIAN MS", "WORST MS", "FAILED REQUESTS", "NEWCOMER'S GAP", "WORST MS", "FAILED REQUESTS",
    "BROKEN CONNECTIONS", "TWO HOLDERS, MS",
)  # fmt: skip
"""The first gap is that of a client that remembers who has the address, a newcomer's that of one that asks before each request."""


def cells(row: Row) -> tuple[str, ...]:
    """One line of the table under `HEADINGS`. Broken connections are shown for events with long-lived connections only."""
    failed = (f"{row.failed} of {row.requests}", f"{row.newcomer_failed} of {row.newcomer_requests}")
    if row.not_recovered:
        gap = "two holders" if row.dual_worst > 1000 else _not_recovered(row, row.gap_worst)
        newcomer = "two holders" if row.dual_worst > 1000 else _not_recovered(row, row.newcomer_gap_worst)
        return (
            row.title, str(row.trials), gap, gap, failed[0], newcomer, newcomer, failed[1], "–", f"{row.dual_worst:.0f}",
        )  # fmt: skip
    broken = str(row.broken) if row.event in PLANNED or row.event is Event.AGENT_KILL else "–"
    return (
        row.title, str(row.trials), f"{row.gap_median:.0f}", f"{row.gap_worst:.0f}", failed[0],
        f"{row.newcomer_gap_median:.0f}", f"{row.newcomer_gap_worst:.0f}", failed[1], broken, f"{row.dual_worst:.0f}",
    )  # fmt: skip


def _not_recovered(row: Row, gap: float) -> str:
    return f"not within {gap / 1000:.0f} s ({row.not_recovered} of {row.trials})"


def document(trials: Sequence[Trial], traces: Mapping[Event, "Trace"], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON document; `facts` are further entries that describe the resource and the machine."""
    return {
        **facts,
        "summary": [asdict(row) for row in summarize(trials)],
        "trials": [{"event": each.event, "recovered": each.recovered, **asdict(each.measured)} for each in trials],
        "worst": {event: asdict(trace) for event, trace in traces.items()},
    }


_Points = tuple[tuple[float, float, bool], ...]


@dataclass(frozen=True)
class Trace:
    """The requests around one event: start in milliseconds since the event, latency in milliseconds, whether it was answered."""

    gap: float
    requests: _Points
    newcomer_gap: float
    newcomer: _Points
    """Those of the client that asks before each request."""


def trace(trial: Trial, clients: Clients, until: float) -> Trace:
    """The requests of both clients from a second before the event up to `until` (monotonic clock, seconds)."""
    measured = trial.measured
    points = (_points(trial, each, until) for each in (clients.records, clients.newcomer_records))
    return Trace(measured.gap, next(points), measured.newcomer_gap, next(points))


def _points(trial: Trial, records: Records, until: float) -> _Points:
    return tuple(
        (round(1000 * (each.start - trial.started), 1), round(1000 * each.latency, 2), each.answered)
        for each in records.requests
        if trial.started - _TRACE_LEAD <= each.start <= until
    )
