"""Where each virtual router advertises, as far as the nodes have reported: two routers need different VRIDs where they may meet.

Advertisements reach one network segment, and the protocols for IPv4 and IPv6 do not see each other (RFC 9568, section 1;
keepalived.conf(5), `virtual_router_id`). A segment is known by the subnets that nodes have on their interfaces. Equal subnets count as one
segment, also where they may be apart. docs/decisions/0041-router-ids-per-segment.md has the reasons.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_interface
from types import MappingProxyType

from hacluster.api import HACluster, NodeStatus
from hacluster.api.vrrp import router_names
from hacluster.plan.model import Interface, InterfaceAddress, Network, NodeView
from hacluster.plan.topology.addresses import is_host_route
from hacluster.plan.topology.interface_choice import Chosen, choose_interface

Interfaces = tuple[Interface, ...]
Reports = Mapping[str, Interfaces | None]
"""Node → its interfaces; None where no agent has reported them."""
_NOTHING: Reports = MappingProxyType({})


@dataclass(frozen=True)
class Segment:
    """Where one virtual router advertises. `version` is the IP version of its virtual IPs, 4 or 6."""

    version: int
    interfaces: frozenset[tuple[str, str]] = frozenset()
    """Node and interface."""
    subnets: frozenset[Network] = frozenset()
    """The subnets of these interfaces, of both IP versions. Host routes and link-local networks say nothing about a segment."""
    unknown: frozenset[str] = frozenset()
    """Nodes of which it is not known where they will advertise."""

    @property
    def is_known(self) -> bool:
        """Whether the router can be nowhere else. A router without a node may be anywhere later."""
        return bool(self.interfaces) and not self.unknown

    def may_meet(self, other: "Segment") -> bool:
        """Whether the two may hear each other: they do, or it is not known where one of them is."""
        return self.version == other.version and (not (self.is_known and other.is_known) or self.meets(other))

    def meets(self, other: "Segment") -> bool:
        """Whether the two hear each other, by what is known: they share an interface, or have overlapping subnets."""
        if self.version != other.version:
            return False
        if not (self.interfaces.isdisjoint(other.interfaces) and self.subnets.isdisjoint(other.subnets)):
            return True  # most often, and quickly found: the operator compares each router with all others
        return any(_overlaps_any(each, other.subnets) for each in self.subnets)

    def shared(self, other: "Segment") -> str:
        """What the two have in common, for a message: `interface eth0 of node n1`, `subnet 192.0.2.0/24`. Empty: nothing is known."""
        if both := sorted(self.interfaces & other.interfaces):
            node, interface = both[0]
            return f"interface {interface} of node {node}"
        return next((f"subnet {each}" for each in _sorted(self.subnets) if _overlaps_any(each, other.subnets)), "")


def segments_of(cluster: HACluster, reports: Reports, elsewhere: Reports = _NOTHING) -> dict[str, Segment]:
    """The segment of each virtual router, by its name.

    `reports` has every selected node, with what the resource's own agents report. `elsewhere` is what agents of other resources report
    of the same nodes: it says where a resource will be whose agents do not run yet. What the nodes say they run counts as well, until
    they run what is planned.
    """
    routers = cluster.spec.virtual_routers
    return {
        name: join_segments(
            [
                *planned_segments(cluster, index, reports, elsewhere),
                *_running(cluster.status.nodes, name, router.virtual_ips[0].version),
            ]
        )
        for index, (name, router) in enumerate(zip(router_names(routers), routers, strict=True))
    }


def reported_interfaces(entry: NodeStatus) -> Interfaces:
    """The interfaces in a node's entry. Its addresses are valid: the model has checked them."""
    return tuple(
        Interface(each.name, tuple(map(ip_interface, each.addresses)), tuple(map(ip_interface, each.other_addresses or ())))
        for each in entry.interfaces
    )


def planned_segments(cluster: HACluster, index: int, reports: Reports, elsewhere: Reports = _NOTHING) -> Iterable[Segment]:
    """Where each node of `reports` is to run router number `index`; nothing for a node that cannot run it. The first one is empty."""
    router = cluster.spec.virtual_routers[index]
    version = router.virtual_ips[0].version
    yield Segment(version)
    for node, own in reports.items():
        interfaces = own or elsewhere.get(node)
        chosen = choose_interface(cluster.spec, index, router, NodeView(node, interfaces=interfaces)) if interfaces else None
        if isinstance(chosen, Chosen):
            yield segment_of(version, node, chosen.vrrp)
        elif chosen is None or not own:
            # Agents of other resources may leave out an interface that only this resource names.
            yield Segment(version, unknown=frozenset({node}))


def _running(entries: Iterable[NodeStatus], name: str, version: int) -> Iterable[Segment]:
    for entry in entries:
        for running in entry.routers:
            if running.name == name:
                addresses = next((each.addresses for each in entry.interfaces if each.name == running.interface), ())
                yield segment_of(version, entry.name, Interface(running.interface, tuple(map(ip_interface, addresses))))


def segment_of(version: int, node: str, interface: Interface) -> Segment:
    """Where a router with virtual IPs of this version would be that advertises on this interface of the node."""
    subnets = frozenset(each.network for each in interface.addresses if _tells_the_segment(each))
    return Segment(version, frozenset({(node, interface.name)}), subnets, frozenset() if subnets else frozenset({node}))


def _tells_the_segment(address: InterfaceAddress) -> bool:
    return not is_host_route(address) and not address.ip.is_link_local


def join_segments(parts: Iterable[Segment]) -> Segment:
    """All of them as one. `parts` has one at least; all are of one IP version."""
    found = list(parts)
    return Segment(
        found[0].version,
        frozenset().union(*(each.interfaces for each in found)),
        frozenset().union(*(each.subnets for each in found)),
        frozenset().union(*(each.unknown for each in found)),
    )


def _overlaps_any(network: Network, others: Iterable[Network]) -> bool:
    return any(each.version == network.version and each.overlaps(network) for each in others)


def _sorted(networks: Iterable[Network]) -> list[Network]:
    return sorted(networks, key=lambda each: (each.version, each))
