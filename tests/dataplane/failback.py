"""A holder that cannot reach the Apaches of the other nodes: its pod is deleted, and later the resource is changed, in a lab of
`hacluster rehearse`.

`test_failback.py` runs it in the node image: `python failback.py <FILE`, where FILE is a resource with Apache. It prints one JSON
object: for each case how many requests there were, how many failed, and how long it took. Cases:

- `failback`: the pod is deleted, another one starts, and the virtual IP comes back;
- `reload`: the resource is changed, so that HAProxy reloads.
"""

import json
import sys
import time
from collections.abc import Callable

import yaml

from hacluster.agent.haproxy.commands import SERVERS, parse_servers
from hacluster.api import HACluster, parse
from hacluster.rehearse.client import DEADLINE
from hacluster.rehearse.faults import FaultInjector, replace_model
from hacluster.rehearse.lab import Lab, running_lab
from hacluster.rehearse.settled import is_settled


def main() -> None:
    """Reads the resource from the standard input, plays the cases, and prints the results."""
    cluster = parse(yaml.safe_load(sys.stdin))
    with running_lab(cluster) as lab:
        holder = FaultInjector(lab).settle()
        cut_servers_off(lab, holder)
        with lab.clients.running(lab.target):
            failback = measure(lab, holder, lambda: delete_pod(lab, holder))
            reload = measure(lab, holder, lambda: lab.apply(with_fewer_connections(cluster)))
    print(json.dumps({"failback": failback, "reload": reload}))


def measure(lab: Lab, holder: str, act: Callable[[], None]) -> dict[str, object]:
    """Acts, waits until the holder has the virtual IP, and then for as long as a request to a server that does not answer may take."""
    started = time.monotonic()
    act()
    lab.wait_until(lambda: is_settled(lab, holder), 30, f"{holder} has the virtual IP again")
    settled = time.monotonic()
    time.sleep(DEADLINE + 1)  # only requests that have ended are recorded
    both = (*lab.clients.records.requests, *lab.clients.newcomer_records.requests)
    requests = [each for each in both if each.start > started]
    failed = [each for each in requests if not each.answered]
    details = sorted({each.detail for each in failed})
    return {"requests": len(requests), "failed": len(failed), "details": details, "seconds": settled - started}


def with_fewer_connections(cluster: HACluster) -> HACluster:
    """The resource with another limit, which changes haproxy.cfg and leaves the servers as they are."""
    return replace_model(
        cluster, spec=replace_model(cluster.spec, haproxy=replace_model(cluster.spec.haproxy, max_connections=3000))
    )


def cut_servers_off(lab: Lab, node: str) -> None:
    """The node's packets to the other nodes' Apaches vanish; its HAProxy has noticed that when this returns."""
    apache = lab.cluster.spec.apache
    addresses = [str(each.backend_address) for each in lab.plan.topology.nodes if each.name != node]
    chain = "add table ip cut; add chain ip cut out { type filter hook output priority 0; }"
    rule = f"add rule ip cut out ip daddr {{ {', '.join(addresses)} }} tcp dport {apache.port if apache else 0} drop"
    lab.nodes[node].host.run("nft", f"{chain}; {rule}")
    lab.wait_until(lambda: servers_down(lab, node) == len(addresses), 30, "HAProxy has noticed which servers it cannot reach")


def servers_down(lab: Lab, node: str) -> int:
    """How many servers the node's HAProxy takes for down; 0 also while it does not answer."""
    try:
        servers = parse_servers(lab.nodes[node].ask_haproxy(SERVERS))
    except OSError:
        return 0
    return sum(status.startswith("DOWN") for backend in servers.values() for status in backend.values())


def delete_pod(lab: Lab, node: str) -> None:
    """Deletes the node's pod; the DaemonSet creates another one."""
    lab.nodes[node].stop_pod(lab.drain, lab.lock)
    with lab.lock:
        lab.nodes[node].start_pod()


if __name__ == "__main__":
    main()
