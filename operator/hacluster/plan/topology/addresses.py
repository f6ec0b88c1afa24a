"""Finds the interface and the address of a node that fit a virtual IP, among those that its agent has reported.

Pure functions, used by `interface_choice.py`, `backends.py` and `topology.py`.
"""

from collections.abc import Iterable, Sequence

from hacluster.plan.model import Address, Interface, InterfaceAddress


def has_subnet_of(interface: Interface, virtual_ip: InterfaceAddress) -> bool:
    """Whether the virtual IP is in one of the subnets of the interface."""
    return any(_contains(own, virtual_ip) for own in interface.addresses)


def interface_for(virtual_ip: InterfaceAddress, interfaces: Sequence[Interface]) -> Interface | None:
    """The interface that has a subnet with the virtual IP; of several the one with the narrowest subnet, then the first by name."""
    candidates = [
        (-own.network.prefixlen, each.name, each) for each in interfaces for own in each.addresses if _contains(own, virtual_ip)
    ]
    return min(candidates, key=lambda candidate: candidate[:2])[2] if candidates else None


def unicast_source(virtual_ip: InterfaceAddress, interface: Interface) -> Address | None:
    """The source address of a node's unicast advertisements: one in the virtual IP's subnet, else one of its family; never link-local."""
    usable = [own for own in interface.addresses if own.version == virtual_ip.version and not own.ip.is_link_local]
    inside = [own for own in usable if _contains(own, virtual_ip)]
    return next((own.ip for own in (*inside, *usable)), None)


def own_addresses(interfaces: Iterable[Interface]) -> tuple[Address, ...]:
    """All addresses on the interfaces, without prefix lengths."""
    return tuple(own.ip for each in interfaces for own in each.addresses)


def describe(interfaces: Iterable[Interface]) -> str:
    """The interfaces and their addresses, for a message: `ens3 172.16.7.153/24, eth0 192.168.60.210/24`. Without `lo`."""
    named = [" ".join((each.name, *map(str, each.addresses))) for each in interfaces if each.addresses and each.name != "lo"]
    return ", ".join(named) or "no addresses"


def _contains(own: InterfaceAddress, virtual_ip: InterfaceAddress) -> bool:
    return own.version == virtual_ip.version and virtual_ip.ip in own.network
