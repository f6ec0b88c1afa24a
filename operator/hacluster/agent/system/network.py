"""Which interfaces and addresses a node has: pure decisions over what the kernel lists."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import Final

from hacluster.api.status import InterfaceStatus

IFF_LOOPBACK: Final = 0x8
IFA_F_SECONDARY: Final = 0x01  # of IPv6: temporary (privacy) addresses
IFA_F_DADFAILED: Final = 0x08
IFA_F_TENTATIVE: Final = 0x40

ARPHRD_ETHER: Final = 1
ARPHRD_INFINIBAND: Final = 32

MAX_INTERFACES: Final = 64
MAX_ADDRESSES: Final = 64

# Ethernet-like devices that lead to no neighbour on a shared segment, or only to containers.
_NO_SEGMENT: Final = frozenset(
    {"dummy", "ifb", "tun", "vxlan", "geneve", "vcan", "nlmon", "netdevsim", "gretap", "ip6gretap", "erspan"}
)
# Bridges of container engines and virtual machines, and what container networks call their own devices.
_CONTAINERS: Final = re.compile(
    r"(docker|cni|cbr|podman|virbr|lxcbr|lxdbr|cali|lxc|flannel|weave|cilium|kube|nodelocaldns|antrea|ovs|ovn|tap)[^.]*"
    r"|br-[0-9a-f]{12}"
)


@dataclass(frozen=True)
class Link:
    """A network interface, as the kernel lists it. `kind` is empty for real hardware; `master` is the bridge or bond above it."""

    index: int
    name: str
    kind: str = ""
    hardware: int = ARPHRD_ETHER
    flags: int = 0
    master: int = 0
    mac: str = ""


@dataclass(frozen=True)
class Address:
    """One address on the interface with this `index`."""

    index: int
    interface: IPv4Interface | IPv6Interface
    flags: int = 0

    @property
    def text(self) -> str:
        """Without the prefix length."""
        return str(self.interface.ip)


@dataclass(frozen=True)
class Network:
    """Links and addresses in the kernel's order."""

    links: tuple[Link, ...] = ()
    addresses: tuple[Address, ...] = ()

    def on(self, interface: str) -> frozenset[str]:
        """The addresses on one interface, without prefix lengths."""
        indices = {link.index for link in self.links if link.name == interface}
        return frozenset(address.text for address in self.addresses if address.index in indices)

    @property
    def macs(self) -> frozenset[str]:
        """Every link-layer address of the node."""
        return frozenset(link.mac for link in self.links if link.mac)


Place = tuple[int, str, frozenset[str]]
"""Index and name of an interface, and the addresses that matter on it."""


def bare(address: str) -> str:
    """An address without its prefix length, in the one spelling that is compared."""
    return str(ip_interface(address).ip)


def interfaces(network: Network, virtual_ips: Collection[str]) -> tuple[InterfaceStatus, ...]:
    """What could carry a virtual IP, by name, with the node's own addresses. Virtual IPs of the resource are left out."""
    own: dict[int, list[IPv4Interface | IPv6Interface]] = {}
    for address in network.addresses:
        if _is_own(address, virtual_ips):
            own.setdefault(address.index, []).append(address.interface)
    found = []
    for link in sorted(network.links, key=lambda link: link.name):
        held = sorted(own.get(link.index, ()), key=lambda held: (held.version, held.ip.packed, held.network.prefixlen))
        if _can_carry(link, held):
            found.append(InterfaceStatus(name=link.name, addresses=tuple(map(str, held[:MAX_ADDRESSES]))))
    return tuple(found[:MAX_INTERFACES])


def _is_own(address: Address, virtual_ips: Collection[str]) -> bool:
    ip = address.interface.ip
    if address.text in virtual_ips or ip.is_link_local or ip.is_loopback:
        return False
    unusable = IFA_F_DADFAILED | IFA_F_TENTATIVE | IFA_F_SECONDARY
    return ip.version == 4 or not address.flags & unusable


def _can_carry(link: Link, held: list[IPv4Interface | IPv6Interface]) -> bool:
    """Real cards, bonds, VLANs and the like always; bridges, and veths and ports of a bridge, only with a subnet of their own.

    A node that is itself a container (kind) has a veth for its only card, while the host's side of a pod's veth has no
    address, or one without a subnet.
    """
    if link.flags & IFF_LOOPBACK or link.hardware not in {ARPHRD_ETHER, ARPHRD_INFINIBAND}:
        return False
    if link.kind in _NO_SEGMENT or _CONTAINERS.fullmatch(link.name):
        return False
    if link.kind in {"bridge", "veth"} or link.master:
        return any(address.network.prefixlen < address.max_prefixlen for address in held)
    return True
