"""A node that was lost and boots, in a lab of `hacluster rehearse`: does it get its own address back, while the other nodes ask for it?

`test_booting.py` runs it in the node image: `python booting.py <FILE`, where FILE is a resource. It prints one JSON object:
`rivals`: what the node heard that makes an address a duplicate; `back`: milliseconds from the use of the address until all others know.

For IPv6 the node's kernel looks for duplicates itself (RFC 4862, section 5.4). For IPv4 `LOOK_FOR_DUPLICATES` does, as NetworkManager
and systemd-networkd do (RFC 5227, section 2.1.1), with the shortest times that the RFC allows.
"""

import json
import signal
import sys
import time
from ipaddress import IPv4Interface, IPv6Interface

import yaml

from hacluster.api import parse
from hacluster.rehearse.faults import FaultInjector
from hacluster.rehearse.lab import Lab, running_lab

LOOK_FOR_DUPLICATES = r"""
import select, socket, struct, sys, time
INTERFACE, ADDRESS = sys.argv[1], socket.inet_aton(sys.argv[2])
packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0806))
packets.bind((INTERFACE, 0x0806))
own = packets.getsockname()[4]
probe = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, own, bytes(4), bytes(6), ADDRESS)
rivals = set()
for pause in (1.0, 1.0, 2.0):  # PROBE_MIN, PROBE_MIN, ANNOUNCE_WAIT
    packets.sendto(probe, (INTERFACE, 0x0806, 0, 0, b"\xff" * 6))
    until = time.monotonic() + pause
    while (left := until - time.monotonic()) > 0:
        if select.select([packets], [], [], left)[0]:
            _, _, _, _, operation, mac, sender, _, target = struct.unpack("!HHBBH6s4s6s4s", packets.recv(2048)[:28])
            if mac != own and sender == ADDRESS:
                rivals.add(f"{mac.hex(':')} has the address")
            if mac != own and operation == 1 and sender == bytes(4) and target == ADDRESS:
                rivals.add(f"{mac.hex(':')} probes for it as well")
for rival in sorted(rivals):
    print(rival)
"""


def main() -> None:
    """Reads the resource from the standard input, loses a backup, lets it boot, and prints what it heard."""
    cluster = parse(yaml.safe_load(sys.stdin))
    with running_lab(cluster) as lab:
        FaultInjector(lab).settle()
        node = next(name for name in lab.nodes if name != lab.holder)
        segment = lab.layout.segments[0].name
        view = next(each for each in lab.layout.nodes if each.name == node)
        (address,) = next(each.addresses for each in view.interfaces or () if each.name == segment)
        lose(lab, node, segment, address)
        rivals = boot(lab, node, segment, address)
        booted = time.monotonic()
        back = lab.wait_until(lambda: all("answers again" in log for log in others_logs(lab, node)), 15, "they know it") - booted
    print(json.dumps({"rivals": rivals, "back": round(1000 * back)}))


def lose(lab: Lab, node: str, segment: str, address: IPv4Interface | IPv6Interface) -> None:
    """Ends the node's daemons, takes it off the network and takes its address; waits until the others know that it is gone."""
    with lab.lock:
        lab.nodes[node].restarts = False
        for name in ("keepalived", "haproxy", "agent"):
            lab.nodes[node].signal(name, signal.SIGKILL)
    lab.set_isolated(node, isolated=True)
    lab.nodes[node].host.run("ip", "address", "delete", str(address), "dev", segment)
    lab.wait_until(lambda: all("is gone" in log for log in others_logs(lab, node)), 10, f"the others miss {node}")


def boot(lab: Lab, node: str, segment: str, address: IPv4Interface | IPv6Interface) -> list[str]:
    """Connects the node, and gives it its address once it has looked for duplicates. Returns the rivals."""
    host = lab.nodes[node].host
    lab.set_isolated(node, isolated=False)
    rivals: list[str] = []
    if address.version == 4:
        rivals = host.run(sys.executable, "-c", LOOK_FOR_DUPLICATES, segment, str(address.ip)).splitlines()
    host.run("ip", "address", "add", str(address), "dev", segment)
    while "tentative" in (state := host.run("ip", "address", "show", "dev", segment, "to", str(address.ip))):
        if "dadfailed" in state:
            return [f"the kernel: {state.split('inet6')[1].strip()}"]
        time.sleep(0.02)
    return rivals


def others_logs(lab: Lab, node: str) -> list[str]:
    """What the agents of the other nodes have printed."""
    return [each.host.log("agent") for name, each in lab.nodes.items() if name != node]


if __name__ == "__main__":
    main()
