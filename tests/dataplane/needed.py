"""Runs inside the node image: nodes lose the servers of a listener that `vrrp.check.listeners` names.

`test_needed.py` runs it: `python needed.py <FILE`, where FILE is a resource with servers of its own. It prints one JSON object:

- `one`: the holder is cut off from all servers: seconds until another node has the virtual IP, and who it is (`moved`);
- `all`: so are the others: milliseconds without a holder from then on, and how many nodes have it after that;
- `back`: all reach the servers again: whether the preferred node comes to have it, and failed requests in the seconds after that;
- `problems`: the reasons that the first node reported while it was cut off.
"""

import json
import sys
import time

import yaml

from hacluster.api import parse
from hacluster.rehearse.faults import FaultInjector
from hacluster.rehearse.lab import Lab, running_lab
from hacluster.rehearse.measure import measure_window
from hacluster.rehearse.settled import wait_for

SECONDS = 6.0
"""Longer than HAProxy needs to find servers down, and nodes to find out that no other one is better."""


def main() -> None:
    """Reads the resource from the standard input, plays the cases, and prints the results."""
    with running_lab(parse(yaml.safe_load(sys.stdin))) as lab:
        first = FaultInjector(lab).settle()
        with lab.clients.running(lab.target):
            one = cut_one(lab, first)
            problems = sorted(each["reason"] for each in lab.nodes[first].entry()["problems"])
            everywhere = cut_rest(lab, first)
            back = heal(lab, first)
    print(json.dumps({"one": one, "all": everywhere, "back": back, "problems": problems}), flush=True)


def cut(lab: Lab, node: str) -> None:
    """Connections of the node to the servers are refused."""
    addresses = {str(address) for address, _ in lab.layout.servers}
    chain = "add table ip cut; add chain ip cut out { type filter hook output priority 0; }"
    lab.nodes[node].host.run("nft", f"{chain}; add rule ip cut out ip daddr {{ {', '.join(addresses)} }} reject")


def cut_one(lab: Lab, holder: str) -> dict[str, object]:
    """Only the holder is cut off."""
    began = time.monotonic()
    cut(lab, holder)
    moved = wait_for(lambda: lab.holder not in {"", holder}, 30)
    seconds = round(time.monotonic() - began, 2)
    time.sleep(SECONDS)
    return {
        "moved": moved,
        "seconds": seconds,
        "holders": len(lab.address_watch.holders(lab.address)),
        "stays": lab.holder != holder,
    }


def cut_rest(lab: Lab, first: str) -> dict[str, object]:
    """All others are cut off as well."""
    began = time.monotonic()
    for name in lab.nodes.keys() - {first}:
        cut(lab, name)
    time.sleep(SECONDS)
    window = began, time.monotonic()
    measured = measure_window(lab.clients.records, lab.address_watch.changes, [], lab.address, window)
    return {"ownerless": round(measured.ownerless), "holders": len(lab.address_watch.holders(lab.address))}


def heal(lab: Lab, first: str) -> dict[str, object]:
    """All reach the servers again."""
    preempts = lab.cluster.spec.vrrp.preemption.mode == "Immediate"
    for node in lab.nodes.values():
        node.host.run("nft", "delete table ip cut")
    home = wait_for(lambda: lab.holder == first, 30) if preempts else wait_for(lambda: bool(lab.holder), 30)
    time.sleep(4)  # the newest checks of all nodes, and requests from before that
    began = time.monotonic()
    time.sleep(2)
    requests = [each for each in lab.clients.records.requests if each.start > began]
    return {"home": home, "requests": len(requests), "failed": sum(not each.answered for each in requests)}


if __name__ == "__main__":
    main()
