"""Compares a virtual IP with the real subnets of an interface: its prefix length, and the addresses that are nobody's.

`interface_choice.py` asks for each virtual IP. keepalived adds an address with the prefix length of the resource, and the kernel adds
a route for that network with it. With another prefix length than the subnet has, the node would send packets for other
networks to this interface, or use the virtual IP as its source address.
"""

from collections.abc import Sequence

from hacluster.api.addresses import reserved_in
from hacluster.plan.model import Interface, InterfaceAddress
from hacluster.plan.topology.addresses import contains, is_host_route


def misfit(virtual_ip: InterfaceAddress, interface: Interface) -> str:
    """What is wrong with a virtual IP inside a subnet of this interface, with the cure, for a message; empty: nothing."""
    subnets = sorted({own.network for own in interface.addresses if contains(own, virtual_ip)}, key=lambda each: -each.prefixlen)
    for subnet in subnets:
        if kind := reserved_in(virtual_ip.ip, subnet):
            return f"is {kind} of the subnet {subnet}; choose a host's address"
    if is_host_route(virtual_ip) or not subnets or virtual_ip.network in subnets:
        return ""
    return (
        f"has another prefix length than the subnet {subnets[0]}, which would change the node's routes; "
        f"write {virtual_ip.ip}/{subnets[0].prefixlen}, or {_as_host_route(virtual_ip)}"
    )


def can_be_outside(virtual_ip: InterfaceAddress, interface: Interface, interfaces: Sequence[Interface]) -> bool:
    """Whether a named interface may carry a virtual IP that is in none of its subnets.

    Always as a host route (/32, /128), and link-local. Otherwise where the interface has no subnet of its own with which it could
    be compared (its address is a host route; IPv6 may have a link-local address only), and no other interface has the network.
    """
    if is_host_route(virtual_ip) or virtual_ip.ip.is_link_local:
        return True
    of_family = [own for own in interface.addresses if own.version == virtual_ip.version]
    unknown = all(map(is_host_route, of_family)) and (bool(of_family) or virtual_ip.version == 6)
    return unknown and not any(_overlaps(virtual_ip, own) for each in interfaces for own in each.addresses)


def cure_outside(virtual_ip: InterfaceAddress, interface: Interface, interfaces: Sequence[Interface], field: str) -> str:
    """How a virtual IP that is in no subnet of the named interface can be used. `field` is the one that names the interface."""
    other = next(
        (each for each in interfaces if each is not interface and any(contains(own, virtual_ip) for own in each.addresses)), None
    )
    if other is not None:
        return f"name {other.name} in {field}, which has its subnet, or write {_as_host_route(virtual_ip)}"
    return f"use an address in a subnet of the interface, or write {_as_host_route(virtual_ip)}"


def cure_without_subnet(virtual_ip: InterfaceAddress, interfaces: Sequence[Interface], field: str) -> str:
    """How a virtual IP that is in no subnet of the node can be used. `field` is the one that can name an interface."""
    names_suffice = any(can_be_outside(virtual_ip, each, interfaces) for each in interfaces)
    written = "" if names_suffice else f" and write {_as_host_route(virtual_ip)}"
    return f"use an address in a subnet of the node, or name the interface in {field}{written}"


def _as_host_route(virtual_ip: InterfaceAddress) -> str:
    return f"{virtual_ip.ip}/{virtual_ip.max_prefixlen}"


def _overlaps(virtual_ip: InterfaceAddress, own: InterfaceAddress) -> bool:
    if is_host_route(own):
        return False  # its route is more specific than the virtual IP's
    return virtual_ip.version == own.version and virtual_ip.network.overlaps(own.network)
