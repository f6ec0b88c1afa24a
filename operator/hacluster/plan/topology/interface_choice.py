"""Chooses the interface on which one node runs one virtual router, or says why it cannot run it.

`choose_interface` is called once for each node and virtual router. An interface that the resource names wins, and the node's own entry
before the router's; otherwise it is the one whose subnets contain the virtual IPs. All virtual IPs of a router are on one
interface. It is the one on which VRRP speaks, unless the router names an `addressInterface`: then `interface` says where VRRP speaks, and
the subnets do not matter there.
"""

from dataclasses import dataclass

from hacluster.api import HAClusterSpec
from hacluster.api.reasons import Reason
from hacluster.api.spec import VirtualRouter
from hacluster.errors import Problem
from hacluster.plan.model import Interface, NodeView
from hacluster.plan.topology.addresses import describe, has_subnet_of, interface_for
from hacluster.plan.topology.subnets import can_be_outside, cure_outside, cure_without_subnet, misfit


@dataclass(frozen=True)
class Chosen:
    """Where the node runs the router: `interface` is for the virtual IPs, `vrrp` for the advertisements. Usually they are the same."""

    interface: Interface
    vrrp: Interface


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


def choose_interface(spec: HAClusterSpec, index: int, router: VirtualRouter, view: NodeView) -> Chosen | LeftOut:
    """The interface that the resource names, else the one whose subnets contain the virtual IPs; `LeftOut` if there is none."""
    vrrp = _named_interface(spec, index, router, view.name)
    addresses = vrrp
    if router.address_interface is not None:
        addresses = _NamedInterface(router.address_interface, f"spec.virtualRouters[{index}].addressInterface")
    if view.interfaces is None:
        assert vrrp and addresses, "a node whose agent has not reported takes part only where the resource names its interfaces"
        return Chosen(Interface(addresses.interface), Interface(vrrp.interface))
    candidate = _Candidate(index, router, view.name, view.interfaces)
    found = _find_by_subnet(candidate) if addresses is None else _check_named(candidate, addresses)
    speaks = found if vrrp is None or addresses == vrrp else _existing(candidate, vrrp)
    if isinstance(found, LeftOut):
        return found
    return speaks if isinstance(speaks, LeftOut) else Chosen(found, speaks)


def naming_field(spec: HAClusterSpec, index: int, node: str) -> str:
    """Path of the field that names the node's interface for VRRP, or that could."""
    named = _named_interface(spec, index, spec.virtual_routers[index], node)
    return named.field if named else f"spec.virtualRouters[{index}].interface"


def _named_interface(spec: HAClusterSpec, index: int, router: VirtualRouter, node: str) -> _NamedInterface | None:
    """The interface that the node's entry in spec.nodes names, else the one that the router names for all nodes."""
    for position, each in enumerate(spec.nodes):
        if each.name == node and each.interface is not None:
            return _NamedInterface(each.interface, f"spec.nodes[{position}].interface")
    if router.interface is not None:
        return _NamedInterface(router.interface, f"spec.virtualRouters[{index}].interface")
    return None


def _existing(candidate: _Candidate, named: _NamedInterface) -> Interface | LeftOut:
    interface = next((each for each in candidate.interfaces if each.name == named.interface), None)
    return interface or LeftOut(
        Problem(
            Reason.NO_SUCH_INTERFACE,
            named.field,
            f"node {candidate.node} has no interface {named.interface} that could carry a virtual IP {candidate.has}; "
            "name one that it has, or leave the field out",
        )
    )


def _check_named(candidate: _Candidate, named: _NamedInterface) -> Interface | LeftOut:
    interface = _existing(candidate, named)
    if isinstance(interface, LeftOut):
        return interface
    for position, virtual_ip in enumerate(candidate.router.virtual_ips):
        if has_subnet_of(interface, virtual_ip):
            if wrong := misfit(virtual_ip, interface):
                return _misfits(candidate, position, interface, wrong)
        elif not can_be_outside(virtual_ip, interface, candidate.interfaces):
            where = f"no subnet of interface {named.interface} on node {candidate.node}"
            cure = cure_outside(virtual_ip, interface, candidate.interfaces, named.field)
            return _outside_subnets(candidate, position, where, cure)
    return interface


def _find_by_subnet(candidate: _Candidate) -> Interface | LeftOut:
    field = f"spec.virtualRouters[{candidate.index}].interface"
    chosen: Interface | None = None
    for position, virtual_ip in enumerate(candidate.router.virtual_ips):
        if virtual_ip.ip.is_link_local:
            continue
        found = interface_for(virtual_ip, candidate.interfaces)
        if found is None:
            cure = cure_without_subnet(virtual_ip, candidate.interfaces, field)
            return _outside_subnets(candidate, position, f"no interface's subnet on node {candidate.node}", cure)
        if chosen is not None and found.name != chosen.name:
            return _on_two_interfaces(candidate, position, found, chosen)
        if wrong := misfit(virtual_ip, found):
            return _misfits(candidate, position, found, wrong)
        chosen = found
    return chosen or LeftOut(
        Problem(
            Reason.INTERFACE_UNKNOWN,
            field,
            "this router has only link-local virtual IPs, which fit every interface: name its interface",
        )
    )


def _misfits(candidate: _Candidate, position: int, interface: Interface, wrong: str) -> LeftOut:
    """`wrong` says what is wrong in a subnet of the interface, and the cure."""
    message = f"{candidate.router.virtual_ips[position]} {wrong} (interface {interface.name} of node {candidate.node})"
    return LeftOut(Problem(Reason.VIRTUAL_IP_MISFITS_SUBNET, candidate.field(position), message))


def _outside_subnets(candidate: _Candidate, position: int, where: str, cure: str) -> LeftOut:
    message = f"{candidate.router.virtual_ips[position]} is in {where} {candidate.has}; {cure}"
    return LeftOut(Problem(Reason.VIRTUAL_IP_OUTSIDE_SUBNETS, candidate.field(position), message))


def _on_two_interfaces(candidate: _Candidate, position: int, found: Interface, chosen: Interface) -> LeftOut:
    return LeftOut(
        Problem(
            Reason.VIRTUAL_IPS_ON_TWO_INTERFACES,
            candidate.field(position),
            f"{candidate.router.virtual_ips[position]} belongs to interface {found.name} of node {candidate.node}, "
            f"the router's other virtual IPs to {chosen.name}; give it a virtual router of its own",
        )
    )
