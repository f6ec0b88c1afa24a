"""Measures one section inside the bench's container, on labs of `hacluster.rehearse`.

`inside.py SECTION ARGUMENTS…` prints progress to standard error and one JSON document to standard output. `__main__.py` starts it and
keeps the document. SETTINGS is tutorial, default or fast.

faults SETTINGS TRIALS                every fault
planned SETTINGS TRIALS               every planned move
reloads SETTINGS                      20 changes of the resource under load from wrk
front_doors TRIALS                    faults, moves, changes and throughput with TLS and with Services (`front_doors.py`)
throughput SECONDS ROUNDS             load on the tutorial's configuration and on the default one, in turns
alone SETTINGS MINUTES TRIALS         no reachable API server for so many minutes, then node losses
saturated MINUTES                     false failovers with every core busy, with advertisements every 100, 50, 30 and 10 ms
frozen TRIALS                         false failovers when the holder's processes are stopped for 20 to 300 ms
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
from hacluster.rehearse.drill import play
from hacluster.rehearse.events import BY_HAND, PLANNED, Event, Trial
from hacluster.rehearse.faults import FaultInjector, replace_model
from hacluster.rehearse.lab import Lab, running_lab
from hacluster.rehearse.measure import holder_counts
from hacluster.rehearse.summary import document

SAMPLES = Path(os.environ.get("SAMPLES", "/samples"))
SETTINGS = {"tutorial": "tutorial.yaml", "default": "minimal.yaml", "fast": "fast.yaml"}
UNREPAIRED = (Event.HAPROXY_HANG, Event.KEEPALIVED_KILL)
"""Faults that are never repaired without an agent: each trial lasts until its timeout."""
UNREPAIRED_DIVISOR = 4
"""So many times fewer trials of them."""


def cluster_of(settings: str, interval_ms: int | None = None) -> HACluster:
    """The sample of these settings; `interval_ms` replaces its advertisement interval."""
    cluster = parse(yaml.safe_load((SAMPLES / SETTINGS[settings]).read_text()))
    if interval_ms is None:
        return cluster
    vrrp = replace_model(cluster.spec.vrrp, advertisement_interval=timedelta(milliseconds=interval_ms))
    return replace_model(cluster, spec=replace_model(cluster.spec, vrrp=vrrp))


@contextmanager
def running_settings(settings: str, interval_ms: int | None = None, **more: Any) -> Iterator[Lab]:
    """A running lab in which a node holds the virtual IP. The tutorial's has no agents, and nothing restarts its daemons."""
    by_hand = settings == "tutorial"
    with running_lab(cluster_of(settings, interval_ms), agent=not by_hand, **more) as lab:
        if by_hand:
            for node in lab.nodes.values():
                node.restarts = False
        lab.wait_until(lambda: bool(lab.holder), 60, "any node holds the virtual IP")
        yield lab


def faults(settings: str, trials: str) -> dict[str, Any]:
    """Every fault; without agents those that need none."""
    return failovers(
        settings, int(trials), BY_HAND if settings == "tutorial" else [each for each in Event if each not in PLANNED]
    )


def planned(settings: str, trials: str) -> dict[str, Any]:
    """Every planned move. Failbacks are measured with each, and reloads have a section of their own."""
    return failovers(settings, int(trials), [each for each in Event if each in PLANNED - {Event.FAILBACK, Event.RELOADS}])


