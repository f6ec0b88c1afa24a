"""Which interface and address of a node serve a virtual IP or the backend: questions about its reported facts."""

from collections.abc import Iterable, Sequence

from hacluster.plan.model import Address, Interface, InterfaceAddress


def holds(interface: Interface, virtual_ip: InterfaceAddress) -> bool:
    """Whether the virtual IP lies in a subnet of the interface."""
    return any(_contains(own, virtual_ip) for own in interface.addresses)


def interface_of(virtual_ip: InterfaceAddress, interfaces: Sequence[Interface]) -> Interface | None:
    """The interface whose subnet holds the virtual IP: the narrowest subnet, then the first name."""
    fitting = [
        (-own.network.prefixlen, each.name, each) for each in interfaces for own in each.addresses if _contains(own, virtual_ip)
    ]
    return min(fitting, key=lambda candidate: candidate[:2])[2] if fitting else None


def source_of(virtual_ip: InterfaceAddress, interface: Interface) -> Address | None:
    """The address from which a node speaks unicast VRRP: in the virtual IP's subnet, else of its family; never link-local."""
    usable = [own for own in interface.addresses if own.version == virtual_ip.version and not own.ip.is_link_local]
    inside = [own for own in usable if _contains(own, virtual_ip)]
    return next((own.ip for own in (*inside, *usable)), None)


def own_addresses(interfaces: Iterable[Interface]) -> tuple[Address, ...]:
    """Every address of the node."""
    return tuple(own.ip for each in interfaces for own in each.addresses)


def describe(interfaces: Iterable[Interface]) -> str:
    """What the node has, for a message: `ens3 172.16.7.153/24, eth0 192.168.60.210/24`."""
    named = [" ".join((each.name, *map(str, each.addresses))) for each in interfaces if each.addresses and each.name != "lo"]
    return ", ".join(named) or "no addresses"


def _contains(own: InterfaceAddress, virtual_ip: InterfaceAddress) -> bool:
    return own.version == virtual_ip.version and virtual_ip.ip in own.network
