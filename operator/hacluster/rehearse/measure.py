"""Computes durations and counts of a time window from what the client and the watchers recorded. Pure.

`parse_records` reads the client's file. `measure_window` combines its requests with the changes of `AddressWatch` and the answers of
`ArpWatch`. All inputs are seconds of one machine's monotonic clock; a `Measurement` has milliseconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from hacluster.rehearse.address_watch import Change
from hacluster.rehearse.arp_watch import Answer

LATE: Final = 0.05
"""Seconds: a request that took longer belongs to an outage, although it was answered in the end."""
_USUAL_PAUSE: Final = 0.02
"""Seconds: the largest distance between the starts of two requests, beyond the client's interval, that is not taken for a pause of it."""


@dataclass(frozen=True)
class Request:
    """One request on a connection of its own. `detail`: the page's heading, or the reason of the failure."""

    start: float
    latency: float
    answered: bool
    detail: str


@dataclass(frozen=True)
class Records:
    """The client's records."""

    requests: tuple[Request, ...] = ()
    """In the order of their starts."""
    broken: tuple[tuple[float, str], ...] = ()
    """When a long-lived connection broke, and the reason."""
    exchanges: int = 0


def parse_records(lines: Iterable[str]) -> Records:
    """Reads the client's lines; one that is incomplete, because the client is still writing, is left out."""
    requests, broken, exchanges = [], [], 0
    for line in lines:
        match line.split():
            case ["r" | "f" as kind, start, latency, *detail]:
                requests.append(Request(float(start), float(latency), kind == "r", " ".join(detail)))
            case ["b", at, *reason]:
                broken.append((float(at), " ".join(reason)))
            case ["x", _, number]:
                exchanges += int(number)
            case _:
                continue
    return Records(tuple(sorted(requests, key=lambda each: each.start)), tuple(broken), exchanges)


@dataclass(frozen=True)
class Measurement:
    """What one event cost. Durations are milliseconds. The names of the fields are those of the JSON document."""

    gap: float
    """The longest time in which no request started that was answered in time, pauses of the client included."""
    disturbed: float
    """From the first to the last request that was late or failed. Others may succeed in between, as when one server is lost."""
    failed: int
    requests: int
    broken: int
    """Long-lived connections that broke."""
    ownerless: float
    """Time in which no reachable node's kernel had the virtual IP."""
    dual: float
    """Time in which several reachable nodes' kernels had it."""
    dual_on_wire: float
    """Time in which several MAC addresses answered ARP requests for it."""
    client_pause: float
    """The longest time between two requests. Where it is longer than usual, the client itself was paused and saw nothing; it then
    counts as a gap, so that a gap is never reported too short."""
    newcomer_gap: float = 0.0
    """As `gap`, of the client that asks before each request who has the address."""
    newcomer_failed: int = 0
    newcomer_requests: int = 0


def measure_window(
    records: Records,
    changes: Sequence[Change],
    answers: Sequence[Answer],
    address: str,
    window: tuple[float, float],
    *,
    away: Mapping[str, float] = MappingProxyType({}),
    every: float = 0.005,
) -> Measurement:
    """The measurement of one window (start, end).

    `away`: nodes that are cut off, and since when. From then on they do not count as holders, because no client reaches them.
    `every`: the client's interval in seconds.
    """
    inside = _inside(records, window)
    reachable = [each for each in changes if each.at <= away.get(each.node, each.at)]
    cut_off = [Change(at, node, address, held=False) for node, at in away.items()]
    counts = holder_counts([*reachable, *cut_off], address, window)
    pause = longest_pause([window[0], *(each.start for each in inside), window[1]])
    return Measurement(
        gap=1000 * _gap(inside, window, every),
        disturbed=1000 * longest_disturbance(inside),
        failed=sum(not each.answered for each in inside),
        requests=len(inside),
        broken=sum(window[0] <= at <= window[1] for at, _ in records.broken),
        ownerless=1000 * sum(end - start for start, end, count in counts if count == 0),
        dual=1000 * sum(end - start for start, end, count in counts if count > 1),
        dual_on_wire=1000 * dual_on_wire(answers, address, window),
        client_pause=1000 * pause,
    )


def with_newcomer(measured: Measurement, records: Records, window: tuple[float, float], every: float) -> Measurement:
    """The measurement with what the client saw that asks before each request; `every` is its interval in seconds."""
    inside = _inside(records, window)
    return replace(
        measured,
        newcomer_gap=1000 * _gap(inside, window, every),
        newcomer_failed=sum(not each.answered for each in inside),
        newcomer_requests=len(inside),
    )


def _inside(records: Records, window: tuple[float, float]) -> list[Request]:
    return [each for each in records.requests if window[0] <= each.start <= window[1]]


def _gap(inside: Sequence[Request], window: tuple[float, float], every: float) -> float:
    """The longest gap in seconds; an unusual pause of the client itself is one as well."""
    pause = longest_pause([window[0], *(each.start for each in inside), window[1]])
    return max(longest_gap(inside, every), pause if pause > _USUAL_PAUSE + every else 0.0)


def longest_pause(times: Sequence[float]) -> float:
    """The longest distance in seconds between two successive times."""
    return max((after - before for before, after in pairwise(times)), default=0.0)


def longest_disturbance(requests: Sequence[Request]) -> float:
    """Seconds from the first to the last request that was late or failed; 0 if none was."""
    late = [each.start for each in requests if not each.answered or each.latency > LATE]
    return max(late) - min(late) if late else 0.0


def longest_gap(requests: Sequence[Request], every: float, late: float = LATE) -> float:
    """The longest outage in seconds: from the last request before it that was answered in time to the first one after it.

    In time is in less than `late` seconds. The usual distance between two requests (`every`) is no outage and is subtracted. 0: no outage.
    """
    worst, last, failing = 0.0, None, False
    for each in requests:
        if each.answered and each.latency <= late:
            if failing and last is not None:
                worst = max(worst, each.start - last - every)
            last, failing = each.start, False
        else:
            failing = True
            last = each.start if last is None else last
    if failing and last is not None and requests:
        worst = max(worst, requests[-1].start - last)
    return worst


def holder_counts(changes: Sequence[Change], address: str, window: tuple[float, float]) -> list[tuple[float, float, int]]:
    """Spans (start, end, number of nodes that have the address) that fill the window."""
    holders: set[str] = set()
    spans: list[tuple[float, float, int]] = []
    at = window[0]
    for change in sorted(changes, key=lambda each: each.at):
        if change.address != address or change.at > window[1]:
            continue
        if change.at > at:
            spans.append((at, change.at, len(holders)))
            at = change.at
        (holders.add if change.held else holders.discard)(change.node)
    spans.append((at, window[1], len(holders)))
    return [span for span in spans if span[1] > span[0]]


def dual_on_wire(answers: Sequence[Answer], address: str, window: tuple[float, float]) -> float:
    """Total seconds with two holders by ARP: from each round that several MAC addresses answered to the next answered round."""
    macs: dict[int, set[str]] = {}
    times: dict[int, float] = {}
    for each in answers:
        if each.request and each.address == address and window[0] <= each.at <= window[1]:
            macs.setdefault(each.request, set()).add(each.mac)
            times.setdefault(each.request, each.at)
    answered = sorted(times)
    until = [*(times[request] for request in answered[1:]), window[1]]
    return sum(end - times[request] for request, end in zip(answered, until, strict=False) if len(macs[request]) > 1)
