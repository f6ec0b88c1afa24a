"""Which hosts a rehearsal has, with which addresses: what the resource says, and where it says nothing, something that fits. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network, ip_interface, ip_network
from typing import Final

from hacluster.api import HACluster
from hacluster.errors import HAClusterError
from hacluster.plan import Interface, NodeView

Address = IPv4Address | IPv6Address
InterfaceAddress = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network

_SPARE: Final = IPv4Network("198.18.0.0/15")
"""For hosts whose own addresses do not matter: RFC 2544 keeps it for benchmarks."""
_SKIP: Final = 10
_BACKENDS: Final = "back0"


class NoRoom(HAClusterError):
    """The networks that the resource names have no addresses left for the rehearsal's hosts."""


@dataclass(frozen=True)
class Segment:
    """One link that hosts share: a bridge. `name` is the nodes' interface on it."""

    name: str
    networks: tuple[Network, ...]
    client: tuple[InterfaceAddress, ...]
    """The client's addresses on it."""


@dataclass(frozen=True)
class LabLayout:
    """Everything that has to be built."""

    nodes: tuple[NodeView, ...]
    segments: tuple[Segment, ...]
    virtual_ips: tuple[InterfaceAddress, ...]
    servers: tuple[tuple[Address, int], ...]
    """The user's own servers, which a stand-in host plays."""


def make_layout(cluster: HACluster, size: int = 3) -> LabLayout:
    """`size` nodes at least: those that the resource names, and as many more.

    Raises:
        NoRoom: a network has too few addresses.

    """
    names = [node.name for node in cluster.spec.nodes]
    names += [name for name in (f"node{number}" for number in range(1, 64)) if name not in names][: max(0, size - len(names))]
    taken = _written(cluster)
    interfaces: dict[str, dict[str, list[InterfaceAddress]]] = {name: {} for name in names}
    segments: dict[str, list[Network]] = {}

    def give(name: str, node: str, address: InterfaceAddress) -> None:
        interfaces[node].setdefault(name, []).append(address)
        if address.network not in segments.setdefault(name, []):
            segments[name].append(address.network)

    for index, router in enumerate(cluster.spec.virtual_routers):
        networks = list(dict.fromkeys(each.network for each in router.virtual_ips if _has_room(each.network)))
        known = {network: name for name, listed in segments.items() for network in listed}
        segment = router.interface or next((known[each] for each in networks if each in known), _name(cluster, index))
        for network in networks or [_spare(index, router.virtual_ips[0].version)]:
            if network in segments.get(segment, []):
                continue
            for node, address in zip(names, _free(network, taken, len(names)), strict=True):
                give(segment, node, address)
    front = next(iter(segments))
    _give_backends(cluster, names, segments, taken, give)
    client = {name: tuple(next(_free(each, taken, 1)) for each in listed) for name, listed in segments.items()}
    views = tuple(_view(name, interfaces[name], cluster, front) for name in names)
    return LabLayout(
        nodes=views,
        segments=tuple(Segment(name, tuple(listed), client[name]) for name, listed in segments.items()),
        virtual_ips=tuple(each for router in cluster.spec.virtual_routers for each in router.virtual_ips),
        servers=_servers(cluster),
    )


def _give_backends(
    cluster: HACluster,
    names: Sequence[str],
    segments: Mapping[str, Sequence[Network]],
    taken: set[Address],
    give: Callable[[str, str, InterfaceAddress], None],
) -> None:
    """Addresses for the nodes' own backends, on a segment of their own where no virtual IP's holds them."""
    written = {node.name: node.backend_address for node in cluster.spec.nodes if node.backend_address is not None}
    network: Network | None = cluster.spec.backend_network
    if network is None:
        if not written:
            return
        example = next(iter(written.values()))
        network = ip_network((example, 24 if example.version == 4 else 64), strict=False)
    segment = next((name for name, listed in segments.items() if network in listed), "")
    for node in names:
        if node in written:
            give(segment or _BACKENDS, node, ip_interface((written[node], network.prefixlen)))
        elif not segment:
            give(_BACKENDS, node, next(_free(network, taken, 1)))


def _name(cluster: HACluster, index: int) -> str:
    named = next((node.interface for node in cluster.spec.nodes if node.interface), None)
    return named if named and index == 0 else f"net{index}"


def _view(name: str, interfaces: dict[str, list[InterfaceAddress]], cluster: HACluster, front: str) -> NodeView:
    found = tuple(Interface(each, tuple(addresses)) for each, addresses in interfaces.items())
    return NodeView(name, interfaces[front][0].ip, found)


def _written(cluster: HACluster) -> set[Address]:
    """Every address that the resource names for something."""
    taken: set[Address] = {each.ip for router in cluster.spec.virtual_routers for each in router.virtual_ips}
    taken |= {node.backend_address for node in cluster.spec.nodes if node.backend_address is not None}
    return taken | {address for address, _ in _servers(cluster)}


def _servers(cluster: HACluster) -> tuple[tuple[Address, int], ...]:
    servers = (server for listener in cluster.spec.haproxy.listeners for server in listener.backend.servers or ())
    return tuple(dict.fromkeys((server.address, server.port) for server in servers))


def _has_room(network: Network) -> bool:
    return network.num_addresses > 2


def _spare(index: int, version: int) -> Network:
    if version == 6:
        return ip_network(f"2001:2:0:{index:x}::/64")
    return IPv4Network((int(_SPARE.network_address) + 256 * index, 24))


def _free(network: Network, taken: set[Address], count: int) -> Iterator[InterfaceAddress]:
    """The next free addresses, which are taken from now on."""
    first = _SKIP if network.num_addresses > 4 * _SKIP else 1
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
