"""The tutorial's two networks, and routes between the nodes' pods: pure functions that write the shell scripts for it.

The networks are two bridges inside one privileged container, the *switch*, and a virtual cable from there to every node.
So nothing of them shows in the machine's own namespace, nothing can clash with its networks, Kubernetes keeps to kind's
network, and removing one container removes it all. A cable is gone when its node is, and plugged in again when it is back.
"""

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass

PODS = "10.244.0.0/16"


@dataclass(frozen=True)
class Cable:
    """One end in the switch, the other in a container."""

    bridge: str  # in the switch
    interface: str  # in the container
    address: str  # with prefix length

    @property
    def port(self) -> str:
        """The interface's name on the switch's side, e.g. "public-153"."""
        return f"{self.bridge}-{self.address.split('/')[0].rsplit('.', 1)[-1]}"

    @property
    def hardware_address(self) -> str:
        """Made from the address: a card keeps its own through a power loss, and so neighbours' caches stay right."""
        return "02:00:" + ":".join(f"{byte:02x}" for byte in ipaddress.ip_interface(self.address).ip.packed)


BRIDGES = ("public", "private")
NODES: Mapping[str, tuple[Cable, ...]] = {
    f"node{number}": (Cable("public", "ens3", f"172.16.7.{public}/24"), Cable("private", "eth0", f"192.168.60.{private}/24"))
    for number, public, private in ((1, 153, 210), (2, 163, 220), (3, 173, 230))
}
CLIENT = (Cable("public", "eth0", "172.16.7.10/24"),)


def switch_script() -> str:
    """Makes the bridges. They forward every multicast packet, as a dumb switch does."""
    return "\n".join(
        f"ip link show {name} >/dev/null 2>&1 || ip link add {name} type bridge mcast_snooping 0\nip link set {name} up"
        for name in BRIDGES
    )


def wire_script(pid: int, cables: tuple[Cable, ...], *, is_node: bool) -> str:
    """Plugs cables into the container whose first process is `pid`; run in the switch. Does nothing where they are plugged in."""
    inside = f"nsenter --net=/proc/{pid}/ns/net"
    lines = [f"rename() {{ {_make_room_for_eth0(inside)}; }}", "rename"] if is_node else []
    for cable in cables:
        lines += [
            f"if ! {inside} ip link show {cable.interface} >/dev/null 2>&1; then",
            f"  ip link delete {cable.port} 2>/dev/null || true",  # left by a node that died a moment ago
            f"  ip link add {cable.port} type veth peer name {cable.interface} address {cable.hardware_address} netns {pid}",
            f"  ip link set {cable.port} master {cable.bridge} up",
            "fi",
            f"{inside} ip address replace {cable.address} dev {cable.interface}",
            f"{inside} ip link set {cable.interface} up",
        ]
    return "\n".join(lines)


def power_off_script(pid: int, cables: tuple[Cable, ...]) -> str:
    """Ends a container as power loss ends a host, in that nothing of it is heard any more; run in the switch.

    A network namespace outlives its processes by some tenths of a second, and the kernel would go on answering for the host's
    addresses: so its ports are taken from the bridge first, which the host does not notice.
    """
    ports = [f"ip link set {cable.port} nomaster || true" for cable in cables]
    return "\n".join([*ports, f"kill -KILL {pid}"])


def _make_room_for_eth0(inside: str) -> str:
    """Renames the engine's eth0 to kind0, once. Its routes are lost when it goes down, so they are read before and put back."""
    return (
        f"{inside} ip link show kind0 >/dev/null 2>&1 && return; "
        f"routes=$({inside} ip -4 route show dev eth0 | grep -v 'proto kernel'); "
        f"{inside} sh -ec 'ip link set eth0 down; ip link set eth0 name kind0; ip link set kind0 up'; "
        f'echo "$routes" | while read -r route; do [ -z "$route" ] || {inside} ip route replace $route dev kind0; done'
    )


@dataclass(frozen=True)
class PodRange:
    """A node's pods' addresses, and the node's own address on kind's network."""

    pods: str
    via: str


def pod_script(node: str, ranges: Mapping[str, PodRange]) -> str:
    """What a network plugin's daemon would do on a node: run on the node, again after each of its starts.

    Kind's own daemon is not to be had without a registry, and with four nodes that do not change, it is this much.
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
    """The network plugins' configuration: a cable from each pod to its node, and ports published on the node."""
    gateway = next(ipaddress.ip_network(pods).hosts())
    addresses = {
        "type": "host-local",
        "dataDir": "/run/cni-ipam",  # forgotten when the node restarts, as its pods are
        "routes": [{"dst": "0.0.0.0/0"}],
        "ranges": [[{"subnet": pods, "gateway": str(gateway)}]],
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "ptp", "mtu": 1500, "ipam": addresses}, ports]}
