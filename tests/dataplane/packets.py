"""Single connections whose packets arrive at a node that does not have them, in a lab of `hacluster rehearse`.

`test_packets.py` runs it in the node image: `python packets.py <FILE`, where FILE is a resource. It prints one JSON object: for each
case, what the client received. Cases: `backup`, `uninformed`, `reused`, `drained`, `flushed`, `fresh`, `halfOpen`, `reloaded`,
`twoHolders` and `rival` (see the functions below).

The client's side is in `connection_scripts.py`.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import yaml
from connection_scripts import HALF_OPEN, REUSED, TWO_HOLDERS, WRONG_NODE

from hacluster.agent.handover.forwarding import Forwarding
from hacluster.agent.handover.rules import recent_holders, record_set
from hacluster.api import parse
from hacluster.nodeconfig import AgentConfig, File
from hacluster.rehearse.faults import FaultInjector, plan_with_yields
from hacluster.rehearse.lab import Lab, running_lab


def main() -> None:
    """Reads the resource from the standard input, runs all cases, and prints their results."""
    cluster = parse(yaml.safe_load(sys.stdin))
    with running_lab(cluster) as lab:
        injector = FaultInjector(lab)
        injector.settle()
        results: dict[str, object] = {"backup": wrong_node(lab, informed=True), "halfOpen": half_open(lab)}
        injector.settle()
        results["reloaded"] = reloaded(lab)
        injector.settle()
        results["reused"] = reused(lab)
        injector.settle()
        results["drained"] = reused(lab, lab.drain + 1.5)
        injector.settle()
        results["flushed"] = reused(lab, lab.drain + 1.5, "flush")
        injector.settle()
        results["fresh"] = reused(lab, before="flush-backups", within=1)
        injector.settle()
        results["twoHolders"] = two_holders(lab)
        injector.settle()
        results["rival"] = rival(lab)
        injector.settle()
        # The last case: the agent does not know that the entries in its kernel were removed.
        results["uninformed"] = wrong_node(lab, informed=False)
    print(json.dumps(results))


def wrong_node(lab: Lab, *, informed: bool) -> list[str]:
    """Sends packets to a backup for a while; returns the answers before, during and after that ("-": none was outstanding).

    `informed`: whether the backup's kernel has an entry for the holder.
    """
    backup = next(name for name in lab.nodes if name != lab.holder)
    if not informed:
        lab.nodes[backup].signal("agent", signal.SIGSTOP)
        remove_holders(lab, backup)
    try:
        return send_to_backup(lab, backup)
    finally:
        lab.nodes[backup].signal("agent", signal.SIGCONT)


def send_to_backup(lab: Lab, backup: str) -> list[str]:
    """Runs `WRONG_NODE` with the backup's MAC."""
    return lab.client.run(sys.executable, "-c", WRONG_NODE, lab.address, "80", *interface_and_macs(lab, backup)).split()


def interface_and_macs(lab: Lab, *nodes: str) -> list[str]:
    """The name of the interface of the virtual IP, the same on all hosts, and the nodes' MAC addresses on it."""
    interface = lab.layout.segments[0].name
    links = [json.loads(lab.nodes[each].host.run("ip", "-json", "link", "show", "dev", interface))[0] for each in nodes]
    return [interface, *(link["address"] for link in links)]


@contextmanager
def second_holder(lab: Lab) -> Iterator[list[str]]:
    """The holder and another node that has the virtual IP as well, for as long as the block runs.

    The other node is made deaf for VRRP, so that it takes the address while the first one keeps it: the first one hears a lower priority.
    """
    holder = lab.holder
    other = lab.nodes[next(name for name in lab.nodes if name != holder)]
    other.host.run("nft", "add table inet deaf; add chain inet deaf in { type filter hook input priority 0; }; "
                   "add rule inet deaf in meta l4proto 112 drop")  # fmt: skip
    try:
        lab.wait_until(lambda: lab.address_watch.holders(lab.address) == {holder, other.name}, 10, "two holders")
        yield [holder, other.name]
    finally:
        other.host.run("nft", "delete", "table", "inet", "deaf")


def wait_for_drain(lab: Lab) -> None:
    """Waits until the holder passes on no packets."""
    lab.wait_until(lambda: not passes_on(lab, lab.holder), lab.drain + 5, "the drain after the last move is over")


def two_holders(lab: Lab) -> list[str]:
    """The answers of one connection by way of the node that accepted it, and then of another one that has the virtual IP as well."""
    wait_for_drain(lab)
    with second_holder(lab) as (holder, other):
        macs = interface_and_macs(lab, other, holder)
        return lab.client.run(sys.executable, "-c", TWO_HOLDERS, lab.address, "80", *macs).split()


