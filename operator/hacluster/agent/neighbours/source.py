"""Which of this node's own addresses is the sender of a question to another host. Pure.

A question with a virtual IP as its sender would be a claim of it, also after the virtual IP has moved; and a question without a sender
is a probe (packet.py). So a node that has no address of its own on an interface asks nothing there.
"""

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address

from hacluster.agent.system.network import IFA_F_DADFAILED, IFA_F_TENTATIVE, Address, Network
from hacluster.agent.system.own_addresses import is_host_prefix, tell_apart


@dataclass(frozen=True)
class Place:
    """Where another host is: index and name of this node's interface on the same segment, and `source`, the sender of questions to it."""

    index: int
    interface: str
    source: str


def own_source(address: str, index: int, network: Network, virtual_ips: Collection[str]) -> str:
    """The sender of questions about the address on the interface with this index; empty if the node has none.

    An address in the same subnet comes first: a host with strict checks answers no other (rp_filter, arp_ignore). `virtual_ips`, without
    prefix lengths, are those of the resource.
    """
    wanted = ip_address(address)
    own = [
        each
        for each in _senders(network, virtual_ips)
        if each.index == index and each.interface.version == wanted.version and each.text != address
    ]
    best = max(own, key=lambda each: (wanted in each.interface.network, each.interface.network.prefixlen), default=None)
    return best.text if best else ""


def _senders(network: Network, virtual_ips: Collection[str]) -> list[Address]:
    """The addresses that are this node's own for good and in a subnet, and for IPv6 the link-local ones."""
    own, _ = tell_apart(network, virtual_ips)
    permanent = [each for held in own.values() for each in held if not is_host_prefix(each)]
    return permanent + [each for each in network.addresses if _is_link_local(each, virtual_ips)]


def _is_link_local(address: Address, virtual_ips: Collection[str]) -> bool:
    usable = not address.flags & (IFA_F_DADFAILED | IFA_F_TENTATIVE)
    return address.interface.version == 6 and address.interface.ip.is_link_local and usable and address.text not in virtual_ips


def place_of(address: str, network: Network, virtual_ips: Collection[str]) -> Place | None:
    """Where another host's address is. None: it is this node's own, or this node has no address of its own in a subnet with it."""
    wanted = ip_address(address)
    names = {link.index: link.name for link in network.links}
    if any(each.interface.ip == wanted for each in network.addresses):
        return None
    near = [each for each in _senders(network, virtual_ips) if wanted in each.interface.network and each.index in names]
    best = max(near, key=lambda each: each.interface.network.prefixlen, default=None)
    return Place(best.index, names[best.index], best.text) if best else None
