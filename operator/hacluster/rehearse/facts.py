"""Derives the layout of a lab: which hosts it has, and with which addresses. Pure.

`make_layout` takes the names, interfaces and addresses that the resource states. Where it states none, names are made up and free
addresses are taken from the networks of the virtual IPs. `lab.py` builds the hosts from the result, and the planner gets
`LabLayout.nodes` as if agents had reported them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network, ip_interface, ip_network
from typing import Final

from hacluster.api import HACluster
from hacluster.api.spec import all_targets
from hacluster.errors import HAClusterError
from hacluster.plan import Interface, NodeView

Address = IPv4Address | IPv6Address
InterfaceAddress = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network

_TEST_NETWORK: Final = IPv4Network("198.18.0.0/15")
"""For the nodes' own addresses where virtual IPs have no subnet: reserved for benchmarks (RFC 2544; RFC 5180 for IPv6)."""
_FIRST_HOST: Final = 10
"""Offset of the first address that is given away, so that the usual addresses of gateways stay free."""
_APART: Final = 128
"""The test networks from this number on are for interfaces on which VRRP speaks and that have no virtual IPs."""
_FIRST_PORT: Final = 20000
"""After this one come the ports of the stand-ins for Services."""
_BACKEND_SEGMENT: Final = "back0"


class NoRoom(HAClusterError):
    """A network that the resource names has too few free addresses for the lab's hosts."""


@dataclass(frozen=True)
class Segment:
    """One layer-2 network that hosts share: a bridge. `name` is the name of the hosts' interfaces on it."""

    name: str
    networks: tuple[Network, ...]
    client: tuple[InterfaceAddress, ...]
    """The client's addresses on it, one for each network; the same for the other hosts."""
    newcomer: tuple[InterfaceAddress, ...]
    """Of the client that asks before each request who has the virtual IP."""
    servers: tuple[InterfaceAddress, ...]
    """Of the host with the stand-ins of the user's own servers."""


@dataclass(frozen=True)
class LabLayout:
    """Everything that has to be built."""

    nodes: tuple[NodeView, ...]
    segments: tuple[Segment, ...]
    virtual_ips: tuple[InterfaceAddress, ...]
    servers: tuple[tuple[Address, int], ...]
    """Addresses and ports of the user's own servers and of the endpoints of Services that have a stand-in (`stand_in.py`): on the node with
    that address, else on one host for all."""
    services: Mapping[str, Mapping[int, tuple[tuple[Address, int], ...]]] = field(default_factory=dict)
    """Name of each Service → its ports → address and port of each endpoint, which is a stand-in among `servers`, or another server."""

    def node_of(self, address: Address) -> str:
        """The node with this address; empty: none."""
        held = (
            (node.name, each.ip) for node in self.nodes for interface in node.interfaces or () for each in interface.addresses
        )
        return next((name for name, ip in held if ip == address), "")


def make_layout(cluster: HACluster, size: int = 3) -> LabLayout:
    """A layout with the nodes that the resource names, and with further ones up to `size` nodes.

    Raises:
        NoRoom: a network has too few addresses.

    """
    names = [node.name for node in cluster.spec.nodes]
    names += [name for name in (f"node{number}" for number in range(1, 64)) if name not in names][: max(0, size - len(names))]
    taken = _named_addresses(cluster)
    interfaces: dict[str, dict[str, list[InterfaceAddress]]] = {name: {} for name in names}
    segments: dict[str, list[Network]] = {}

    def assign(segment: str, node: str, address: InterfaceAddress) -> None:
        interfaces[node].setdefault(segment, []).append(address)
        if address.network not in segments.setdefault(segment, []):
            segments[segment].append(address.network)

    for index, router in enumerate(cluster.spec.virtual_routers):
        networks = list(dict.fromkeys(each.network for each in router.virtual_ips if _is_subnet(each.network)))
        segment_of = {network: name for name, listed in segments.items() for network in listed}
        segment = (
            router.address_interface
            or router.interface
            or next((segment_of[each] for each in networks if each in segment_of), _segment_name(cluster, index))
        )
        for network in networks or [_test_network(index, router.virtual_ips[0].version)]:
            if network in segments.get(segment, []):
                continue
            for node, address in zip(names, _take_free(network, taken, len(names)), strict=True):
                assign(segment, node, address)
    for index, router in enumerate(cluster.spec.virtual_routers):
        version = router.virtual_ips[0].version
        if router.address_interface and router.interface and not _has(segments.get(router.interface, ()), version):
            # VRRP needs an address to speak from.
            for node, address in zip(names, _take_free(_test_network(index + _APART, version), taken, len(names)), strict=True):
                assign(router.interface, node, address)
    first_segment = next(iter(segments))
    _assign_backends(cluster, names, segments, taken, assign)
    views = tuple(_node_view(name, interfaces[name], first_segment) for name in names)
    made = tuple(_segment(name, listed, taken) for name, listed in segments.items())
    services = _services(cluster, [each.internal_ip for each in views])
    stand_ins = (each for ports in services.values() for endpoints in ports.values() for each in endpoints)
    return LabLayout(
        nodes=views,
        segments=made,
        virtual_ips=tuple(each for router in cluster.spec.virtual_routers for each in router.virtual_ips),
        servers=(*_servers(cluster), *dict.fromkeys(stand_ins)),
        services=services,
    )


