"""`make demo`: creates a Kubernetes cluster, installs the operator, applies the tutorial and causes one failover.

The cluster stays: the last lines say how to look at it and how to remove it. Running the demo again reuses it.
"""

import json
import sys
import time
from typing import Any

from rich.console import Console

from tests.cluster import Lab
from tests.e2e.conftest import install_by_helm
from tests.e2e.front import LABEL, SAMPLES, VIP, Front
from tests.e2e.test_2_failures import kill_haproxy_until_moved
from tests.waiting import eventually

NAME = "hacluster-demo"
console = Console(highlight=False, soft_wrap=True)


def step(text: str) -> None:
    console.print(f"\n[bold cyan]==>[/] [bold]{text}[/]")


def wait_until_ready(front: Front, within: float) -> None:
    """Waits for the condition Ready, and prints its reason whenever that changes. Exits the program after `within` seconds."""
    deadline = time.monotonic() + within
    printed = ""
    while True:
        ready = front.condition("Ready")
        if ready["status"] == "True" and front.status()["observedGeneration"] == front.resource()["metadata"]["generation"]:
            console.print(f"    ready: {ready['message']}")
            return
        text = f"{ready['reason']}: {ready['message']}" if ready["message"] else ready["reason"]
        if text != printed:
            console.print(f"    waiting: {text}")
            printed = text
        if time.monotonic() > deadline:
            raise SystemExit(f"the front door was not ready within {within:g} s; look with: kubectl describe hac {front.name}")
        time.sleep(0.3)


def failover(front: Front) -> dict[str, Any]:
    """Kills HAProxy on the holder while a client sends requests every 10 ms; returns the probe's report and `lastFailover`."""
    holder = front.status()["vipHolder"]
    console.print(f"    HAProxy on {holder} is killed, again whenever the kubelet restarts it, until the VIP moved")
    with front.probe(seconds=12) as probe:
        kill_haproxy_until_moved(front, holder, within=30)
        moved = eventually(lambda: moved_from(front, holder), within=10)
        console.print(f"    the kernel of {', '.join(front.holders()) or 'no node'} has {VIP} now; kubectl says:")
        console.print(front.kubectl("get", "hac", front.name))
        report = probe.result()
    return report | {"lastFailover": moved}


def moved_from(front: Front, holder: str) -> dict[str, str]:
    """Returns status.lastFailover; raises AssertionError unless it is a move away from `holder`."""
    moved: dict[str, str] = front.status().get("lastFailover", {})
    assert moved.get("from") == holder, moved
    return moved


def main() -> None:
    began = time.monotonic()
    lab = Lab(NAME)
    step("A Kubernetes of one control plane and three workers, with the tutorial's networks")
    lab.up()
    step("The operator, from its Helm chart")
    install_by_helm(lab)
    step("The tutorial: label three nodes, apply one resource")
    for node in lab.nodes:
        lab.kubectl("label", "node", node, "--overwrite", LABEL)
    lab.kubectl("apply", "-f", str(SAMPLES / "tutorial.yaml"))
    front = Front(lab, "default", "web")
    wait_until_ready(front, within=180)
    console.print("    the highest priority is node1's: waiting until it has taken the virtual IP")
    front.held_by("node1", within=60)

    step("Who holds the virtual IP")
    console.print(front.kubectl("get", "hac", "web", "-o", "wide"))
    step(f"Three answers through http://{VIP}/")
    for _ in range(3):
        console.print("    " + front.get(f"http://{VIP}/").strip())
    step("The statistics page")
    console.print(f"    http://{VIP}:8080/stats and on each node's ens3, such as http://172.16.7.153:8080/stats")

    step("One real failover, seen by a client that opens a new connection every 10 ms")
    report = failover(front)
    console.print(f"    {report['sent']} requests, of which {report['failed']} failed; the front door was shut for")
    console.print("    " + (", ".join(f"{gap:.0f} ms" for gap in report["gaps"]) or "no time at all"))
    console.print(f"    status.lastFailover: {json.dumps(report['lastFailover'])}")
    console.print("    These are the tutorial's own settings: adverts of 1 s, a check every 2 s. The defaults are faster.")
    wait_until_ready(front, within=90)

    step("How to go on")
    console.print(f"    export KUBECONFIG={lab.kubeconfig}")
    console.print(f"    {lab.tools.kubectl} get hac web -o wide --watch")
    console.print(f"    .venv/bin/python -m tests.cluster client --name {NAME} curl http://{VIP}/")
    console.print("    make demo-down     removes everything")
    console.print(f"\nThe whole demo took {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; run it again to go on, or `make demo-down` to remove everything")
