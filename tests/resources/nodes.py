"""Nodes on which every drawn resource can be planned: each has all interfaces, and on each of them all networks."""

from ipaddress import ip_address, ip_interface

from hacluster.plan import Interface, NodeView
from tests.resources.values import INTERFACES, NODE_NAMES

_INTERFACES = (*INTERFACES, "ens4")
"""With those of the examples in `tests/unit/api`."""


def nodes(count: int = 2) -> tuple[NodeView, ...]:
    """The first nodes of `NODE_NAMES`."""
    return tuple(_node(name, number) for number, name in enumerate(NODE_NAMES[:count], 1))


def _node(name: str, number: int) -> NodeView:
    hosts = {interface: number * 8 + position for position, interface in enumerate(_INTERFACES)}
    networks = ("192.0.2.{}/24", "192.168.60.{}/24", "172.16.7.{}/24", "2001:db8:7::{}/64", "2001:db8::{}/64")
    interfaces = tuple(
        Interface(interface, tuple(ip_interface(network.format(host)) for network in networks))
        for interface, host in hosts.items()
    )
    return NodeView(name, ip_address(f"192.168.60.{number * 8}"), interfaces)