def rival(lab: Lab) -> str:
    """The answer on a connection to the holder that was half open when another node began to advertise the virtual IP as well.

    It has to come before the holder forgets the other node: the client's system would send the request again then.
    """
    wait_for_drain(lab)
    forwarding, family = forwarding_of(lab, lab.holder)
    lab.nodes[lab.holder].host.run("nft", "flush", "set", family, forwarding.name, record_set(0))  # as a minute after the drain
    interface, mac = interface_and_macs(lab, lab.holder)
    neighbour = [lab.address, "dev", interface]
    lab.client.run("ip", "neighbour", "replace", *neighbour, "lladdr", mac, "nud", "permanent")
    try:
        (result,) = run_with_moves(lab, HALF_OPEN, "", "rival", "1.5")
    finally:
        lab.client.run("ip", "neighbour", "delete", *neighbour)
    return result


def forwarding_of(lab: Lab, node: str) -> tuple[Forwarding, str]:
    """What the node's agent installs, and the family of the table with the virtual IP."""
    config = AgentConfig.model_validate_json(lab.plan.texts[node][File.AGENT])
    return Forwarding(config), "ip6" if ":" in lab.address else "ip"


def remove_holders(lab: Lab, node: str) -> None:
    """Removes the entries of the holders from the node's kernel: it passes nothing on."""
    forwarding, _ = forwarding_of(lab, node)
    lab.nodes[node].host.run("nft", recent_holders(forwarding, 0, []))


def passes_on(lab: Lab, node: str) -> bool:
    """Whether the node's kernel has an entry of an earlier holder."""
    forwarding, family = forwarding_of(lab, node)
    return "elements" in lab.nodes[node].host.run("nft", "list", "set", family, forwarding.name, "known0")


def half_open(lab: Lab) -> str:
    """The answer on a connection that was half open when the virtual IP moved."""
    remove_holders(lab, lab.holder)  # as when the drain is over
    (result,) = run_with_moves(lab, HALF_OPEN, "", "away", "5")
    return result


def reloaded(lab: Lab) -> str:
    """The answer on a connection to a new holder that was half open when the rules were loaded again."""
    (result,) = run_with_moves(lab, HALF_OPEN, "away", "flush", "5")
    return result


def reused(lab: Lab, later: float = 0, commands: str = "", *, before: str = "", within: float = 5) -> list[str]:
    """The answers on one connection before and after a move to a holder that had another connection from the same port.

    `before`: what is done before the move. `later`: seconds after it in which the client sends nothing. `commands`: what is done on the
    new holder after that. `within`: the seconds in which the answer has to arrive.
    """
    return run_with_moves(lab, REUSED, f"{before} away", str(later), commands, str(within))


def flush(lab: Lab, *nodes: str) -> None:
    """Removes all nftables rules of the nodes, as another program may do, and waits until their agents have put their own back."""
    hosts = [lab.nodes[node].host for node in nodes]
    before = [host.run("nft", "list", "tables") for host in hosts]
    for host in hosts:
        host.run("nft", "flush", "ruleset")
    lab.wait_until(lambda: [host.run("nft", "list", "tables") for host in hosts] == before, 5, "the tables are back")


def run_with_moves(lab: Lab, script: str, *argv: str) -> list[str]:
    """Runs a client's script; returns the words of its last line.

    When the script prints "away", the virtual IP is moved to another node; at "back" it comes back; at "flush" the holder loses its
    nftables rules (`flush`), at "flush-backups" the others do; at "rival" another node has the virtual IP as well for a moment. The
    script goes on after that.
    """
    best = lab.holder
    command = lab.client.enter(sys.executable, "-c", script, lab.address, "80", *argv)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdin and client.stdout
        while (words := client.stdout.readline().split()) in (["away"], ["back"], ["flush"], ["flush-backups"], ["rival"]):
            if words == ["rival"]:
                with second_holder(lab):
                    lab.wait_until(lambda: passes_on(lab, best), 5, "the holder passes packets on")
                lab.wait_until(lambda: lab.address_watch.holders(lab.address) == {best}, 5, "one holder")
            elif words[0].startswith("flush"):
                flush(lab, *([lab.holder] if words == ["flush"] else lab.nodes.keys() - {lab.holder}))
            else:
                away = words == ["away"]
                lab.deliver(best, plan_with_yields(lab.plan, best, yields=True) if away else lab.plan)
                lab.wait_until(lambda away=away: lab.holder and (lab.holder != best) is away, 5, words[0])  # type: ignore[misc]
            print("done", file=client.stdin, flush=True)
    lab.deliver(best, lab.plan)
    return words


if __name__ == "__main__":
    main()
