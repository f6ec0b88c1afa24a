"""Single connections whose packets arrive where they are not expected, on a lab of `hacluster rehearse`.

Runs in the node image: `python packets.py <FILE`, FILE being a resource; prints what became of each connection as JSON.
"""

import json
import signal
import subprocess
import sys

import yaml

from hacluster.agent.handover.rules import Forwarding, remember
from hacluster.api import parse
from hacluster.nodeconfig import AgentConfig, File
from hacluster.rehearse.faults import FaultInjector, orders
from hacluster.rehearse.lab import Lab, running_lab

CLIENT = r"""
import socket, subprocess, sys
ADDRESS, PORT = sys.argv[1], int(sys.argv[2])
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
def told(word):
    print(word, flush=True)
    sys.stdin.readline()
def answer(connection, within):
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

# Its neighbour table says for a while that the address is at another node, as when announcements of two nodes cross.
STRAYS = (
    CLIENT
    + r"""
CARD, MAC = sys.argv[3:]
connection.connect((ADDRESS, PORT))
connection.sendall(REQUEST)
first = answer(connection, 3)
subprocess.run(["ip", "neighbour", "replace", ADDRESS, "dev", CARD, "lladdr", MAC, "nud", "permanent"], check=True)
connection.sendall(REQUEST)
strayed = answer(connection, 0.5)
subprocess.run(["ip", "neighbour", "delete", ADDRESS, "dev", CARD], check=True)
print(first, strayed, answer(connection, 5) if strayed == "silence" else "-", flush=True)
"""
)

# The SYN is answered by one holder; what completes the handshake is under way until another has the address.
HALF_OPEN = (
    CLIENT
    + r"""
def nft(text):
    subprocess.run(["nft", text], check=True)
nft("add table inet held; add chain inet held out { type filter hook output priority 0; }; "
    f"add rule inet held out tcp dport {PORT} tcp flags & (syn | rst) == 0 drop")
connection.connect((ADDRESS, PORT))
told("away")
nft("delete table inet held")
connection.sendall(REQUEST)
print(answer(connection, 5), flush=True)
"""
)

# The same port of the client, first for a connection that one holder ended, then for one that lives on with another holder.
REUSED = (
    CLIENT
    + r"""
def bound():
    made = socket.socket(connection.family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("::" if ":" in ADDRESS else "", 40404))
    made.settimeout(3)
    made.connect((ADDRESS, PORT))
    return made
told("away")
with bound() as first:
    first.sendall(REQUEST.replace(b"Host", b"Connection: close\r\nHost"))
    while first.recv(65536):
        pass
told("back")
second = bound()
second.sendall(REQUEST)
before = answer(second, 3)
told("away")
second.sendall(REQUEST)
print(before, answer(second, 5), flush=True)
"""
)


def main() -> None:
    """As the module says."""
    cluster = parse(yaml.safe_load(sys.stdin))
    with running_lab(cluster) as lab:
        injector = FaultInjector(lab)
        injector.settle()
        found: dict[str, object] = {"backup": strays(lab, knows=True), "halfOpen": half_open(lab)}
        injector.settle()
        found["reused"] = reused(lab)
        injector.settle()
        found["stranger"] = strays(lab, knows=False)  # the last one: its agent does not know what its kernel has forgotten
    print(json.dumps(found))


def strays(lab: Lab, *, knows: bool) -> list[str]:
    """The first answer, what came while the packets went to a backup, and what came after that.

    `knows`: whether the backup's agent has told its kernel who the holder is.
    """
    other = next(name for name in lab.nodes if name != lab.holder)
    if not knows:
        lab.nodes[other].signal("agent", signal.SIGSTOP)
        forget(lab, other)
    try:
        return stray(lab, other)
    finally:
        lab.nodes[other].signal("agent", signal.SIGCONT)


def stray(lab: Lab, other: str) -> list[str]:
    """The same, whatever the backup knows."""
    card = lab.layout.segments[0].name
    (link,) = json.loads(lab.nodes[other].host.run("ip", "-json", "link", "show", "dev", card))
    return lab.client.run(sys.executable, "-c", STRAYS, lab.address, "80", card, link["address"]).split()


def forget(lab: Lab, node: str) -> None:
    """The node has nobody to ask."""
    config = AgentConfig.model_validate_json(lab.plan.texts[node][File.AGENT])
    lab.nodes[node].host.run("nft", remember(Forwarding(config), 0, []))


def half_open(lab: Lab) -> str:
    """The answer to a request by a connection that was half open when the address moved."""
    forget(lab, lab.holder)  # as when the drain is over
    (said,) = converse(lab, HALF_OPEN)
    return said


def reused(lab: Lab) -> list[str]:
    """Answers of a connection to the first holder and, after the move, to the second, which had another one from the same port."""
    return converse(lab, REUSED)


def converse(lab: Lab, script: str) -> list[str]:
    """What the client has to say in the end. At each "away" the virtual IP goes to another node, at "back" it comes back."""
    best = lab.holder
    command = lab.client.enter(sys.executable, "-c", script, lab.address, "80")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdin and client.stdout
        while (said := client.stdout.readline().split()) in (["away"], ["back"]):
            away = said == ["away"]
            lab.deliver(best, orders(lab.plan, best, yields=True) if away else lab.plan)
            lab.wait_until(lambda away=away: lab.holder and (lab.holder != best) is away, 5, said[0])  # type: ignore[misc]
            print("done", file=client.stdin, flush=True)
    lab.deliver(best, lab.plan)
    return said


if __name__ == "__main__":
    main()
