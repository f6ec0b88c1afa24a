"""Refuses virtual IPs that must not be used, because a node has the address for good or another program gives it to nodes.

Such a problem blocks the whole plan: every member would configure the address. (Another program's address does so only before virtual
IPs are in use.) `without_virtual_ips` comes first: it takes the addresses
that are virtual IPs out of what the nodes report, so that no decision of the plan depends on an address that moves.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.errors import Problem
from hacluster.plan.model import Address, Interface, InterfaceAddress, NodeView
from hacluster.plan.topology.addresses import own_addresses


def without_virtual_ips(
    cluster: HACluster, views: Sequence[NodeView], others: Collection[Address]
) -> tuple[tuple[NodeView, ...], tuple[Problem, ...]]:
    """The nodes without addresses that are virtual IPs, and a problem for each node whose InternalIP is one.

    `others` are the virtual IPs of other resources. A kubelet without `--node-ip` takes any address of the node for its InternalIP
    when it starts, so also a virtual IP that the node holds then.
    """
    own: dict[Address | None, str] = {
        each.ip: f"spec.virtualRouters[{i}].virtualIPs[{j}]" for i, j, each in _virtual_ips(cluster)
    }
    read_back = {
        view.name: _internal_ip(view, view.internal_ip, own.get(view.internal_ip, ""))
        for view in views
        if view.internal_ip in others or (view.internal_ip in own and _only_reads_it_back(view, views))
    }
    found = (replace(view, internal_ip=None) if view.name in read_back else view for view in views)
    return tuple(_without_addresses(view, others) for view in found), tuple(read_back.values())


def bad_virtual_ips(cluster: HACluster, views: Sequence[NodeView]) -> Iterator[Problem]:
    """A problem for each virtual IP that is a node's own address, which it would lose."""
    owners: dict[Address, str] = {}
    for view in views:
        internal = (view.internal_ip,) if view.internal_ip is not None else ()
        owners |= dict.fromkeys((*own_addresses(view.interfaces or ()), *internal), f"it is node {view.name}'s own")
    return _in_use(cluster, owners)


def foreign_virtual_ips(cluster: HACluster, views: Sequence[NodeView]) -> Iterator[Problem]:
    """A problem for each virtual IP that another program has added to a node, and would lose to us."""
    owners = {
        each.ip: f"another program on node {view.name} has added it there, such as another keepalived or kube-vip"
        for view in views
        for interface in view.interfaces or ()
        for each in interface.other_addresses
    }
    return _in_use(cluster, owners)


def _in_use(cluster: HACluster, owners: Mapping[Address, str]) -> Iterator[Problem]:
    """`owners` are addresses that are in use, and whose they are, as a clause for a message."""
    for i, j, virtual_ip in _virtual_ips(cluster):
        if owner := owners.get(virtual_ip.ip):
            field = f"spec.virtualRouters[{i}].virtualIPs[{j}]"
            message = f"{virtual_ip.ip} cannot be a virtual IP: {owner}; choose a free address"
            yield Problem(Reason.VIRTUAL_IP_IN_USE, field, message)


def _virtual_ips(cluster: HACluster) -> Iterator[tuple[int, int, InterfaceAddress]]:
    """Each virtual IP with its router's position and its own."""
    for i, router in enumerate(cluster.spec.virtual_routers):
        for j, virtual_ip in enumerate(router.virtual_ips):
            yield i, j, virtual_ip


def _only_reads_it_back(view: NodeView, views: Sequence[NodeView]) -> bool:
    """Whether the node's InternalIP, which is one of our virtual IPs, is no address of its own: its agent reports only others.

    Before the agent's first report it is unknown, unless virtual IPs are in use already: then it was free when they were chosen.
    """
    if view.interfaces is None:
        return any(each.holds for each in views)
    return view.internal_ip not in own_addresses(view.interfaces)


def _internal_ip(view: NodeView, address: Address | None, field: str) -> Problem:
    whose = "a virtual IP" if field else "a virtual IP of another HACluster"
    return Problem(
        Reason.VIRTUAL_IP_IS_INTERNAL_IP,
        field,
        f"the kubelet of node {view.name} has taken {address}, {whose}, for the node's InternalIP, and would lose it with the next "
        "move; start the kubelet with --node-ip and the node's own address",
    )


def _without_addresses(view: NodeView, addresses: Collection[Address]) -> NodeView:
    if view.interfaces is None:
        return view
    return replace(view, interfaces=tuple(_without(each, addresses) for each in view.interfaces))


def _without(interface: Interface, addresses: Collection[Address]) -> Interface:
    own = tuple(each for each in interface.addresses if each.ip not in addresses)
    foreign = tuple(each for each in interface.other_addresses if each.ip not in addresses)
    return replace(interface, addresses=own, other_addresses=foreign)