def _assign_backends(
    cluster: HACluster,
    names: Sequence[str],
    segments: Mapping[str, Sequence[Network]],
    taken: set[Address],
    assign: Callable[[str, str, InterfaceAddress], None],
) -> None:
    """Assigns the nodes' backend addresses: on the segment that has their network already, else on one of their own."""
    stated = {node.name: node.backend_address for node in cluster.spec.nodes if node.backend_address is not None}
    network: Network | None = cluster.spec.backend_network
    if network is None:
        if not stated:
            return
        example = next(iter(stated.values()))
        network = ip_network((example, 24 if example.version == 4 else 64), strict=False)
    segment = next((name for name, listed in segments.items() if network in listed), "")
    for node in names:
        if node in stated:
            assign(segment or _BACKEND_SEGMENT, node, ip_interface((stated[node], network.prefixlen)))
        elif not segment:
            assign(_BACKEND_SEGMENT, node, next(_take_free(network, taken, 1)))


def _segment(name: str, networks: Sequence[Network], taken: set[Address]) -> Segment:
    """The segment, with addresses for the hosts that are no nodes."""
    client, newcomer, servers = (tuple(next(_take_free(each, taken, 1)) for each in networks) for _ in range(3))
    return Segment(name, tuple(networks), client, newcomer, servers)


def _segment_name(cluster: HACluster, index: int) -> str:
    """The interface that the resource names for its nodes, for the first router; else a made-up name."""
    stated = next((node.interface for node in cluster.spec.nodes if node.interface), None)
    return stated if stated and index == 0 else f"net{index}"


def _node_view(name: str, interfaces: dict[str, list[InterfaceAddress]], first_segment: str) -> NodeView:
    """The node as its agent would report it; its internal address is the one on the first segment."""
    reported = tuple(Interface(each, tuple(addresses)) for each, addresses in interfaces.items())
    return NodeView(name, interfaces[first_segment][0].ip, reported)


def _named_addresses(cluster: HACluster) -> set[Address]:
    """Every address that the resource names: virtual IPs, backends, the user's own servers."""
    named: set[Address] = {each.ip for router in cluster.spec.virtual_routers for each in router.virtual_ips}
    named |= {node.backend_address for node in cluster.spec.nodes if node.backend_address is not None}
    return named | {address for address, _ in _servers(cluster)}


def _servers(cluster: HACluster) -> tuple[tuple[Address, int], ...]:
    """Address and port of each server, and of what is checked in its place.

    Without those with a host name, for which nobody answers here: such a server stays out of use, as it does until a name resolves.
    """
    pairs = [(each, target) for _, target in all_targets(cluster.spec.haproxy) for each in target.backend.servers or ()]
    found = [(each.address, port) for each, target in pairs for port in (each.port, target.health_check.port or each.port)]
    return tuple(dict.fromkeys((address, port) for address, port in found if address is not None))


def _services(cluster: HACluster, nodes: Sequence[Address | None]) -> dict[str, dict[int, tuple[tuple[Address, int], ...]]]:
    """For each port of each Service one endpoint on each node, at the node's own address: a lost node takes its endpoint with it."""
    addresses = [each for each in nodes if each is not None]
    found: dict[str, dict[int, tuple[tuple[Address, int], ...]]] = {}
    for _, target in all_targets(cluster.spec.haproxy):
        if service := target.backend.service:
            ports = found.setdefault(service.name, {})
            port = _FIRST_PORT + sum(map(len, found.values()))
            ports.setdefault(service.port, tuple((each, port) for each in addresses))
    return found


def _has(networks: Sequence[Network], version: int) -> bool:
    return any(each.version == version for each in networks)


def _is_subnet(network: Network) -> bool:
    """Whether hosts can have addresses in it: a virtual IP written as /32 or /128 names no subnet."""
    return network.num_addresses > 2


def _test_network(index: int, version: int) -> Network:
    if version == 6:
        return ip_network(f"2001:2:0:{index:x}::/64")
    return IPv4Network((int(_TEST_NETWORK.network_address) + 256 * index, 24))


def _take_free(network: Network, taken: set[Address], count: int) -> Iterator[InterfaceAddress]:
    """Yields the next `count` free addresses and adds each to `taken`. Raises NoRoom when they run out."""
    first = _FIRST_HOST if network.num_addresses > 4 * _FIRST_HOST else 1
    for offset in range(first, network.num_addresses - 1):
        if count == 0:
            return
        address = network.network_address + offset
        if address not in taken:
            taken.add(address)
            count -= 1
            yield ip_interface((address, network.prefixlen))
    if count:
        raise NoRoom(f"{network} has too few free addresses for the nodes of a rehearsal; name a larger network")
