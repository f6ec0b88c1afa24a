"""Single connections whose packets arrive at a node that does not have them, in a lab of `hacluster rehearse`.

`test_packets.py` runs it in the node image: `python packets.py <FILE`, where FILE is a resource. It prints one JSON object: for each
case, what the client received. Cases: `backup`, `uninformed`, `reused`, `drained`, `flushed`, `fresh`, `halfOpen` and `reloaded` (see the
functions below).

The client's side is a script (Python text) that runs in the client's network namespace.
"""

import json
import signal
import subprocess
import sys

import yaml

from hacluster.agent.handover.forwarding import Forwarding
from hacluster.agent.handover.rules import recent_holders
from hacluster.api import parse
from hacluster.nodeconfig import AgentConfig, File
from hacluster.rehearse.faults import FaultInjector, plan_with_yields
from hacluster.rehearse.lab import Lab, running_lab

CLIENT = r"""
import socket, subprocess, sys, time
ADDRESS, PORT = sys.argv[1], int(sys.argv[2])
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
def request_move(command):
    print(command, flush=True)
    sys.stdin.readline()
def receive(connection, within):
    connection.settimeout(within)
    try:
        return "answered" if connection.recv(65536).startswith(b"HTTP/1.1 200") else "closed"
    except TimeoutError:
        return "silence"
    except OSError as error:
        return type(error).__name__
connection = socket.socket(socket.AF_INET6 if ":" in ADDRESS else socket.AF_INET)
connection.settimeout(3)
"""

# For one request, the client's neighbour table says that the virtual IP is at another node, as when gratuitous ARP packets of two nodes
# cross. Prints the answers before, during and after that.
WRONG_NODE = (
    CLIENT
    + r"""
INTERFACE, MAC = sys.argv[3:]
connection.connect((ADDRESS, PORT))
connection.sendall(REQUEST)
before = receive(connection, 3)
subprocess.run(["ip", "neighbour", "replace", ADDRESS, "dev", INTERFACE, "lladdr", MAC, "nud", "permanent"], check=True)
connection.sendall(REQUEST)
during = receive(connection, 0.5)
subprocess.run(["ip", "neighbour", "delete", ADDRESS, "dev", INTERFACE], check=True)
print(before, during, receive(connection, 5) if during == "silence" else "-", flush=True)
"""
)

# One holder answers the SYN. The packet that completes the handshake is dropped on the way (by the client's own nftables rule), until
# what the arguments say has happened: commands before the connection, and commands while it is half open.
HALF_OPEN = (
    CLIENT
    + r"""
def nft(text):
    subprocess.run(["nft", text], check=True)
for command in sys.argv[3].split():
    request_move(command)
nft("add table inet held; add chain inet held out { type filter hook output priority 0; }; "
    f"add rule inet held out tcp dport {PORT} tcp flags & (syn | rst) == 0 drop")
connection.connect((ADDRESS, PORT))
for command in sys.argv[4].split():
    request_move(command)
nft("delete table inet held")
connection.sendall(REQUEST)
print(receive(connection, 5), flush=True)
"""
)

# The client uses the same port twice: first for a connection to one holder, which ended, then for one to another holder. When the
# first holder has the virtual IP again, it has to pass the packets of the second connection on.
REUSED = (
    CLIENT
    + r"""
def connect_from_port():
    opened = socket.socket(connection.family)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind(("::" if ":" in ADDRESS else "", 40404))
    opened.settimeout(3)
    opened.connect((ADDRESS, PORT))
    return opened
request_move("away")
with connect_from_port() as first:
    first.sendall(REQUEST.replace(b"Host", b"Connection: close\r\nHost"))
    while first.recv(65536):
        pass
request_move("back")
second = connect_from_port()
second.sendall(REQUEST)
before = receive(second, 3)
for command in sys.argv[3].split():
    request_move(command)
time.sleep(float(sys.argv[4]))
for command in sys.argv[5].split():
    request_move(command)
second.sendall(REQUEST)
print(before, receive(second, float(sys.argv[6])), flush=True)
"""
)


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
    interface = lab.layout.segments[0].name
    (link,) = json.loads(lab.nodes[backup].host.run("ip", "-json", "link", "show", "dev", interface))
    return lab.client.run(sys.executable, "-c", WRONG_NODE, lab.address, "80", interface, link["address"]).split()


def remove_holders(lab: Lab, node: str) -> None:
    """Removes the entries of the holders from the node's kernel: it passes nothing on."""
    config = AgentConfig.model_validate_json(lab.plan.texts[node][File.AGENT])
    lab.nodes[node].host.run("nft", recent_holders(Forwarding(config), 0, []))


def half_open(lab: Lab) -> str:
    """The answer on a connection that was half open when the virtual IP moved."""
    remove_holders(lab, lab.holder)  # as when the drain is over
    (result,) = run_with_moves(lab, HALF_OPEN, "", "away")
    return result


def reloaded(lab: Lab) -> str:
    """The answer on a connection to a new holder that was half open when the rules were loaded again."""
    (result,) = run_with_moves(lab, HALF_OPEN, "away", "flush")
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
    nftables rules (`flush`), at "flush-backups" the others do. The script goes on after that.
    """
    best = lab.holder
    command = lab.client.enter(sys.executable, "-c", script, lab.address, "80", *argv)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdin and client.stdout
        while (words := client.stdout.readline().split()) in (["away"], ["back"], ["flush"], ["flush-backups"]):
            if words[0].startswith("flush"):
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
