"""The connections that were open before connection tracking began, for ports whose listeners are bound to an address. Pure texts.

nftables cannot tell the socket of such a listener from those of its connections, so `rules.py` uses connection tracking for its port.
Tracking knows no connection that is older than the rules: one that was opened while the listener was bound to all addresses, or while
the rules were missing after another program's `flush ruleset`. So `tables.py` writes the connections that have a socket when the rules
are loaded into a set of the table.

A connection leaves the set when its client opens another one from the same port (a rule does that), or has no socket any more
(`tables.py` looks now and then): an old entry would let a later connection with the same ports count as known at the wrong node.
"""

from collections.abc import Collection, Iterable
from typing import Final

from hacluster.agent.handover.forwarding import FAMILIES, Forwarding
from hacluster.agent.system.network import without_prefix
from hacluster.agent.system.tcp_sockets import Connection

MAX_OPEN: Final = 65_536
"""Connections of one router in the set at most."""


def open_set(index: int) -> str:
    """Name of the set of router number `index`: client's address and port, virtual IP and port."""
    return f"open{index}"


def bound_ports(forwarding: Forwarding) -> frozenset[int]:
    """Ports that need connection tracking: those of listeners that are bound to one address, and those in a change from or to it."""
    return frozenset(each.port for each in forwarding.config.ports if each.address) | forwarding.tracked


def virtual_ips(forwarding: Forwarding) -> set[str]:
    """The virtual IPs of all routers, without prefix lengths."""
    return {without_prefix(each) for _, router in forwarding.present for each in router.virtual_ips}


def add_open(forwarding: Forwarding, connections: Collection[Connection]) -> str:
    """The nftables script that adds these connections to the sets of their routers; empty without any."""
    return _elements("add", forwarding, connections)


def remove_open(forwarding: Forwarding, connections: Collection[Connection]) -> str:
    """The nftables script that removes them. They are added first, as deleting a missing element would be an error."""
    return _elements("add", forwarding, connections) + _elements("delete", forwarding, connections)


def flush_open(forwarding: Forwarding) -> str:
    """The nftables script that empties the sets of all routers."""
    sets = [(kind, index) for version, kind, _ in FAMILIES for index, _ in forwarding.routers(version)]
    return "".join(f"flush set {kind} {forwarding.name} {open_set(index)}\n" for kind, index in sets)


def _elements(verb: str, forwarding: Forwarding, connections: Collection[Connection]) -> str:
    lines = []
    for version, kind, _ in FAMILIES:
        for index, router in forwarding.routers(version):
            addresses = {without_prefix(each) for each in router.virtual_ips}
            elements = list(_keys(each for each in connections if each.address in addresses))[:MAX_OPEN]
            if elements:
                lines.append(f"{verb} element {kind} {forwarding.name} {open_set(index)} {{ {', '.join(elements)} }}\n")
    return "".join(lines)


def _keys(connections: Iterable[Connection]) -> Iterable[str]:
    return sorted(f"{each.client} . {each.client_port} . {each.address} . {each.port}" for each in connections)
