"""Runs inside the node image: a listener's `bind` and the preferred node change at once while a client sends requests.

rebound.py SAMPLE [ROUNDS]    prints a JSON list: for each change, the fields of `measure.Measurement`, `settled`, `change`, and
                              `other_failures`: why requests failed that were not reset

The rounds go there and back: from the holder and `bind: Any` to another node and `bind: VirtualIPs`, and back again. In the last change
the virtual IP alone moves away from a listener with `bind: VirtualIPs`, whose connections were opened while another program had removed
the rules. The long-lived connections are opened before each change, and all nodes get their files at about the same time.
"""

import json
import signal
import sys
import time
from dataclasses import asdict
from typing import Any

from hacluster.api import HACluster
from hacluster.cli.documents import read_cluster
from hacluster.rehearse.clients import NEWCOMER_INTERVAL
from hacluster.rehearse.lab import Lab, running_lab
from hacluster.rehearse.measure import measure_window, with_newcomer
from hacluster.rehearse.settled import is_ready, wait_for, wait_until_settled

CONNECTIONS = 20


def variant(document: dict[str, Any], bind: str, holder: str) -> HACluster:
    """The sample with this `bind` of its listener, and with this node preferred."""
    spec = document["spec"]
    routers = [each | {"preferredNode": holder} for each in spec["virtualRouters"]]
    haproxy = spec["haproxy"] | {"listeners": [each | {"bind": bind} for each in spec["haproxy"]["listeners"]]}
    changed = {"virtualRouters": routers, "haproxy": haproxy, "system": {"nonlocalBind": True}}
    return HACluster.model_validate(document | {"spec": spec | changed})


def deliver(lab: Lab, cluster: HACluster) -> None:
    """Gives all nodes this resource."""
    lab.cluster, lab.plan = cluster, lab.plan_of(cluster)
    for name in lab.nodes:
        lab.deliver(name, lab.plan)


def change(lab: Lab, second: HACluster, holder: str, flushed: str = "") -> dict[str, object]:
    """Gives all nodes the second resource, and measures until its preferred node has the virtual IP and a second more.

    `flushed`: a node that has no nftables rules, and whose agent does not run, while the connections are opened.
    """
    if flushed:
        lab.nodes[flushed].signal("agent", signal.SIGSTOP)
        lab.nodes[flushed].host.run("nft", "flush", "ruleset")
    with lab.clients.running(lab.target, connections=CONNECTIONS):
        time.sleep(0.3)
        if flushed:
            lab.nodes[flushed].signal("agent", signal.SIGCONT)
            lab.wait_until(lambda: "dup to" in lab.nodes[flushed].host.run("nft", "list", "ruleset"), 5, "the tables are back")
        started = time.monotonic()
        deliver(lab, second)
        settled = wait_for(
            lambda: lab.address_watch.holders(lab.address) == {holder} and all(is_ready(lab, each) for each in lab.nodes), 30
        )
        time.sleep(1.5)
    window = started, time.monotonic() - 0.2
    answers = lab.arp_watch.answers if lab.arp_watch else []
    client, newcomer = lab.clients.records, lab.clients.newcomer_records
    measured = measure_window(client, lab.address_watch.changes, answers, lab.address, window)
    failed = [each for each in (*client.requests, *newcomer.requests) if not each.answered and each.start >= started]
    others = [each.detail for each in failed if "ConnectionReset" not in each.detail]
    both = asdict(with_newcomer(measured, newcomer, window, NEWCOMER_INTERVAL))
    return {"settled": settled, "other_failures": others, **both}


def main(sample: str, rounds: str = "1") -> None:
    """Plays the changes."""
    document = read_cluster(sample, "rebound").model_dump(mode="json", by_alias=True, exclude_unset=True)
    first, second = "node2", "node1"
    results = []
    with running_lab(variant(document, "Any", first)) as lab:
        wait_for(lambda: wait_until_settled(lab) == first, 30)
        for _ in range(int(rounds)):
            for bind, holder in (("VirtualIPs", second), ("Any", first)):
                results.append({"change": f"{bind}, {holder}", **change(lab, variant(document, bind, holder), holder)})
        deliver(lab, variant(document, "VirtualIPs", first))
        wait_until_settled(lab)
        moved = variant(document, "VirtualIPs", second)
        results.append({"change": f"flushed, {second}", **change(lab, moved, second, flushed=first)})
    print(json.dumps(results), flush=True)


main(*sys.argv[1:])
