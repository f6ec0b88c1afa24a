"""Finds the interface and the address of a node that fit a virtual IP, among those that its agent has reported.

Pure functions, used by `interface_choice.py`, `subnets.py`, `backends.py` and `topology.py`. The agent reports an interface's addresses
with the oldest first, so an address that is added later does not replace the one that was chosen.
"""

from collections.abc import Iterable, Sequence

from hacluster.plan.model import Address, Interface, InterfaceAddress


def contains(own: InterfaceAddress, virtual_ip: InterfaceAddress) -> bool:
    """Whether the virtual IP is in the subnet of the node's own address."""
    return own.version == virtual_ip.version and virtual_ip.ip in own.network


def is_host_route(address: InterfaceAddress) -> bool:
    """Whether its prefix is of full length (/32, /128): it has no subnet."""
    return address.network.prefixlen == address.max_prefixlen


def has_subnet_of(interface: Interface, virtual_ip: InterfaceAddress) -> bool:
    """Whether the virtual IP is in one of the subnets of the interface."""
    return any(contains(own, virtual_ip) for own in interface.addresses)


def interface_for(virtual_ip: InterfaceAddress, interfaces: Sequence[Interface]) -> Interface | None:
    """The interface that has a subnet with the virtual IP.

    Of several the one whose subnet has the virtual IP's prefix length, else the narrowest subnet, then the first by name.
    """
    candidates = [
        (own.network != virtual_ip.network, -own.network.prefixlen, each.name, each)
        for each in interfaces
        for own in each.addresses
        if contains(own, virtual_ip)
    ]
    return min(candidates, key=lambda candidate: candidate[:3])[3] if candidates else None


def unicast_source(virtual_ip: InterfaceAddress, interface: Interface) -> Address | None:
    """The source address of a node's unicast advertisements: one in the virtual IP's subnet, else one of its family; never link-local."""
    usable = [own for own in interface.addresses if own.version == virtual_ip.version and not own.ip.is_link_local]
    inside = [own for own in usable if contains(own, virtual_ip)]
    return next((own.ip for own in (*inside, *subnets_first(usable))), None)


def subnets_first(addresses: Iterable[InterfaceAddress]) -> list[InterfaceAddress]:
    """The addresses in the same order, but those that are only host routes last: virtual IPs are often added like that (kube-vip)."""
    return sorted(addresses, key=is_host_route)


def own_addresses(interfaces: Iterable[Interface]) -> tuple[Address, ...]:
    """All addresses on the interfaces that are the node's own, without prefix lengths."""
    return tuple(own.ip for each in interfaces for own in each.addresses)


def describe(interfaces: Iterable[Interface]) -> str:
    """The interfaces and their addresses, for a message: `ens3 172.16.7.153/24, eth0 192.168.60.210/24`. Without `lo`."""
    named = [" ".join((each.name, *map(str, each.addresses))) for each in interfaces if each.addresses and each.name != "lo"]
    return ", ".join(named) or "no addresses"
