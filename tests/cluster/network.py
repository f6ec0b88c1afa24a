"""Writes the shell scripts that make the tutorial's two networks and the routes between the nodes' pods. Pure; `wiring.py` runs them.

The networks are two bridges inside one privileged container, the *switch*, with a veth pair from there to every node. So they do
not appear in the machine's own network namespace and cannot collide with its networks, Kubernetes uses kind's network, and
removing one container removes everything. A pair disappears with its node, and is made again when the node is started.
"""

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass

PODS = "10.244.0.0/16"


@dataclass(frozen=True)
class Cable:
    """A veth pair: one end in the switch, the other in a container."""

    bridge: str  # in the switch
    interface: str  # in the container
    address: str  # with prefix length

    @property
    def port(self) -> str:
        """The interface's name on the switch's side, e.g. "public-153"."""
        return f"{self.bridge}-{self.address.split('/')[0].rsplit('.', 1)[-1]}"

    @property
    def hardware_address(self) -> str:
        """Derived from the address, so that it is the same after a power loss and the neighbours' ARP caches stay valid."""
        return "02:00:" + ":".join(f"{byte:02x}" for byte in ipaddress.ip_interface(self.address).ip.packed)


BRIDGES = ("public", "private")
NODES: Mapping[str, tuple[Cable, ...]] = {
    f"node{number}": (Cable("public", "ens3", f"172.16.7.{public}/24"), Cable("private", "eth0", f"192.168.60.{private}/24"))
    for number, public, private in ((1, 153, 210), (2, 163, 220), (3, 173, 230))
}
CLIENT = (Cable("public", "eth0", "172.16.7.10/24"),)
NEWCOMER = (Cable("public", "eth0", "172.16.7.11/24"),)


def switch_script() -> str:
    """Makes the bridges. Without snooping they forward multicast packets to all ports, as an unmanaged switch does."""
    return "\n".join(
        f"ip link show {name} >/dev/null 2>&1 || ip link add {name} type bridge mcast_snooping 0\nip link set {name} up"
        for name in BRIDGES
    )


def wire_script(pid: int, cables: tuple[Cable, ...], *, is_node: bool) -> str:
    """Connects cables to the container whose first process is `pid`; runs in the switch. It changes nothing if they are connected."""
    inside = f"nsenter --net=/proc/{pid}/ns/net"
    lines = [f"rename() {{ {_make_room_for_eth0(inside)}; }}", "rename"] if is_node else []
    for cable in cables:
        lines += [
            f"if ! {inside} ip link show {cable.interface} >/dev/null 2>&1; then",
            f"  ip link delete {cable.port} 2>/dev/null || true",  # left by a node that was killed a moment ago
            f"  ip link add {cable.port} type veth peer name {cable.interface} address {cable.hardware_address} netns {pid}",
            f"  ip link set {cable.port} master {cable.bridge} up",
            "fi",
            f"{inside} ip address replace {cable.address} dev {cable.interface}",
            f"{inside} ip link set {cable.interface} up",
        ]
    return "\n".join(lines)


def power_off_script(pid: int, cables: tuple[Cable, ...]) -> str:
    """Kills a container so that no packet of it arrives any more, as after a power loss; runs in the switch.

    A network namespace outlives its processes by some tenths of a second, in which the kernel would still answer for the host's
    addresses. So its ports are removed from the bridge first, which the host does not notice.
    """
    ports = [f"ip link set {cable.port} nomaster || true" for cable in cables]
    return "\n".join([*ports, f"kill -KILL {pid}"])


def _make_room_for_eth0(inside: str) -> str:
    """Renames the engine's eth0 to kind0, if that is not done. Setting it down loses its routes, so they are saved and added again."""
    return (
        f"{inside} ip link show kind0 >/dev/null 2>&1 && return; "
        f"routes=$({inside} ip -4 route show dev eth0 | grep -v 'proto kernel'); "
        f"{inside} sh -ec 'ip link set eth0 down; ip link set eth0 name kind0; ip link set kind0 up'; "
        f'echo "$routes" | while read -r route; do [ -z "$route" ] || {inside} ip route replace $route dev kind0; done'
    )


@dataclass(frozen=True)
class PodRange:
    """The range of a node's pods (`pods`), and the node's address on kind's network (`via`)."""

    pods: str
    via: str


def pod_script(node: str, ranges: Mapping[str, PodRange]) -> str:
    """Configures the pods' network of a node, as the daemon of a network plugin does; runs on the node after each of its starts.

    Kind's own daemon (kindnet) cannot be pulled without a registry, and for four nodes that do not change this script does its work.
    """
    routes = "\n".join(f"ip route replace {other.pods} via {other.via}" for name, other in ranges.items() if name != node)
    return f"""\
mkdir -p /etc/cni/net.d
cat >/etc/cni/net.d/.new <<'END'
{json.dumps(_plugins(ranges[node].pods))}
END
mv /etc/cni/net.d/.new /etc/cni/net.d/10-pods.conflist
{routes}
nft -f - <<'END'
table ip hacluster_pods
delete table ip hacluster_pods
table ip hacluster_pods {{
  chain outward {{
    type nat hook postrouting priority srcnat
    ip saddr {PODS} ip daddr != {PODS} masquerade
  }}
}}
END
"""


def _plugins(pods: str) -> dict[str, object]:
    """The CNI configuration: a point-to-point link from each pod to its node, and ports published on the node."""
    gateway = next(ipaddress.ip_network(pods).hosts())
    addresses = {
        "type": "host-local",
        "dataDir": "/run/cni-ipam",  # in /run, because the pods do not survive a restart of the node either
        "routes": [{"dst": "0.0.0.0/0"}],
        "ranges": [[{"subnet": pods, "gateway": str(gateway)}]],
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "ptp", "mtu": 1500, "ipam": addresses}, ports]}
