"""What a client and the kernels saw between two moments. Pure: records and changes in, milliseconds and counts out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from hacluster.rehearse.address_watch import Change
from hacluster.rehearse.arp_watch import Answer

LATE: Final = 0.05
"""Seconds: a request that took longer belongs to an outage, though it was answered in the end."""


RHYTHM: Final = 0.025
"""Seconds: two requests may be so far apart without anything being wrong with the client."""


@dataclass(frozen=True)
class Request:
    """One request on a connection of its own; `words` say who answered, or what went wrong."""

    start: float
    latency: float
    answered: bool
    words: str


@dataclass(frozen=True)
class Records:
    """What a client wrote down."""

    requests: tuple[Request, ...] = ()
    broken: tuple[tuple[float, str], ...] = ()
    exchanges: int = 0


def parse_records(lines: Iterable[str]) -> Records:
    """Reads the client's lines; one that is not whole yet is left out."""
    requests, broken, exchanges = [], [], 0
    for line in lines:
        match line.split():
            case ["r" | "f" as kind, start, latency, *words]:
                requests.append(Request(float(start), float(latency), kind == "r", " ".join(words)))
            case ["b", at, *words]:
                broken.append((float(at), " ".join(words)))
            case ["x", _, number]:
                exchanges += int(number)
            case _:
                continue
    return Records(tuple(sorted(requests, key=lambda each: each.start)), tuple(broken), exchanges)


@dataclass(frozen=True)
class Measurement:
    """What one event cost. Milliseconds; `gap` is the longest time for which no request began that was answered in time."""

    gap: float
    disturbed: float
    """From the first to the last request that was not answered in time: some may be while others are, as when one server is lost."""
    failed: int
    requests: int
    broken: int
    ownerless: float
    dual: float
    dual_on_wire: float
    client_pause: float
    """The longest time between two requests: where it is much longer than usual, the client itself did nothing, and who is blind
    for so long has to count it as part of the gap."""


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
    """Everything about one window. `away` are nodes that are cut off, and since when: what they hold then, nobody can reach."""
    inside = [each for each in records.requests if window[0] <= each.start <= window[1]]
    near = [each for each in changes if each.at <= away.get(each.node, each.at)]
    gone = [Change(at, node, address, held=False) for node, at in away.items()]
    counts = holder_counts([*near, *gone], address, window)
    pause = longest_pause([window[0], *(each.start for each in inside), window[1]])
    return Measurement(
        gap=1000 * max(longest_gap(inside, every), pause if pause > RHYTHM else 0.0),
        disturbed=1000 * longest_disturbance(inside),
        failed=sum(not each.answered for each in inside),
        requests=len(inside),
        broken=sum(window[0] <= at <= window[1] for at, _ in records.broken),
        ownerless=1000 * sum(end - start for start, end, count in counts if count == 0),
        dual=1000 * sum(end - start for start, end, count in counts if count > 1),
        dual_on_wire=1000 * dual_on_wire(answers, address, window),
        client_pause=1000 * pause,
    )


def longest_pause(times: Sequence[float]) -> float:
    """Seconds between two neighbours."""
    return max((after - before for before, after in pairwise(times)), default=0.0)


def longest_disturbance(requests: Sequence[Request]) -> float:
    """Seconds from the first to the last request that was late or failed."""
    late = [each.start for each in requests if not each.answered or each.latency > LATE]
    return max(late) - min(late) if late else 0.0


def longest_gap(requests: Sequence[Request], every: float) -> float:
    """Seconds from the last request before an outage that was answered in time to the first after it; 0: there was no outage.

    The usual distance between two requests is no outage and is taken off.
    """
    worst, last, failing = 0.0, None, False
    for each in requests:
        if each.answered and each.latency <= LATE:
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
    """Spans (start, end, how many nodes have the address) that fill the window."""
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
    """Seconds in all in which two stations answered: from each request that both answered to the next that anyone answered."""
    stations: dict[int, set[str]] = {}
    times: dict[int, float] = {}
    for each in answers:
        if each.request and each.address == address and window[0] <= each.at <= window[1]:
            stations.setdefault(each.request, set()).add(each.mac)
            times.setdefault(each.request, each.at)
    answered = sorted(times)
    until = [*(times[request] for request in answered[1:]), window[1]]
    return sum(end - times[request] for request, end in zip(answered, until, strict=False) if len(stations[request]) > 1)
