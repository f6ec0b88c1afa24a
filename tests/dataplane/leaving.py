"""Pods that end, in a lab of `hacluster rehearse`: who serves meanwhile, and which connections live on.

`test_leaving.py` runs it in the node image: `python leaving.py <FILE`, where FILE is a resource. It prints one JSON object; the functions
say what each value is.
"""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise

import yaml
from connection_scripts import CLIENT

from hacluster.agent.handover.soft_stop import SoftStop
from hacluster.api import parse
from hacluster.nodeconfig import File
from hacluster.rehearse.faults import FaultInjector, plan_with_yields
from hacluster.rehearse.lab import Lab, running_lab
from hacluster.rehearse.measure import measure_window
from hacluster.rehearse.settled import is_ready, wait_for
from hacluster.timing import LEAD

WINDOW = 8.0
"""Seconds for which the client is watched."""

# Connections to one holder, which are used again after the virtual IP has wandered over other nodes.
WANDERING = (
    CLIENT
    + r"""
connections = [socket.create_connection((ADDRESS, PORT), 3) for _ in range(20)]
for each in connections:
    each.sendall(REQUEST)
assert all(receive(each, 3) == "answered" for each in connections)
request_move("wander")
def ask(connection):
    try:
        connection.sendall(REQUEST)
    except OSError as error:
        return type(error).__name__
    return ""
failed = [ask(each) for each in connections]
print(*(each or receive(connection, 5) for each, connection in zip(failed, connections)), flush=True)
"""
)


def main() -> None:
    """Reads the resource from the standard input, runs the cases, and prints their results."""
    cluster = parse(yaml.safe_load(sys.stdin))
    with running_lab(cluster) as lab:
        injector = FaultInjector(lab)
        injector.settle()
        results: dict[str, object] = {"together": together(lab)}
        injector.settle()
        results["lastFit"] = last_fit(lab)
        if cluster.spec.vrrp.preemption.mode == "Immediate":
            injector.settle()
            results["restarted"] = restart(lab)
            injector.settle()
            results["wandered"] = wander(lab)
            stay(lab)
            injector.settle()
            results["changed"] = change_settings(lab)
        else:
            results["givenBack"] = give_back(lab, injector)
    print(json.dumps(results))


def watch(lab: Lab, leaving: list[str]) -> dict[str, object]:
    """The pods of these nodes begin to end. Failed requests and the longest outage (seconds) in the window, and who serves after it."""
    with lab.clients.running(lab.target):
        time.sleep(1)
        began = time.monotonic()
        for name in leaving:
            lab.nodes[name].paths.leave.touch()
        time.sleep(WINDOW)
        holder = lab.holder
        done = bool(holder) and lab.nodes[holder].paths.left.exists()
    # Read now, as a client that ends waits for the answers to its last requests: one that fails takes seconds.
    requests = [each for each in lab.clients.records.requests if each.start >= began]
    answered = [began, *(each.start + each.latency for each in requests if each.answered), began + WINDOW]
    gap = max(after - before for before, after in pairwise(answered))
    return {
        "failed": sum(not each.answered for each in requests),
        "outage": round(gap, 3),
        "holder": bool(holder),
        "done": done,
    }


def stay(lab: Lab) -> None:
    """All pods are replaced: they end, and new ones start."""
    for node in lab.nodes.values():
        node.paths.left.touch()
        node.stop_pod(0, lab.lock)
        with lab.lock:
            node.start_pod()


def together(lab: Lab) -> dict[str, object]:
    """The pods of all nodes end at the same time."""
    result = watch(lab, list(lab.nodes))
    stay(lab)
    return result


def last_fit(lab: Lab) -> dict[str, object]:
    """The pod of the only node with a HAProxy ends."""
    holder = lab.holder
    with lab.lock:
        for name, node in lab.nodes.items():
            if name != holder:
                node.restarts = False
                node.signal("haproxy", signal.SIGKILL)
    result = watch(lab, [holder])
    stay(lab)
    return result


