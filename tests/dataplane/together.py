"""Runs inside the node image: two virtual routers on two interfaces that move together, while links are lost and the holder changes.

together.py SAMPLE MODE    prints one JSON object; MODE is the mode of `vrrp.preemption`. For each event: the holders of both virtual IPs
after it, the longest time (ms) in which the two were on different nodes, and how long it took (s).
"""

import json
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from hacluster.api import HACluster
from hacluster.cli.documents import read_cluster
from hacluster.rehearse.faults import FaultInjector, plan_with_yields
from hacluster.rehearse.lab import Lab, running_lab

OUTER, INNER = "172.16.7.200", "192.168.60.200"
DEADLINE = 20.0


def together(document: dict[str, Any], mode: str) -> HACluster:
    """The sample with an address on each of the lab's two networks."""
    routers = [
        {"name": "VI_1", "virtualIPs": [f"{OUTER}/24"]},
        {"name": "VI_2", "virtualIPs": [f"{INNER}/24"], "moveWith": "VI_1"},
    ]
    preemption = {"mode": mode} | ({"delay": "2s"} if mode == "Delayed" else {})
    return HACluster.model_validate(
        document | {"spec": document["spec"] | {"virtualRouters": routers, "vrrp": {"preemption": preemption}}}
    )


class Case:
    """A lab whose two virtual IPs are watched."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def holders(self) -> list[str]:
        """The holder of both; several, or none, as they are."""
        return [",".join(sorted(self.lab.address_watch.holders(each))) for each in (OUTER, INNER)]

    def after(self, cause: Callable[[], None], expected: Callable[[list[str]], bool]) -> dict[str, object]:
        """Does something, and waits until the holders have been as expected for a second."""
        began = time.monotonic()
        cause()
        wrong = time.monotonic()
        while (now := time.monotonic()) - wrong < 1 and now - began < DEADLINE:
            wrong = wrong if expected(self.holders()) else now
            time.sleep(0.02)
        return {
            "reached": now - wrong >= 1,
            "holders": self.holders(),
            "apart": round(self._apart(began)),
            "took": round(wrong - began, 1),
        }

    def _apart(self, began: float) -> float:
        """The longest time since then in which both had one holder, but not the same; milliseconds."""
        held: dict[str, set[str]] = {OUTER: set(), INNER: set()}
        since, longest = None, 0.0
        for change in sorted(self.lab.address_watch.changes, key=lambda each: each.at):
            (held[change.address].add if change.held else held[change.address].discard)(change.node)
            apart = len(held[OUTER]) == len(held[INNER]) == 1 and held[OUTER] != held[INNER]
            if not apart and since is not None:
                longest = max(longest, change.at - max(since, began))
            since = (since or change.at) if apart else None
        return 1000 * (max(longest, time.monotonic() - max(since, began)) if since is not None else longest)

    def pull(self, node: str, segment: str, *, present: bool = False) -> Callable[[], None]:
        """Pulls one cable of a node when it is called, or plugs it in."""
        return lambda: self.lab._wiring.set_carrier(self.lab.nodes[node].host, segment, carrier=present)

    def crash(self, node: str) -> Callable[[], None]:
        """Kills the node's HAProxy when it is called."""
        return lambda: self.lab.nodes[node].signal("haproxy", signal.SIGKILL)

    def deliver(self, yielding: str = "") -> None:
        """Gives all nodes their files; one yields."""
        for node in self.lab.nodes:
            self.lab.deliver(node, plan_with_yields(self.lab.plan, node, yields=node == yielding))


def nothing() -> None:
    """No cause: only the time passes."""


def on(*nodes: str) -> Callable[[list[str]], bool]:
    """Whether both virtual IPs are on one of these nodes, and on the same one."""
    return lambda holders: holders[0] == holders[1] and holders[0] in nodes


def main(sample: str, mode: str) -> None:
    """Plays all events."""
    document = read_cluster(sample, "together").model_dump(mode="json", by_alias=True, exclude_unset=True)
    results: dict[str, object] = {}
    with running_lab(together(document, mode)) as lab:
        case, best = Case(lab), FaultInjector(lab).settle()
        outer, inner = (next(iter(router.members.values())).interface for router in lab.plan.topology.routers)
        back = on(best) if mode == "Immediate" else on(*lab.nodes)
        results["start"] = case.after(nothing, on(best))
        for name, segment in (("inner", inner), ("outer", outer)):
            holder = case.holders()[0]
            results[f"{name} link lost"] = case.after(case.pull(holder, segment), on(*lab.nodes.keys() - {holder}))
            results[f"{name} link back"] = case.after(case.pull(holder, segment, present=True), back)
        # Nobody else can have the inner one: the holder keeps both, and when it loses that link, the outer one goes on being served.
        holder = case.holders()[0]
        for node in lab.nodes.keys() - {holder}:
            case.pull(node, inner)()
        time.sleep(1)
        results["alone"] = case.after(nothing, on(holder))
        results["nowhere"] = case.after(case.pull(holder, inner), lambda holders: holders[0] in lab.nodes and not holders[1])
        for node in lab.nodes:
            case.pull(node, inner, present=True)()
        results["links back"] = case.after(nothing, back)
        holder = case.holders()[0]
        results["switchover"] = case.after(lambda: case.deliver(holder), on(*lab.nodes.keys() - {holder}))
        results["switched back"] = case.after(case.deliver, back)
        results["HAProxy crash"] = case.after(case.crash(case.holders()[0]), on(*lab.nodes))
        results["recovered"] = case.after(nothing, back)
    print(json.dumps(results), flush=True)


main(*sys.argv[1:])
