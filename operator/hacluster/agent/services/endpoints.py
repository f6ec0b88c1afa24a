"""Which endpoints of a Service get requests, and which only finish what they have. Pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from hacluster.agent.services.view import ServiceView, Slice
from hacluster.nodeconfig import AgentConfig, Service


@dataclass(frozen=True)
class Endpoint:
    """One server: address without brackets, and port."""

    address: str
    port: int
    backup: bool = False
    """It is on another node, and those of this node come first (`externalTrafficPolicy: Local`)."""
    node: str = field(default="", compare=False)
    """The node that it is on; empty: unknown, or slices contradict each other. HAProxy's server is the same on any node."""

    @property
    def name(self) -> str:
        """The server's name in HAProxy. It has a colon, which no name of a user or a node has."""
        return f"{self.address}:{self.port}"


@dataclass(frozen=True)
class Endpoints:
    """The servers that one of HAProxy's proxies should have."""

    used: tuple[Endpoint, ...] = ()
    """In the order of their addresses, which is the same on all nodes."""
    draining: frozenset[Endpoint] = frozenset()
    """About to end: those that HAProxy has keep their connections and the clients with their cookie, and get no other ones."""
    known: bool = True
    """Whether the Service has been seen at all."""
    problem: str = ""
    """What is wrong with the Service itself, as a clause; empty: nothing."""


def endpoints_of(service: Service, view: ServiceView | None, is_circle: Callable[[Endpoint], bool]) -> Endpoints:
    """The endpoints of the Service, which was last seen as `view` (None: never).

    An endpoint in two slices counts once, with the better state: Kubernetes moves endpoints between slices. If none is ready, those that
    still serve while they end get the requests, as kube-proxy does it (KEP-1669). `is_circle`: whether HAProxy itself listens there.
    """
    if view is None:
        return Endpoints(known=False)
    if problem := _problem(service, view):
        return Endpoints(problem=problem)
    places: dict[bool, dict[tuple[str, int], set[str]]] = {True: {}, False: {}}  # whether it is ready → address and port → nodes
    for each in _of_family(view.slices, service.ip_version):
        port = each.ports.get(view.ports[service.port])
        for endpoint in each.endpoints if port else ():
            if endpoint.ready or endpoint.serving:
                places[endpoint.ready].setdefault((endpoint.address, port or 0), set()).add(endpoint.node)
    ready = _made(service, places[True])
    ending = _made(service, {place: nodes for place, nodes in places[False].items() if place not in places[True]})
    circles = {each for each in ready | ending if is_circle(each)}
    ready, ending = ready - circles, ending - circles
    problem = f"its endpoint {min(each.name for each in circles)} is a listener of this resource itself" if circles else ""
    return Endpoints(_in_order(ready or ending), frozenset(ending if ready else ()), problem=problem)


def circles(config: AgentConfig, own: Collection[str]) -> Callable[[Endpoint], bool]:
    """Finds endpoints on which HAProxy listens: requests would go in a circle. `own`: this node's addresses, without prefix lengths."""
    everywhere = {*own, *config.all_virtual_ips, *(address for addresses in config.peers.values() for address in addresses)}
    taken = {(address, port.port) for port in config.ports for address in ([port.address] if port.address else everywhere)}
    return lambda endpoint: (endpoint.address, endpoint.port) in taken


def _made(service: Service, places: Mapping[tuple[str, int], Collection[str]]) -> set[Endpoint]:
    """The endpoints at these addresses and ports, each with the nodes that the slices name for it."""
    return {
        Endpoint(
            address,
            port,
            backup=bool(service.local_to) and service.local_to not in nodes,
            node=next(iter(nodes)) if len(nodes) == 1 else "",
        )
        for (address, port), nodes in places.items()
    }


def _problem(service: Service, view: ServiceView) -> str:
    if not view.exists:
        return "there is no such Service in this namespace"
    if view.external:
        return "it is of type ExternalName and has no endpoints; name its host in backend.servers (hostname)"
    if service.port not in view.ports:
        there = ", ".join(map(str, sorted(view.ports))) or "none"
        return f"it has no TCP port {service.port} (its ports: {there})"
    return ""


def _of_family(slices: Collection[Slice], wanted: int) -> list[Slice]:
    """The slices of one family, so that a pod with two addresses is one server: the wanted family if the Service has it, else the other."""
    found = [each for each in slices if each.ip_version == wanted]
    return found or list(slices)


def _in_order(endpoints: Collection[Endpoint]) -> tuple[Endpoint, ...]:
    return tuple(sorted(endpoints, key=lambda each: (ip_address(each.address).packed, each.port)))
