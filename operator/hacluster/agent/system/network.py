"""A node's network interfaces and addresses as data, and which of them are reported in the status. Pure.

`netlink.read_network` creates a `Network`. `interfaces` selects the interfaces that can carry a virtual IP: the operator chooses
a router's interface among them. Which addresses are the node's own is decided by `own_addresses.py`.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import Final

from hacluster.api.status import MAX_ADDRESSES, MAX_INTERFACES, InterfaceStatus

IFF_LOOPBACK: Final = 0x8
IFA_F_SECONDARY: Final = 0x01  # for IPv6 the same bit means a temporary (privacy) address, RFC 8981
IFA_F_DADFAILED: Final = 0x08
IFA_F_DEPRECATED: Final = 0x20
IFA_F_TENTATIVE: Final = 0x40

ARPHRD_ETHER: Final = 1
ARPHRD_INFINIBAND: Final = 32

# Kinds of Ethernet-like devices without neighbours on a shared segment, or only with containers.
_NO_SEGMENT: Final = frozenset({"dummy", "ifb", "vxlan", "geneve", "vcan", "nlmon", "netdevsim", "gretap", "ip6gretap", "erspan"})
# Names of bridges of container engines and virtual machines, and of devices that container networks create. Administrators give such
# names, too: an interface with an address in a subnet is reported whatever it is called.
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
    """One address on the interface with this `index`.

    `protocol` says which kind of program added it (IFA_PROTO, 0: not stated), `created` when (hundredths of a second since the boot).
    """

    index: int
    interface: IPv4Interface | IPv6Interface
    flags: int = 0
    protocol: int = 0
    created: int = 0

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


def interfaces(
    network: Network,
    own: Mapping[str, Sequence[Address]],
    others: Mapping[str, Sequence[Address]],
    virtual_ips: Collection[str] = (),
    named: Collection[str] = (),
) -> tuple[InterfaceStatus, ...]:
    """The interfaces that can carry a virtual IP, sorted by name.

    `own` and `others` are the node's own addresses and those that may move, by interface; `virtual_ips` (without prefix lengths) are the
    resource's own and left out. The interfaces that the resource names (`named`) are reported whatever they are. If there are too
    many, those are left out first that are least likely to be chosen.
    """
    links = {link.name: link for link in network.links}
    found = []
    for name in links.keys() | own.keys():
        held = _texts(own.get(name, ()), virtual_ips)
        if (name in named) if name in links else bool(held):
            rank = 0
        elif name in links and _can_carry(links[name], own.get(name, ())):
            rank = 3 if not held else 2 if _CONTAINERS.fullmatch(name) else 1
        else:
            continue
        moving = _texts(others.get(name, ()), virtual_ips)
        found.append((rank, name, InterfaceStatus(name=name, addresses=held, other_addresses=moving or None)))
    return tuple(sorted((each for _, _, each in sorted(found)[:MAX_INTERFACES]), key=lambda each: each.name))


def _texts(addresses: Iterable[Address], virtual_ips: Collection[str]) -> tuple[str, ...]:
    return tuple(str(each.interface) for each in addresses if each.text not in virtual_ips)[:MAX_ADDRESSES]


def _can_carry(link: Link, held: Iterable[Address]) -> bool:
    """Hardware, bonds and VLANs always; with an address in a subnet also a bridge, a veth, a port of a bridge or bond, and what has
    the name of a container network's device.

    A node that is itself a container (kind) has a veth as its only interface. The host's side of a pod's veth has no address, or
    one without a subnet (/32).
    """
    if link.flags & IFF_LOOPBACK or link.hardware not in {ARPHRD_ETHER, ARPHRD_INFINIBAND} or link.kind in _NO_SEGMENT:
        return False
    if link.kind in {"bridge", "veth", "tun"} or link.master or _CONTAINERS.fullmatch(link.name):
        return any(address.interface.network.prefixlen < address.interface.max_prefixlen for address in held)
    return True
