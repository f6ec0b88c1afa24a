"""Runs inside the node image: two virtual IPs with homes of their own, and one of the nodes is lost and comes back.

`test_two_addresses.py` runs it: `python two_addresses.py <FILE`, where FILE is manifests/samples/two-addresses.yaml. It prints one JSON
object with the holders of both addresses at each stage.
"""

import json
import sys
import time

import yaml

from hacluster.api import parse
from hacluster.rehearse.lab import Lab, running_lab
from hacluster.rehearse.settled import is_ready, wait_for

Holders = list[list[str]]


def main() -> None:
    """Reads the resource from the standard input, plays the stages, and prints the results."""
    cluster = parse(yaml.safe_load(sys.stdin))
    addresses = [str(router.virtual_ips[0].ip) for router in cluster.spec.virtual_routers]
    home: Holders = [["node1"], ["node2"]]
    results = {}
    with running_lab(cluster) as lab:
        results["start"] = settled(lab, addresses, home)
        results["answers"] = [answers(lab, address) for address in addresses]
        lab.set_isolated("node1", isolated=True)
        # Who is cut off takes both for its own, where nobody can reach them.
        results["lost"] = settled(lab, addresses, [["node1", "node2"]] * 2)
        results["answersLost"] = [answers(lab, address) for address in addresses]
        lab.set_isolated("node1", isolated=False)
        results["back"] = settled(lab, addresses, home)
    print(json.dumps(results), flush=True)


def holders(lab: Lab, addresses: list[str]) -> Holders:
    """For each address, the nodes whose kernels have it."""
    return [sorted(lab.address_watch.holders(address)) for address in addresses]


def settled(lab: Lab, addresses: list[str], expected: Holders) -> Holders:
    """Waits until the holders are these for two seconds, for 40 s at most; returns who they are."""

    def stays() -> bool:
        if holders(lab, addresses) != expected:
            return False
        time.sleep(2)
        return holders(lab, addresses) == expected

    wait_for(lambda: all(is_ready(lab, each) for each in lab.nodes), 20)
    wait_for(stays, 40)
    return holders(lab, addresses)


def answers(lab: Lab, address: str) -> bool:
    """Whether a page comes from this address."""
    command = ("python3", "-c", f"import urllib.request as u; print(u.urlopen('http://{address}/', timeout=5).status)")
    return lab.client.run(*command).strip() == "200"


if __name__ == "__main__":
    main()
