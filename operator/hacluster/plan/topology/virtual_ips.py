"""Addresses that cannot be virtual IPs, whatever else is right."""

from collections.abc import Iterator, Sequence

from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.errors import Problem
from hacluster.plan.model import Address, InterfaceAddress, NodeView
from hacluster.plan.topology.addresses import own_addresses


def bad_virtual_ips(cluster: HACluster, views: Sequence[NodeView]) -> Iterator[Problem]:
    """Virtual IPs that belong to a node already (they would be taken away from it), or to a subnet as such."""
    owners = _owners(cluster, views)
    for i, router in enumerate(cluster.spec.virtual_routers):
        for j, virtual_ip in enumerate(router.virtual_ips):
            field = f"spec.virtualRouters[{i}].virtualIPs[{j}]"
            if virtual_ip.ip in owners:
                why = owners[virtual_ip.ip]
                yield Problem(
                    Reason.VIRTUAL_IP_IN_USE, field, f"{virtual_ip.ip} cannot be a virtual IP: {why}; choose a free address"
                )
            elif what := _of_the_subnet(virtual_ip):
                yield Problem(Reason.INVALID, field, f"{virtual_ip} is {what} of its subnet; choose a host's address")


def _owners(cluster: HACluster, views: Sequence[NodeView]) -> dict[Address, str]:
    owners: dict[Address, str] = {}
    for view in views:
        internal = (view.internal_ip,) if view.internal_ip is not None else ()
        owners |= dict.fromkeys((*own_addresses(view.interfaces or ()), *internal), f"it is node {view.name}'s own")
    for index, node in enumerate(cluster.spec.nodes):
        if node.backend_address is not None:
            owners[node.backend_address] = f"it is spec.nodes[{index}].backendAddress"
    return owners


def _of_the_subnet(virtual_ip: InterfaceAddress) -> str:
    network = virtual_ip.network
    if network.prefixlen >= virtual_ip.max_prefixlen - 1:
        return ""
    if virtual_ip.ip == network.network_address:
        return "the network address"
    return "the broadcast address" if virtual_ip.version == 4 and virtual_ip.ip == network.broadcast_address else ""
