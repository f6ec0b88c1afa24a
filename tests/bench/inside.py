"""Runs in the bench's container, on the rehearsal's lab: `inside.py SECTION ARGUMENTS…` prints one JSON document a section.

faults SETTINGS TRIALS                every fault of the table; SETTINGS: tutorial, default, fast
planned SETTINGS TRIALS               every planned move
reloads SETTINGS                      20 changes under a load that wrk makes
throughput SECONDS ROUNDS             the tutorial's configuration and the default one, in turns
alone SETTINGS MINUTES TRIALS         no API server for so long, then node losses
saturated MINUTES                     false failovers with every core busy, at 100, 50, 30 and 10 ms
frozen TRIALS                         false failovers of a holder that stands still for 20 to 300 ms
"""

import json
import multiprocessing
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from hacluster.api import HACluster, parse
from hacluster.rehearse.faults import BY_HAND, PLANNED, Event, FaultInjector, Trial, replace_model
from hacluster.rehearse.lab import Lab, running_lab
from hacluster.rehearse.measure import holder_counts
from hacluster.rehearse.summary import Trace, document, trace

SAMPLES = Path(os.environ.get("SAMPLES", "/samples"))
SETTINGS = {"tutorial": "tutorial.yaml", "default": "minimal.yaml", "fast": "fast.yaml"}
NEVER = (Event.HAPROXY_HANG, Event.KEEPALIVED_KILL)
"""What never ends by itself where no agent is; each trial waits in vain."""
ENDLESS = 4


def cluster_of(settings: str, interval_ms: int | None = None) -> HACluster:
    """A sample; `interval_ms` changes its advertisement interval."""
    made = parse(yaml.safe_load((SAMPLES / SETTINGS[settings]).read_text()))
    if interval_ms is None:
        return made
    vrrp = replace_model(made.spec.vrrp, advertisement_interval=timedelta(milliseconds=interval_ms))
    return replace_model(made, spec=replace_model(made.spec, vrrp=vrrp))


@contextmanager
def stage_of(settings: str, interval_ms: int | None = None, **more: Any) -> Iterator[Lab]:
    """A lab that holds its address; the tutorial's has no agents."""
    by_hand = settings == "tutorial"
    with running_lab(cluster_of(settings, interval_ms), agent=not by_hand, **more) as lab:
        if by_hand:
            for node in lab.nodes.values():
                node.restarts = False
        lab.wait_until(lambda: bool(lab.holder), 60, "any node holds the virtual IP")
        yield lab


def faults(settings: str, trials: str) -> dict[str, Any]:
    """The table of faults."""
    return failovers(
        settings, int(trials), BY_HAND if settings == "tutorial" else [each for each in Event if each not in PLANNED]
    )


def planned(settings: str, trials: str) -> dict[str, Any]:
    """The table of planned moves; failbacks come along, and reloads have a section of their own."""
    return failovers(settings, int(trials), [each for each in Event if each in PLANNED - {Event.FAILBACK, Event.RELOADS}])


