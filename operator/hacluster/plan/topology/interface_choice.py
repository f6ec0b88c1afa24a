"""The interface on which one node runs one virtual router, or why it runs none."""

from dataclasses import dataclass

from hacluster.api import HAClusterSpec
from hacluster.api.reasons import Reason
from hacluster.api.spec import VirtualRouter
from hacluster.errors import Problem
from hacluster.plan.model import Interface, InterfaceAddress, NodeView
from hacluster.plan.topology.addresses import describe, holds, interface_of


@dataclass(frozen=True)
class LeftOut:
    """The node is left out of the router."""

    problem: Problem


@dataclass(frozen=True)
class _Wish:
    """An interface that the resource names, and where it does."""

    interface: str
    field: str


@dataclass(frozen=True)
class _Question:
    """Where does this node run this router? With what a message needs."""

    index: int
    router: VirtualRouter
    node: str
    interfaces: tuple[Interface, ...]

    @property
    def has(self) -> str:
        return f"(it has: {describe(self.interfaces)})"

    def field(self, position: int) -> str:
        return f"spec.virtualRouters[{self.index}].virtualIPs[{position}]"


def choose_interface(spec: HAClusterSpec, index: int, router: VirtualRouter, view: NodeView) -> Interface | LeftOut:
    """The interface that the resource names, else the one whose subnet holds the virtual IPs."""
    wish = _wish(spec, index, router, view.name)
    if view.interfaces is None:
        assert wish is not None, "a node without facts takes part only where the resource names its interfaces"
        return Interface(wish.interface)
    question = _Question(index, router, view.name, view.interfaces)
    return _discover(question) if wish is None else _named(question, wish)


def _wish(spec: HAClusterSpec, index: int, router: VirtualRouter, node: str) -> _Wish | None:
    if router.interface is not None:
        return _Wish(router.interface, f"spec.virtualRouters[{index}].interface")
    for position, each in enumerate(spec.nodes):
        if each.name == node and each.interface is not None:
            return _Wish(each.interface, f"spec.nodes[{position}].interface")
    return None


def _named(question: _Question, wish: _Wish) -> Interface | LeftOut:
    interface = next((each for each in question.interfaces if each.name == wish.interface), None)
    if interface is None:
        return LeftOut(
            Problem(
                Reason.NO_SUCH_INTERFACE,
                wish.field,
                f"node {question.node} has no interface {wish.interface} that could carry a virtual IP {question.has}; "
                "name one that it has, or leave the field out",
            )
        )
    for position, virtual_ip in enumerate(question.router.virtual_ips):
        if not holds(interface, virtual_ip) and not _needs_no_subnet(virtual_ip):
            return _outside(question, position, f"no subnet of interface {wish.interface} on node {question.node}")
    return interface


def _discover(question: _Question) -> Interface | LeftOut:
    chosen: Interface | None = None
    for position, virtual_ip in enumerate(question.router.virtual_ips):
        if virtual_ip.ip.is_link_local:
            continue
        found = interface_of(virtual_ip, question.interfaces)
        if found is None:
            return _outside(question, position, f"no interface's subnet on node {question.node}")
        if chosen is not None and found.name != chosen.name:
            return _elsewhere(question, position, found, chosen)
        chosen = found
    return chosen or LeftOut(
        Problem(
            Reason.INTERFACE_UNKNOWN,
            f"spec.virtualRouters[{question.index}].interface",
            "every interface has link-local addresses: name the interface of a router that has no other virtual IP",
        )
    )


def _needs_no_subnet(virtual_ip: InterfaceAddress) -> bool:
    """On a named interface: a host route is how one writes an address that is routed there; link-local fits anywhere."""
    return virtual_ip.network.prefixlen == virtual_ip.max_prefixlen or virtual_ip.ip.is_link_local


def _outside(question: _Question, position: int, where: str) -> LeftOut:
    return LeftOut(
        Problem(
            Reason.VIRTUAL_IP_OUTSIDE_SUBNETS,
            question.field(position),
            f"{question.router.virtual_ips[position]} is in {where} {question.has}; "
            "use an address of such a subnet, or give the node an address in the virtual IP's",
        )
    )


def _elsewhere(question: _Question, position: int, found: Interface, chosen: Interface) -> LeftOut:
    return LeftOut(
        Problem(
            Reason.VIRTUAL_IPS_ON_TWO_INTERFACES,
            question.field(position),
            f"{question.router.virtual_ips[position]} belongs to interface {found.name} of node {question.node}, "
            f"the router's other virtual IPs to {chosen.name}; give it a virtual router of its own",
        )
    )