def wander(lab: Lab) -> dict[str, object]:
    """node1 → 2 → 3 → 2 → 1, with a new pod on node1 meanwhile: how many of 20 connections to node3 live on.

    `seconds`: how long after node3 had given the virtual IP up they were used; they live for the drain.
    `alive`: whether node3's HAProxy still ran when its own pod's end was over, so that its preStop hook ended well.
    """
    first, second, third = sorted(lab.nodes, key=lambda name: name != lab.holder)
    move(lab, third, first, second)
    command = lab.client.enter(sys.executable, "-c", WANDERING, *map(str, lab.target[:2]))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdin and client.stdout and client.stdout.readline().split() == ["wander"]
        began = time.monotonic()
        move(lab, second, first, third)
        lab.nodes[first].stop_pod(lab.drain, lab.lock)
        with lab.lock:
            lab.nodes[first].start_pod()
        assert wait_for(lambda: is_ready(lab, first), 20)
        move(lab, first, third)
        seconds = round(time.monotonic() - began, 1)
        print("done", file=client.stdin, flush=True)
        connections = outcome(client.stdout.readline())
    lab.nodes[first].paths.leave.touch()
    left = wait_for(lab.nodes[first].paths.left.exists, lab.drain + 10)
    time.sleep(0.5)
    alive = lab.nodes[first].daemon("haproxy") is not None
    return {"connections": connections, "seconds": seconds, "left": left, "alive": alive}


def outcome(line: str) -> int | dict[str, int]:
    """How many connections there were, if all were answered; else what became of how many."""
    counts = Counter(line.split())
    return counts["answered"] if counts.keys() == {"answered"} else dict(counts)


def give_back(lab: Lab, injector: FaultInjector) -> bool:
    """Whether `settle` brings the virtual IP back from another node, which would keep it without preemption."""
    injector.settle()
    best = lab.holder
    other, *rest = (name for name in lab.nodes if name != best)
    move(lab, other, best, *rest)
    for name in lab.nodes:
        lab.deliver(name, lab.plan)
    return injector.settle() == best == lab.holder


def restart(lab: Lab) -> dict[str, object]:
    """The agent of a pod that ends is killed during the drain: how many of 20 connections live on.

    `early`: whether the new agent ended the drain while they were open. `left`: whether it ended it after that.
    """
    node = lab.nodes[lab.holder]
    command = lab.client.enter(sys.executable, "-c", WANDERING, *map(str, lab.target[:2]))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdin and client.stdout and client.stdout.readline().split() == ["wander"]
        node.paths.leave.touch()
        lab.wait_until(lambda: lab.holder not in {"", node.name}, 10, "another node is the holder")
        lab.wait_until(lambda: SoftStop(node.paths).is_under_way(), 10, "HAProxy is stopped softly")
        with lab.lock:
            node.signal("agent", signal.SIGKILL)
        starts = node.host.log("agent").count("starts")
        lab.wait_until(lambda: node.host.log("agent").count("starts") > starts, 10, "a new agent runs")
        time.sleep(3)
        early = node.paths.left.exists()
        print("done", file=client.stdin, flush=True)
        connections = outcome(client.stdout.readline())
    left = wait_for(node.paths.left.exists, lab.drain + 10)
    node.stop_pod(0, lab.lock)
    with lab.lock:
        node.start_pod()
    return {"connections": connections, "early": early, "left": left}


def change_settings(lab: Lab) -> dict[str, object]:
    """The virtual router ID changes, and the holder's pod ends before it has loaded it; only one other node is fit.

    Failed requests, how long two nodes had the virtual IP (ms), and whether the new holder has it after all.
    """
    first, second, third = sorted(lab.nodes, key=lambda name: name != lab.holder)
    with lab.lock:
        lab.nodes[third].restarts = lab.nodes[first].restarts = False
        lab.nodes[third].signal("haproxy", signal.SIGKILL)
    with lab.clients.running(lab.target, connections=20):
        time.sleep(0.5)
        began = time.monotonic()
        routers = [each.model_copy(update={"virtual_router_id": 77}) for each in lab.cluster.spec.virtual_routers]
        spec = lab.cluster.spec.model_copy(update={"virtual_routers": routers})
        lab.plan = lab.plan_of(lab.cluster.model_copy(update={"spec": spec}))
        for name in lab.nodes:
            lab.deliver(name, lab.plan)
        time.sleep(LEAD / 2)  # the next holder loads the settings before it has been the holder for a second
        lab.nodes[first].paths.leave.touch()
        time.sleep(WINDOW)
        holders = lab.address_watch.holders(lab.address)
        window = began, time.monotonic()
    measured = measure_window(lab.clients.records, lab.address_watch.changes, [], lab.address, window)
    loaded = "virtual_router_id 77" in lab.nodes[second].paths.good(File.KEEPALIVED).read_text()
    return {"failed": measured.failed, "dual": round(measured.dual), "holds": holders == {second}, "loaded": loaded}


def move(lab: Lab, to: str, *yielding: str) -> None:
    """Moves the virtual IP to a node: the others yield."""
    for name in lab.nodes:
        lab.deliver(name, plan_with_yields(lab.plan, name, yields=name in yielding))
    lab.wait_until(lambda: lab.holder == to, 10, f"{to} is the holder")
    time.sleep(0.5)


if __name__ == "__main__":
    main()
