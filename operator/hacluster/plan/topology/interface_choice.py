"""Chooses the interface on which one node runs one virtual router, or says why it cannot run it.

`choose_interface` is called once for each node and virtual router. An interface that the resource names wins; otherwise it is
the one whose subnets contain the virtual IPs. All virtual IPs of a router are on one interface, because one VRRP instance
sends on one interface.
"""

from dataclasses import dataclass

from hacluster.api import HAClusterSpec
from hacluster.api.reasons import Reason
from hacluster.api.spec import VirtualRouter
from hacluster.errors import Problem
from hacluster.plan.model import Interface, InterfaceAddress, NodeView
from hacluster.plan.topology.addresses import describe, has_subnet_of, interface_for


@dataclass(frozen=True)
class LeftOut:
    """The node does not become a member of the router, because of `problem`."""

    problem: Problem


@dataclass(frozen=True)
class _NamedInterface:
    """An interface that the resource names, and the field in which it does."""

    interface: str
    field: str


@dataclass(frozen=True)
class _Candidate:
    """A node that may become a member of a router, with what a message about it needs. `index` is the router's in the spec."""

    index: int
    router: VirtualRouter
    node: str
    interfaces: tuple[Interface, ...]

    @property
    def has(self) -> str:
        """The node's interfaces, for a message."""
        return f"(it has: {describe(self.interfaces)})"

    def field(self, position: int) -> str:
        """Path of the router's virtual IP at `position`."""
        return f"spec.virtualRouters[{self.index}].virtualIPs[{position}]"


def choose_interface(spec: HAClusterSpec, index: int, router: VirtualRouter, view: NodeView) -> Interface | LeftOut:
    """The interface that the resource names, else the one whose subnets contain the virtual IPs; `LeftOut` if there is none."""
    named = _named_interface(spec, index, router, view.name)
    if view.interfaces is None:
        assert named is not None, "a node whose agent has not reported takes part only where the resource names its interfaces"
        return Interface(named.interface)
    candidate = _Candidate(index, router, view.name, view.interfaces)
    return _find_by_subnet(candidate) if named is None else _check_named(candidate, named)


def _named_interface(spec: HAClusterSpec, index: int, router: VirtualRouter, node: str) -> _NamedInterface | None:
    if router.interface is not None:
        return _NamedInterface(router.interface, f"spec.virtualRouters[{index}].interface")
    for position, each in enumerate(spec.nodes):
        if each.name == node and each.interface is not None:
            return _NamedInterface(each.interface, f"spec.nodes[{position}].interface")
    return None


def _check_named(candidate: _Candidate, named: _NamedInterface) -> Interface | LeftOut:
    interface = next((each for each in candidate.interfaces if each.name == named.interface), None)
    if interface is None:
        return LeftOut(
            Problem(
                Reason.NO_SUCH_INTERFACE,
                named.field,
                f"node {candidate.node} has no interface {named.interface} that could carry a virtual IP {candidate.has}; "
                "name one that it has, or leave the field out",
            )
        )
    for position, virtual_ip in enumerate(candidate.router.virtual_ips):
        if not has_subnet_of(interface, virtual_ip) and not _needs_no_subnet(virtual_ip):
            return _outside_subnets(candidate, position, f"no subnet of interface {named.interface} on node {candidate.node}")
    return interface


def _find_by_subnet(candidate: _Candidate) -> Interface | LeftOut:
    chosen: Interface | None = None
    for position, virtual_ip in enumerate(candidate.router.virtual_ips):
        if virtual_ip.ip.is_link_local:
            continue
        found = interface_for(virtual_ip, candidate.interfaces)
        if found is None:
            return _outside_subnets(candidate, position, f"no interface's subnet on node {candidate.node}")
        if chosen is not None and found.name != chosen.name:
            return _on_two_interfaces(candidate, position, found, chosen)
        chosen = found
    return chosen or LeftOut(
        Problem(
            Reason.INTERFACE_UNKNOWN,
            f"spec.virtualRouters[{candidate.index}].interface",
            "this router has only link-local virtual IPs, which fit every interface: name its interface",
        )
    )


def _needs_no_subnet(virtual_ip: InterfaceAddress) -> bool:
    """Whether a named interface may carry it without a subnet: an address with a full-length prefix (routed to the node), or link-local."""
    return virtual_ip.network.prefixlen == virtual_ip.max_prefixlen or virtual_ip.ip.is_link_local


def _outside_subnets(candidate: _Candidate, position: int, where: str) -> LeftOut:
    return LeftOut(
        Problem(
            Reason.VIRTUAL_IP_OUTSIDE_SUBNETS,
            candidate.field(position),
            f"{candidate.router.virtual_ips[position]} is in {where} {candidate.has}; "
            "use an address in a subnet of the node, or give the node an address in the virtual IP's subnet",
        )
    )


def _on_two_interfaces(candidate: _Candidate, position: int, found: Interface, chosen: Interface) -> LeftOut:
    return LeftOut(
        Problem(
            Reason.VIRTUAL_IPS_ON_TWO_INTERFACES,
            candidate.field(position),
            f"{candidate.router.virtual_ips[position]} belongs to interface {found.name} of node {candidate.node}, "
            f"the router's other virtual IPs to {chosen.name}; give it a virtual router of its own",
        )
    )
