"""A node's network interfaces and addresses as data, and which of them are reported in the status. Pure.

`netlink.read_network` creates a `Network`. `interfaces` selects the interfaces that can carry a virtual IP: the operator chooses
a router's interface among them.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import Final

from hacluster.api.status import MAX_ADDRESSES, MAX_INTERFACES, InterfaceStatus

IFF_LOOPBACK: Final = 0x8
IFA_F_SECONDARY: Final = 0x01  # for IPv6 the same bit means a temporary (privacy) address, RFC 8981
IFA_F_DADFAILED: Final = 0x08
IFA_F_TENTATIVE: Final = 0x40

ARPHRD_ETHER: Final = 1
ARPHRD_INFINIBAND: Final = 32

# Kinds of Ethernet-like devices without neighbours on a shared segment, or only with containers.
_NO_SEGMENT: Final = frozenset(
    {"dummy", "ifb", "tun", "vxlan", "geneve", "vcan", "nlmon", "netdevsim", "gretap", "ip6gretap", "erspan"}
)
# Names of bridges of container engines and virtual machines, and of devices that container networks create.
_CONTAINERS: Final = re.compile(
    r"(docker|cni|cbr|podman|virbr|lxcbr|lxdbr|cali|lxc|flannel|weave|cilium|kube|nodelocaldns|antrea|ovs|ovn|tap)[^.]*"
    r"|br-[0-9a-f]{12}"
)


@dataclass(frozen=True)
class Link:
    """A network interface, as the kernel lists it.

    `kind` is empty for real hardware, else such as `vlan` or `veth`. `hardware` is an ARPHRD constant. `master` is the index of the
    bridge or bond to which the interface belongs, 0 for none. `mac` has the form `02:00:00:00:00:01`.
    """

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
        """The address without its prefix length."""
        return str(self.interface.ip)


@dataclass(frozen=True)
class Network:
    """All links and addresses, in the kernel's order."""

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


WatchedInterface = tuple[int, str, frozenset[str]]
"""Index and name of an interface, and the addresses to watch on it."""


def without_prefix(address: str) -> str:
    """An address without its prefix length, in its canonical spelling, so that addresses can be compared as text."""
    return str(ip_interface(address).ip)


def group_by_interface(found: Iterable[tuple[tuple[int, str], Collection[str]]]) -> set[WatchedInterface]:
    """Joins the addresses that were found for the same interface (index, name)."""
    grouped: dict[tuple[int, str], frozenset[str]] = {}
    for interface, addresses in found:
        grouped[interface] = grouped.get(interface, frozenset()).union(addresses)
    return {(index, name, addresses) for (index, name), addresses in grouped.items()}


def interfaces(network: Network, virtual_ips: Collection[str]) -> tuple[InterfaceStatus, ...]:
    """The interfaces that can carry a virtual IP, sorted by name, each with the node's own addresses.

    `virtual_ips` (without prefix lengths) are the resource's own: they are left out.
    """
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
    """Whether the address is the node's own for good: no virtual IP, no temporary address, none in duplicate address detection (DAD)."""
    ip = address.interface.ip
    if address.text in virtual_ips or ip.is_link_local or ip.is_loopback:
        return False
    unusable = IFA_F_DADFAILED | IFA_F_TENTATIVE | IFA_F_SECONDARY
    return ip.version == 4 or not address.flags & unusable


def _can_carry(link: Link, held: list[IPv4Interface | IPv6Interface]) -> bool:
    """Hardware, bonds and VLANs always; a bridge, a veth or a port of a bridge or bond only with an address in a subnet.

    A node that is itself a container (kind) has a veth as its only interface. The host's side of a pod's veth has no address, or
    one without a subnet (/32).
    """
    if link.flags & IFF_LOOPBACK or link.hardware not in {ARPHRD_ETHER, ARPHRD_INFINIBAND}:
        return False
    if link.kind in _NO_SEGMENT or _CONTAINERS.fullmatch(link.name):
        return False
    if link.kind in {"bridge", "veth"} or link.master:
        return any(address.network.prefixlen < address.max_prefixlen for address in held)
    return True
