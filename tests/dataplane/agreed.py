"""Runs inside the node image: changes settings on which all nodes must agree while a client sends requests, and prints what it cost.

agreed.py SAMPLE FIRST SECOND    FIRST and SECOND are JSON objects that are merged into the sample's spec

The nodes get the second resource half a second apart, the holder last. It prints one JSON object: the fields of `measure.Measurement`,
and whether the lab settled.
"""

import json
import sys
import time
from dataclasses import asdict
from typing import Any

from hacluster.api import HACluster
from hacluster.cli.documents import read_cluster
from hacluster.rehearse.clients import NEWCOMER_INTERVAL
from hacluster.rehearse.lab import running_lab
from hacluster.rehearse.measure import measure_window, with_newcomer
from hacluster.rehearse.settled import is_ready, wait_for, wait_until_settled

APART = 0.5


def merged(base: Any, change: Any) -> Any:
    """`base` with the values of `change`, object by object; lists are replaced."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    return base | {key: merged(base.get(key), value) for key, value in change.items()}


def main(sample: str, *specs: str) -> None:
    """Plays the change once."""
    document = read_cluster(sample, "agreed").model_dump(mode="json", by_alias=True, exclude_unset=True)
    first, second = (HACluster.model_validate(merged(document, {"spec": json.loads(spec)})) for spec in specs)
    with running_lab(first) as lab:
        holder = wait_until_settled(lab)
        with lab.clients.running(lab.target, connections=10):
            started = time.monotonic()
            lab.cluster, lab.plan = second, lab.plan_of(second)
            for number, name in enumerate(sorted(lab.nodes, key=lambda each: each == holder)):
                time.sleep(APART * bool(number))
                lab.deliver(name, lab.plan)
            settled = wait_for(
                lambda: lab.address_watch.holders(lab.address) == {holder} and all(is_ready(lab, each) for each in lab.nodes), 30
            )
            time.sleep(0.5)
        window = started, time.monotonic() - 0.2
        answers = lab.arp_watch.answers if lab.arp_watch else []
        measured = measure_window(lab.clients.records, lab.address_watch.changes, answers, lab.address, window)
        measured = with_newcomer(measured, lab.clients.newcomer_records, window, NEWCOMER_INTERVAL)
    print(json.dumps({"settled": settled, **asdict(measured)}), flush=True)


main(*sys.argv[1:])
