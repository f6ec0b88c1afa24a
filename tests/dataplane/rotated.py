"""Runs inside the node image: the password of the advertisements comes, changes, changes back and goes while clients send requests.

rotated.py SAMPLE    Prints one JSON object a step: its name, the fields of `measure.Measurement`, whether the lab settled, and when.

Secrets reach all nodes at once, but one backup's agent is stopped for a while in some steps, as if its watch were late. Configurations
are delivered half a second apart, the holder last.
"""

import base64
import json
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

from hacluster.agent.system.files import replace_private_file
from hacluster.agent.vrrp.authentication import password_in
from hacluster.api import HACluster
from hacluster.cli.documents import read_cluster
from hacluster.nodeconfig import File
from hacluster.rehearse.clients import NEWCOMER_INTERVAL
from hacluster.rehearse.containers import SECRETS_FILE
from hacluster.rehearse.lab import Lab, running_lab
from hacluster.rehearse.measure import measure_window, with_newcomer
from hacluster.rehearse.settled import is_ready, wait_for, wait_until_settled

APART = 0.5
VERSION_2 = {"version": 2, "advertisementInterval": "1s"}
SECRET = {"authenticationSecret": {"name": "vrrp"}}
A, B = "planted1", "planted2"


def put(lab: Lab, password: str) -> None:
    """The Secret has this password from now on."""
    data = {"password": base64.b64encode(password.encode()).decode()}
    replace_private_file(lab.folder / SECRETS_FILE, json.dumps({"items": [{"metadata": {"name": "vrrp"}, "data": data}]}))


def password(lab: Lab, node: str) -> str:
    """The password that the node's keepalived has loaded."""
    return password_in(lab.nodes[node].paths.good(File.KEEPALIVED).read_text())


def deliver(lab: Lab, cluster: HACluster, holder: str) -> None:
    """The nodes get the resource half a second apart, the holder last."""
    lab.cluster, lab.plan = cluster, lab.plan_of(cluster)
    for number, name in enumerate(sorted(lab.nodes, key=lambda each: each == holder)):
        time.sleep(APART * bool(number))
        lab.deliver(name, lab.plan)


def step(lab: Lab, name: str, holder: str, wanted: str, change: Callable[[], None]) -> None:
    """Plays one change under load and prints what it cost."""
    with lab.clients.running(lab.target, connections=10):
        started = time.monotonic()
        change()

        def done() -> bool:
            alone = lab.address_watch.holders(lab.address) == {holder}
            return alone and all(is_ready(lab, each) and password(lab, each) == wanted for each in lab.nodes)

        settled = wait_for(done, 30)
        took = time.monotonic() - started
        time.sleep(4)  # a node that hears nothing takes over after three to four seconds
    window = started, time.monotonic() - 0.2
    answers = lab.arp_watch.answers if lab.arp_watch else []
    measured = measure_window(lab.clients.records, lab.address_watch.changes, answers, lab.address, window)
    measured = with_newcomer(measured, lab.clients.newcomer_records, window, NEWCOMER_INTERVAL)
    settled = settled and lab.address_watch.holders(lab.address) == {holder}
    print(json.dumps({"step": name, "settled": settled, "took": round(took, 1), **asdict(measured)}), flush=True)


def main(sample: str) -> None:
    """Plays all steps."""
    document = read_cluster(sample, "rotated").model_dump(mode="json", by_alias=True, exclude_unset=True)
    specs = (document["spec"] | {"vrrp": VERSION_2 | each} for each in ({}, SECRET))
    without, having = (HACluster.model_validate(document | {"spec": each}) for each in specs)
    with running_lab(without) as lab:
        put(lab, A)
        holder = wait_until_settled(lab)
        late = next(name for name in lab.nodes if name != holder)

        def rotate_late(value: str) -> None:
            lab.nodes[late].signal("agent", signal.SIGSTOP)
            put(lab, value)
            time.sleep(2.5)
            lab.nodes[late].signal("agent", signal.SIGCONT)

        step(lab, "on", holder, A, lambda: deliver(lab, having, holder))
        step(lab, "rotated", holder, B, lambda: put(lab, B))
        step(lab, "rotated back", holder, A, lambda: put(lab, A))
        step(lab, "one agent late", holder, B, lambda: rotate_late(B))
        step(lab, "one agent late, back", holder, A, lambda: rotate_late(A))
        step(lab, "off", holder, "", lambda: deliver(lab, without, holder))
        said = [node.host.log(name) for node in lab.nodes.values() for name in ("agent", "keepalived", "haproxy")]
        said += [(node.paths.run / "entries").read_text() for node in lab.nodes.values()]
        print(json.dumps({"step": "printed", "leaks": sum(value in text for value in (A, B) for text in said)}), flush=True)


main(*sys.argv[1:])
