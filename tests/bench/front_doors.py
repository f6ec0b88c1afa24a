"""The section `front-doors`: the default settings with plain HTTP, with TLS, and with the endpoints of a Service, in one run.

`inside.py` calls `measure`, in the bench's container. Each front door balances over the same three Apaches, one on each node: with a
Service they are its endpoints, as pods on the nodes would be. A lab of its own for each, one after the other, plays the faults, the
planned move and the changes under load; then all labs run at once, and take turns with the load.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import yaml
from inside import SAMPLES, changes_under_load, print_progress, wrk

from hacluster.api import HACluster, parse
from hacluster.nodeconfig import AgentConfig, File
from hacluster.plan import Settings, make_plan
from hacluster.rehearse.drill import play
from hacluster.rehearse.events import Event
from hacluster.rehearse.facts import LabLayout, make_layout
from hacluster.rehearse.faults import FaultInjector
from hacluster.rehearse.lab import Lab, running_lab
from hacluster.rehearse.summary import document

DOORS: Mapping[str, frozenset[str]] = {
    "plain": frozenset(), "tls": frozenset({"tls"}), "service": frozenset({"service"}), "tls-service": frozenset({"tls", "service"}),
}  # fmt: skip
EVENTS = (Event.HAPROXY_CRASH, Event.NODE_LOSS, Event.SWITCHOVER)
MOST_CHANGES = 20
ROUND_SECONDS = 10
_SERVICE = ("web", 80)


def measure(trials: int) -> dict[str, Any]:
    """The document: for each front door the trials, the changes, the rounds of load, and the memory of its agents."""
    found = {name: measure_door(name, trials) for name in DOORS}
    rounds = min(5, trials)
    with ExitStack() as stack:
        labs = {name: stack.enter_context(running_door(name)) for name in DOORS}
        time.sleep(3)
        for number in range(rounds):
            for name, lab in labs.items():
                print_progress(f"front-doors: load on {name} {number + 1}/{rounds}")
                found[name].setdefault("throughput", []).append(wrk(lab, ROUND_SECONDS, 32))
    return {"doors": found, "roundSeconds": ROUND_SECONDS}


def measure_door(name: str, trials: int) -> dict[str, Any]:
    """What one front door costs its clients."""
    with running_door(name) as lab:
        injector = FaultInjector(lab, takeover_timeout=8.0)
        done, worst = play(lab, injector, dict.fromkeys(EVENTS, trials), lambda said: print_progress(f"{name}: {said}"))
        print_progress(f"{name}: changes under load")
        changes = changes_under_load(lab, min(MOST_CHANGES, trials))
        return document(done, worst, {"changes": changes, "agents": [memory(pid) for pid in agents(lab)]})


@contextmanager
def running_door(name: str) -> Iterator[Lab]:
    """A running lab in which a node holds the virtual IP, and every server is up."""
    cluster = cluster_of(DOORS[name])
    with running_lab(cluster, layout=layout_of(cluster)) as lab:
        lab.wait_until(lambda: bool(lab.holder), 60, "any node holds the virtual IP")
        yield lab


def cluster_of(has: frozenset[str]) -> HACluster:
    """The default sample, with TLS at the clients' side or the endpoints of a Service at the servers' side."""
    manifest = yaml.safe_load((SAMPLES / "minimal.yaml").read_text())
    listeners = manifest["spec"]["haproxy"]["listeners"]
    if "tls" in has:
        listeners[0] |= {"port": 443, "tls": {"secretNames": ["web-tls"]}}
    if "service" in has:
        listeners[0]["backend"] = {"service": dict(zip(("name", "port"), _SERVICE, strict=True))}
        listeners.append({"name": "apache", "port": 8181, "backend": {"apache": {}}})  # only so do the nodes run it
    return parse(manifest)


def layout_of(cluster: HACluster) -> LabLayout:
    """The lab's layout, with the nodes' Apaches as the endpoints of the Service."""
    layout = make_layout(cluster)
    if not layout.services:
        return layout
    texts = make_plan(cluster, layout.nodes, Settings(node_image="rehearsal")).texts
    apaches = [AgentConfig.model_validate_json(each[File.AGENT]).apache for each in texts.values()]
    endpoints = tuple((ip_address(each.address), each.port) for each in apaches if each is not None)
    name, port = _SERVICE
    return replace(layout, servers=(), services={name: {port: endpoints}})


def agents(lab: Lab) -> list[int]:
    """The process of each node's agent."""
    running = (node.daemon("agent") for node in lab.nodes.values())
    return [each.pid for each in running if each is not None]


def memory(pid: int) -> dict[str, float]:
    """Resident memory of a process in MB (10⁶ bytes): all of it, its share of pages that others use too, and the most it ever was."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    shares = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return {
        "resident": _megabytes(status, "VmRSS:"), "share": _megabytes(shares, "Pss:"), "peak": _megabytes(status, "VmHWM:"),
    }  # fmt: skip


def _megabytes(lines: list[str], name: str) -> float:
    return round(next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024 / 1e6, 1)