def failovers(settings: str, trials: int, events: Sequence[Event]) -> dict[str, Any]:
    """So many trials of each event."""
    done: list[Trial] = []
    worst: dict[Event, Trace] = {}
    with stage_of(settings) as lab:
        injector = FaultInjector(lab, patience=8.0)
        for event in events:
            fewer = ENDLESS if settings == "tutorial" and event in NEVER else 1
            for turn in range(1, max(1, trials // fewer) + 1):
                say(f"{settings}: {event.value} {turn}")
                for trial in injector.play(event):
                    done.append(trial)
                    if trial.event not in worst or trial.measured.gap > worst[trial.event].gap:
                        worst[trial.event] = trace(trial, injector.records, trial.until)
    return document(done, worst, {"settings": settings})


def reloads(settings: str) -> dict[str, Any]:
    """wrk on many connections while the resource changes 20 times."""
    with stage_of(settings) as lab:
        injector = FaultInjector(lab)
        injector.settle()
        result: dict[str, Any] = {}
        loader = threading.Thread(target=lambda: result.update(wrk(lab, 45, 32)))
        loader.start()
        time.sleep(1)
        started = time.monotonic()
        injector.reload(20)
        took = time.monotonic() - started
        loader.join()
        counts = holder_counts(lab.address_watch.changes, lab.address, (started, time.monotonic()))
        return {"settings": settings, "changes": 20, "seconds": round(took, 1), "moves": len(counts) - 1, **result}


def throughput(seconds: str, rounds: str) -> dict[str, Any]:
    """Requests per second, in turns on two stages."""
    found: dict[str, list[dict[str, Any]]] = {"tutorial": [], "default": []}
    with ExitStack() as stack:
        stages = {name: stack.enter_context(stage_of(name)) for name in found}
        time.sleep(3)
        for _ in range(int(rounds)):
            for name, lab in stages.items():
                say(f"throughput: {name}")
                found[name].append(wrk(lab, int(seconds), 32))
    return {**found, "roundSeconds": int(seconds)}


def alone(settings: str, minutes: str, trials: str) -> dict[str, Any]:
    """Agents whose API server does not answer, for long; then the drill's node losses."""
    done: list[Trial] = []
    with stage_of(settings, api_host="192.0.2.1") as lab:
        until = time.monotonic() + 60 * float(minutes)
        while time.monotonic() < until:
            say(f"alone: {until - time.monotonic():.0f} s left")
            time.sleep(min(15.0, max(0.0, until - time.monotonic())))
        injector = FaultInjector(lab, long=0)
        for turn in range(int(trials)):
            say(f"alone: node loss {turn + 1}")
            done += injector.play(Event.NODE_LOSS)
    return document(done, {}, {"settings": settings, "minutes": float(minutes)})


def saturated(minutes: str) -> dict[str, Any]:
    """Four front doors at once, beside three busy loops for each core."""
    found = {}
    with ExitStack() as stack:
        stages = {ms: stack.enter_context(stage_of("default", ms)) for ms in (100, 50, 30, 10)}
        time.sleep(5)
        stack.enter_context(busy(3 * (os.cpu_count() or 1)))
        started = time.monotonic()
        until = started + 60 * float(minutes)
        while time.monotonic() < until:
            say(f"saturated: {until - time.monotonic():.0f} s left, load {os.getloadavg()[0]:.1f}")
            time.sleep(min(15.0, max(0.0, until - time.monotonic())))
        load = os.getloadavg()[0]
        for ms, lab in stages.items():
            changes = [each for each in lab.address_watch.changes if each.at >= started]
            counts = holder_counts(lab.address_watch.changes, lab.address, (started, time.monotonic()))
            found[str(ms)] = {
                "moves": sum(each.held for each in changes),
                "ownerless": round(1000 * sum(end - start for start, end, n in counts if n == 0), 1),
                "dual": round(1000 * sum(end - start for start, end, n in counts if n > 1), 1),
                "missed": sum(node.host.log("agent").count(" is gone: ") for node in lab.nodes.values()),
            }
    return {"minutes": float(minutes), "load": load, "intervals": found}


def frozen(trials: str) -> dict[str, Any]:
    """The whole holder stands still, as under a hypervisor; how often another node takes over."""
    found: dict[str, dict[str, int]] = {}
    for interval in (100, 50, 30, 10):
        with stage_of("default", interval) as lab:
            injector = FaultInjector(lab)
            for milliseconds in (20, 50, 100, 150, 200, 250, 300):
                moved = 0
                for _ in range(int(trials)):
                    holder = injector.settle()
                    before = len(lab.address_watch.changes)
                    lab.nodes[holder].freeze(milliseconds / 1000)
                    time.sleep(0.3 + 6 * interval / 1000)
                    moved += any(each.node != holder and each.held for each in lab.address_watch.changes[before:])
                found.setdefault(str(interval), {})[str(milliseconds)] = moved
                say(f"frozen: {interval} ms, {milliseconds} ms: {moved} of {trials}")
    return {"trials": int(trials), "moves": found}


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Processes that do nothing but take time."""
    loops = [multiprocessing.Process(target=spin, daemon=True) for _ in range(count)]
    for each in loops:
        each.start()
    try:
        yield
    finally:
        for each in loops:
            each.kill()
            each.join()


def spin() -> None:
    """For ever."""
    while True:
        pass


def wrk(lab: Lab, seconds: int, connections: int) -> dict[str, Any]:
    """wrk's own words, as numbers."""
    port = lab.cluster.spec.haproxy.listeners[0].port
    argv = ["wrk", "-t", "2", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "5s", f"http://{lab.address}:{port}/"]
    said = lab.client.run(*argv, timeout=seconds + 60)
    requests = re.search(r"(\d+) requests in", said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    assert requests and rate, said
    return {
        "requests": int(requests[1]),
        "perSecond": float(rate[1]),
        "errors": (sum(map(int, errors.groups())) if errors else 0) + (int(bad[1]) if bad else 0),
        "words": said,
    }


def say(words: str) -> None:
    """Progress."""
    print(f"bench: {words}", file=sys.stderr, flush=True)


SECTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    each.__name__: each for each in (faults, planned, reloads, throughput, alone, saturated, frozen)
}


if __name__ == "__main__":
    print(json.dumps(SECTIONS[sys.argv[1]](*sys.argv[2:])))
