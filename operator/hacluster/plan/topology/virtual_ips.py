"""Refuses virtual IPs that must not be used: an address of a node, and the network or broadcast address of a subnet.

Such a problem blocks the whole plan: every member would configure the address.
"""

from collections.abc import Iterator, Sequence

from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.errors import Problem
from hacluster.plan.model import Address, InterfaceAddress, NodeView
from hacluster.plan.topology.addresses import own_addresses


def bad_virtual_ips(cluster: HACluster, views: Sequence[NodeView]) -> Iterator[Problem]:
    """A problem for each virtual IP that a node has already (it would lose its own address), or that is no host's address."""
    owners = _owners(cluster, views)
    for i, router in enumerate(cluster.spec.virtual_routers):
        for j, virtual_ip in enumerate(router.virtual_ips):
            field = f"spec.virtualRouters[{i}].virtualIPs[{j}]"
            if virtual_ip.ip in owners:
                owner = owners[virtual_ip.ip]
                yield Problem(
                    Reason.VIRTUAL_IP_IN_USE, field, f"{virtual_ip.ip} cannot be a virtual IP: {owner}; choose a free address"
                )
            elif kind := _reserved_in_subnet(virtual_ip):
                yield Problem(Reason.INVALID, field, f"{virtual_ip} is {kind} of its subnet; choose a host's address")


def _owners(cluster: HACluster, views: Sequence[NodeView]) -> dict[Address, str]:
    """Addresses that are in use → whose they are, as a clause for a message."""
    owners: dict[Address, str] = {}
    for view in views:
        internal = (view.internal_ip,) if view.internal_ip is not None else ()
        owners |= dict.fromkeys((*own_addresses(view.interfaces or ()), *internal), f"it is node {view.name}'s own")
    for index, node in enumerate(cluster.spec.nodes):
        if node.backend_address is not None:
            owners[node.backend_address] = f"it is spec.nodes[{index}].backendAddress"
    return owners


def _reserved_in_subnet(virtual_ip: InterfaceAddress) -> str:
    """Which reserved address of its subnet it is; empty: none. /31, /32, /127 and /128 have none (RFC 3021, RFC 6164)."""
    network = virtual_ip.network
    if network.prefixlen >= virtual_ip.max_prefixlen - 1:
        return ""
    if virtual_ip.ip == network.network_address:
        return "the network address"
    return "the broadcast address" if virtual_ip.version == 4 and virtual_ip.ip == network.broadcast_address else ""
