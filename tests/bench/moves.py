"""`make bench-moves`: planned moves on a real kind cluster, many times: pods deleted on the holder, and rolling upgrades.

    python -m tests.bench.moves [--deletions 10] [--upgrades 5] [--only default fast-preferred …]

Each trial runs under two clients that send a request every 10 ms, one of which asks by ARP before each, and 20 long-lived connections.
Per variant the sums go to docs/benchmarks/data/moves-kind.json as soon as the variant is measured. The exit code is 1 if a trial broke the
promise: no request failed, no connection broke or hung, and the virtual IP moved away from its holder and back only.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from statistics import median

import yaml

from hacluster.rehearse.address_watch import AddressWatch
from hacluster.rehearse.measure import holder_counts, longest_gap
from tests.bench.__main__ import machine
from tests.bench.pages import write_pages
from tests.cluster import Lab, cache
from tests.e2e.clients import INTERVAL, Seen, both_clients
from tests.e2e.conftest import delete, install_by_helm
from tests.e2e.front import LABEL, SAMPLES, VIP, Front
from tests.e2e.invariant import Container, path_of
from tests.waiting import eventually

DATA = cache.REPOSITORY / "docs" / "benchmarks" / "data" / "moves-kind.json"
CONNECTIONS = 20
HANG = 13.0
"""Seconds after the last move in which a long-lived connection without an answer is counted as broken (the client's deadline is 12)."""
VARIANTS = {
    "default": ("minimal", False),
    "default-preferred": ("minimal", True),
    "fast": ("fast", False),
    "fast-preferred": ("fast", True),
}
"""Name -> sample, and whether the resource names node1 as the preferred node (what `hacluster switchover` leaves behind)."""


@dataclass(frozen=True)
class Trial:
    """What one planned move cost. Times in milliseconds."""

    kind: str
    path: tuple[str, ...]
    """The holders one after the other, by the nodes' kernels."""
    failed: int
    requests: int
    broken: int
    """Long-lived connections that broke, or had no answer for 12 s."""
    gap: float
    newcomer_gap: float
    dual: float
    ownerless: float
    seconds: float

    @property
    def kept(self) -> bool:
        """Whether nothing failed, nothing broke, and the address went away from its holder and back only."""
        return not self.failed and not self.broken and len(self.path) <= 3 and self.path[0] == self.path[-1]


def main() -> int:
    """Measures the chosen variants. Returns 1 if a trial broke the promise, else 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--deletions", type=int, default=10)
    parser.add_argument("--upgrades", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], choices=[*VARIANTS, []])
    parser.add_argument("--cluster", default="hacluster-moves")
    parser.add_argument("--keep", action="store_true", help="leave the cluster up")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that clients and cluster are removed
    lab = Lab(options.cluster)
    trials: list[Trial] = []
    try:
        lab.up()
        install_by_helm(lab)
        for node in lab.nodes:
            lab.kubectl("label", "node", node, "--overwrite", LABEL)
        for name in options.only or VARIANTS:
            print(f"> {name}", flush=True)
            measured = measure(lab, name, options.deletions, options.upgrades)
            store(name, measured)
            trials += measured
    finally:
        if not options.keep:
            lab.down()
    write_pages(DATA.parent, DATA.parent.parent)
    return int(not all(each.kept for each in trials))


def measure(lab: Lab, name: str, deletions: int, upgrades: int) -> list[Trial]:
    """All trials of one variant, on a fresh resource."""
    sample, preferred = VARIANTS[name]
    front = Front(lab, "default", "web")
    delete(front)
    document = yaml.safe_load((SAMPLES / f"{sample}.yaml").read_text())
    if preferred:
        document["spec"]["virtualRouters"][0]["preferredNode"] = "node1"
    front.kubectl("apply", "-f", "-", stdin=json.dumps(document))
    front.ready(within=180)
    front.held_by("node1", within=60)
    trials = []
    todo = [("pod deleted", delete_holders_pod)] * deletions + [("rolling upgrade", upgrade)] * upgrades
    for number, (kind, move) in enumerate(todo, start=1):
        trials.append(run_trial(front, kind, move))
        print(f"{name} {number}/{len(todo)}: {describe(trials[-1])}", flush=True)
    return trials


def run_trial(front: Front, kind: str, move: Callable[[Front], None]) -> Trial:
    """One move under load, until node1 has the address again and nothing has moved for `HANG` seconds."""
    watch = AddressWatch({node: Container(front.lab.pid(node)) for node in front.lab.nodes}, frozenset({VIP}))
    watch.start()
    started = time.monotonic()
    try:
        with both_clients(front.lab, kind, CONNECTIONS) as seen:
            move(front)
            front.ready(within=90)
            front.held_by("node1", within=60)
            moved = time.monotonic()
            time.sleep(HANG)
    finally:
        watch.stop()
    spans = holder_counts(watch.changes, VIP, (started, time.monotonic()))
    trial = Trial(
        kind, path_of(watch.changes), *_failed(seen[0]),
        broken=len(seen[0].client.broken),
        gap=1000 * longest_gap(seen[0].client.requests, INTERVAL),
        newcomer_gap=1000 * longest_gap(seen[0].newcomer.requests, INTERVAL),
        dual=1000 * sum(end - start for start, end, count in spans if count > 1),
        ownerless=1000 * sum(end - start for start, end, count in spans if count == 0),
        seconds=moved - started,
    )  # fmt: skip
    return replace(
        trial, **{each: round(getattr(trial, each), 1) for each in ("gap", "newcomer_gap", "dual", "ownerless", "seconds")}
    )


def _failed(seen: Seen) -> tuple[int, int]:
    return len(seen.failed), len(seen.client.requests) + len(seen.newcomer.requests)


def delete_holders_pod(front: Front) -> None:
    """Deletes node1's pod; returns when node1 has another one that is ready."""
    old = _pod_on(front, "node1")
    front.kubectl("delete", "pod", old, "--wait=false")

    def replaced() -> None:
        pods = [each for each in front.pods("lb") if each["spec"].get("nodeName") == "node1"]
        assert [each["metadata"]["name"] for each in pods] != [old] and len(pods) == 1
        statuses = pods[0]["status"].get("containerStatuses", [])
        assert statuses and all(each["ready"] for each in statuses)

    eventually(replaced, within=90, every=0.5)


def _pod_on(front: Front, node: str) -> str:
    (name,) = [each["metadata"]["name"] for each in front.pods("lb") if each["spec"].get("nodeName") == node]
    return str(name)


def upgrade(front: Front) -> None:
    """Changes the pod template, as an upgrade of the operator does; returns when every node has a new pod."""
    before = {each["metadata"]["uid"] for each in front.pods("lb")}
    megabytes = 128 + front.resource()["metadata"]["generation"]  # another one each time
    patch = {"spec": {"resources": {"haproxy": {"requests": {"cpu": "100m", "memory": f"{megabytes}Mi"}}}}}
    front.kubectl("patch", "hac", "web", "--type", "merge", "-p", json.dumps(patch))

    def replaced() -> None:
        now = front.pods("lb")
        assert len(now) == 3 and not before & {each["metadata"]["uid"] for each in now}

    eventually(replaced, within=300, every=1)


def describe(trial: Trial) -> str:
    """One line for the terminal."""
    return (
        f"{trial.kind}: {' > '.join(trial.path)}; {trial.failed} of {trial.requests} requests failed, {trial.broken} of {CONNECTIONS} "
        f"connections broke; gap {trial.gap:.0f} ms, newcomer {trial.newcomer_gap:.0f} ms; two holders {trial.dual:.0f} ms, none "
        f"{trial.ownerless:.0f} ms; {trial.seconds:.0f} s{'' if trial.kept else '  << promise broken'}"
    )


def store(name: str, trials: Iterable[Trial]) -> None:
    """Adds the variant's trials and their sums to the JSON file."""
    document = json.loads(DATA.read_text()) if DATA.exists() else {}
    listed = list(trials)
    figures = ("gap", "newcomer_gap", "dual", "ownerless")
    rows = {}
    for kind in sorted({each.kind for each in listed}):
        of_kind = [each for each in listed if each.kind == kind]
        rows[kind] = {
            "trials": len(of_kind), "kept": sum(each.kept for each in of_kind),
            **{each: sum(getattr(trial, each) for trial in of_kind) for each in ("failed", "requests", "broken")},
            **{f"{each}_worst": max(getattr(trial, each) for trial in of_kind) for each in figures},
            **{f"{each}_median": median(getattr(trial, each) for trial in of_kind) for each in figures},
            "longest_path": max((each.path for each in of_kind), key=len),
        }  # fmt: skip
    document["measured"] = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    document["machine"] = machine()
    document.setdefault("variants", {})[name] = {"summary": rows, "trials": [asdict(each) for each in listed]}
    DATA.write_text(json.dumps(document, indent=1) + "\n")
    print(json.dumps(rows, indent=1), flush=True)


if __name__ == "__main__":
    sys.exit(main())
