"""Single connections whose packets arrive where they are not expected, on a stage of `hacluster rehearse`.

Runs in the node image: `python packets.py <FILE`, FILE being a resource; prints what became of each connection as JSON.
"""

import json
import signal
import subprocess
import sys
import time

import yaml

from hacluster.agent.forwarding import Forwarding, remember
from hacluster.api import parse
from hacluster.nodeconfig import AgentConfig, File
from hacluster.rehearse.drill import Drill, orders
from hacluster.rehearse.stage import Stage, on_stage

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
connection = socket.socket()
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
nft("add table ip held; add chain ip held out { type filter hook output priority 0; }; "
    f"add rule ip held out ip daddr {ADDRESS} tcp flags & (syn | rst) == 0 drop")
connection.connect((ADDRESS, PORT))
told("half open")
nft("delete table ip held")
connection.sendall(REQUEST)
print(answer(connection, 5), flush=True)
"""
)


def main() -> None:
    """As the module says."""
    cluster = parse(yaml.safe_load(sys.stdin))
    with on_stage(cluster) as stage:
        drill = Drill(stage)
        drill.settle()
        found: dict[str, object] = {"backup": strays(stage, knows=True), "halfOpen": half_open(stage)}
        drill.settle()
        found["stranger"] = strays(stage, knows=False)  # the last one: its agent does not know what its kernel has forgotten
    print(json.dumps(found))


def strays(stage: Stage, *, knows: bool) -> list[str]:
    """The first answer, what came while the packets went to a backup, and what came after that.

    `knows`: whether the backup's agent has told its kernel who the holder is.
    """
    other = next(name for name in stage.nodes if name != stage.holder)
    if not knows:
        stage.nodes[other].signal("agent", signal.SIGSTOP)
        forget(stage, other)
    try:
        return stray(stage, other)
    finally:
        stage.nodes[other].signal("agent", signal.SIGCONT)


def stray(stage: Stage, other: str) -> list[str]:
    """The same, whatever the backup knows."""
    card = stage.scene.segments[0].name
    (link,) = json.loads(stage.nodes[other].host.run("ip", "-json", "link", "show", "dev", card))
    return stage.client.run(sys.executable, "-c", STRAYS, stage.address, "80", card, link["address"]).split()


def forget(stage: Stage, node: str) -> None:
    """The node has nobody to ask."""
    config = AgentConfig.model_validate_json(stage.plan.texts[node][File.AGENT])
    stage.nodes[node].host.run("nft", remember(Forwarding(config), 0, []))


def half_open(stage: Stage) -> str:
    """The answer to a request by a connection that was half open when the address moved."""
    holder = stage.holder
    forget(stage, holder)  # as when the drain is over
    command = stage.client.enter(sys.executable, "-c", HALF_OPEN, stage.address, "80")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdin and client.stdout
        assert client.stdout.readline() == "half open\n"
        stage.deliver(holder, orders(stage.plan, holder, yields=True))
        until = time.monotonic() + 5
        while stage.holder in {holder, ""}:
            assert time.monotonic() < until, stage.words()
            time.sleep(0.005)
        print("go", file=client.stdin, flush=True)
        said = client.stdout.readline().strip()
    stage.deliver(holder, stage.plan)
    return said


if __name__ == "__main__":
    main()