def failovers(settings: str, trials: int, events: Sequence[Event]) -> dict[str, Any]:
    """The document of so many trials of each event."""
    fewer = UNREPAIRED if settings == "tutorial" else frozenset[Event]()
    counts = {each: max(1, trials // UNREPAIRED_DIVISOR) if each in fewer else trials for each in events}
    with running_settings(settings) as lab:
        injector = FaultInjector(lab, takeover_timeout=8.0)
        done, worst = play(lab, injector, counts, lambda said: print_progress(f"{settings}: {said}"))
    return document(done, worst, {"settings": settings})


def reloads(settings: str) -> dict[str, Any]:
    """20 changes of the resource under load."""
    with running_settings(settings) as lab:
        return {"settings": settings, **changes_under_load(lab, 20)}


def changes_under_load(lab: Lab, times: int) -> dict[str, Any]:
    """Load on 32 connections while the resource changes so many times, and back: how long that took, and errors and moves meanwhile."""
    injector = FaultInjector(lab)
    injector.settle()
    result: dict[str, Any] = {}
    loader = threading.Thread(target=lambda: result.update(wrk(lab, 5 + 2 * times, 32)))
    loader.start()
    time.sleep(1)
    started = time.monotonic()
    injector.reload(times)
    took = time.monotonic() - started
    loader.join()
    counts = holder_counts(lab.address_watch.changes, lab.address, (started, time.monotonic()))
    return {"changes": times, "seconds": round(took, 1), "moves": len(counts) - 1, **result}


def throughput(seconds: str, rounds: str) -> dict[str, Any]:
    """Requests per second of two running labs, in turns, so that other work on the machine affects both."""
    found: dict[str, list[dict[str, Any]]] = {"tutorial": [], "default": []}
    with ExitStack() as stack:
        labs = {name: stack.enter_context(running_settings(name)) for name in found}
        time.sleep(3)
        for _ in range(int(rounds)):
            for name, lab in labs.items():
                print_progress(f"throughput: {name}")
                found[name].append(wrk(lab, int(seconds), 32))
    return {**found, "roundSeconds": int(seconds)}


def alone(settings: str, minutes: str, trials: str) -> dict[str, Any]:
    """Node losses after the agents could not reach an API server for so many minutes."""
    done: list[Trial] = []
    with running_settings(settings, api_host="192.0.2.1") as lab:
        until = time.monotonic() + 60 * float(minutes)
        while time.monotonic() < until:
            print_progress(f"alone: {until - time.monotonic():.0f} s left")
            time.sleep(min(15.0, max(0.0, until - time.monotonic())))
        injector = FaultInjector(lab, long=0)
        for turn in range(int(trials)):
            print_progress(f"alone: node loss {turn + 1}")
            done += injector.run_event(Event.NODE_LOSS)
    return document(done, {}, {"settings": settings, "minutes": float(minutes)})


def saturated(minutes: str) -> dict[str, Any]:
    """Unwanted moves of four labs at once, beside three busy loops for each core."""
    found = {}
    with ExitStack() as stack:
        labs = {ms: stack.enter_context(running_settings("default", ms)) for ms in (100, 50, 30, 10)}
        time.sleep(5)
        stack.enter_context(busy(3 * (os.cpu_count() or 1)))
        started = time.monotonic()
        until = started + 60 * float(minutes)
        while time.monotonic() < until:
            print_progress(f"saturated: {until - time.monotonic():.0f} s left, load {os.getloadavg()[0]:.1f}")
            time.sleep(min(15.0, max(0.0, until - time.monotonic())))
        load = os.getloadavg()[0]
        for ms, lab in labs.items():
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
    """How often another node takes over when all processes of the holder are stopped for a time, as by a hypervisor."""
    found: dict[str, dict[str, int]] = {}
    for interval in (100, 50, 30, 10):
        with running_settings("default", interval) as lab:
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
                print_progress(f"frozen: {interval} ms, {milliseconds} ms: {moved} of {trials}")
    return {"trials": int(trials), "moves": found}


def front_doors(trials: str) -> dict[str, Any]:
    """The default settings with plain HTTP, with TLS, and with the endpoints of a Service, side by side."""
    from front_doors import measure  # which uses this file

    return measure(int(trials))


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Runs so many processes that use all the processor time they get."""
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
    """Loops until it is killed."""
    while True:
        pass


def wrk(lab: Lab, seconds: int, connections: int) -> dict[str, Any]:
    """Runs wrk on the client's host; returns its figures and its whole output."""
    scheme = "https" if lab.target.tls else "http"
    url = f"{scheme}://{lab.address}:{lab.target.port}/"
    argv = ["wrk", "-t", "2", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "5s", url]
    printed = lab.client.run(*argv, timeout=seconds + 60)
    requests = re.search(r"(\d+) requests in", printed)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", printed)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", printed)
    assert requests and rate, printed
    return {
        "requests": int(requests[1]),
        "perSecond": float(rate[1]),
        "errors": (sum(map(int, errors.groups())) if errors else 0) + (int(bad[1]) if bad else 0),
        "words": printed,
    }


def print_progress(text: str) -> None:
    """To standard error: standard output has the document alone."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


SECTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    each.__name__: each for each in (faults, planned, reloads, throughput, alone, saturated, frozen, front_doors)
}


if __name__ == "__main__":
    print(json.dumps(SECTIONS[sys.argv[1]](*sys.argv[2:])))
