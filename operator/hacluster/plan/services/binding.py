"""The listeners that the ports of Services of type LoadBalancer become, and why a port becomes none.

The resource's own ports come first, then those of other resources on the same nodes, then what Services have, then what older ones want.
What cannot be served concerns one port of one Service: everything else is as without it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from types import MappingProxyType
from typing import Final

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.api.spec import (
    Backend,
    Balance,
    Bind,
    ListenerTimeouts,
    Mode,
    ProxyProtocol,
    SendProxyProtocol,
    ServiceBackend,
    ServiceListener,
)
from hacluster.plan.conflicts import Kind, endpoints_of
from hacluster.plan.digest import digest
from hacluster.plan.services.allowed import not_allowed, title_of
from hacluster.plan.services.model import Binding, LoadBalancerService, RefusedPort, ServicePort

MAX_LISTENERS: Final = 64
"""Listeners of a resource, with those of Services."""
MAX_SOURCES: Final = 64
"""Networks in `allowedSources` of a listener."""
_MAX_NAME: Final = 63
_IDLE: Final = timedelta(hours=1)
"""How long a connection of a Service may be idle, unless the resource says so itself: nobody says what kind of connections they are."""
_ONLY_TCP: Final = "HAProxy does not balance {protocol}; remove the port from this Service, or give it a Service of another class"
_HAS_IT: Final = "{owner} has it; choose another port"
_SEND: Final = {"": SendProxyProtocol.NONE, "V1": SendProxyProtocol.V1, "V2": SendProxyProtocol.V2}

_NONE: Mapping[str, str] = MappingProxyType({})

InUse = Mapping[tuple[str, int], str]
"""A Service's uid and a port → what a node says about the other program that has the port."""


def bind_services(
    cluster: HACluster,
    services: Sequence[LoadBalancerService],
    taken: Mapping[int, str],
    rivals: Sequence[Binding],
    in_use: InUse,
    *,
    denied: Mapping[str, str] = _NONE,
) -> tuple[Binding, ...]:
    """What becomes of the Services whose class names the resource, the oldest first.

    `taken`: port → which other resource has it on one of the nodes (`ports_of`); `rivals`: what became of their Services; `in_use`:
    ports that another program on a node has; `denied`: namespace → why the agents may not read it.
    """
    taken = {**taken, **ports_of(cluster)}
    names_in_use = {each.name for each in cluster.spec.haproxy.listeners}
    room = MAX_LISTENERS - len(names_in_use)
    made: dict[tuple[str, ServicePort], ServiceListener | RefusedPort] = {}
    claims = [(service, port) for service in services for port in service.ports]
    for service, port in sorted(claims, key=lambda claim: claim[0].rank(claim[1].port)):
        found = _refusal(cluster, service, denied) or _port_refusal(service, port, taken, in_use, room)
        found = found or _taken_by_rival(service, port.port, rivals)
        if found:
            made[service.uid, port] = RefusedPort(port, *found)
            continue
        name = _listener_name(cluster, service, port.port, names_in_use)
        names_in_use.add(name)
        taken[port.port] = f"Service {service.title}"
        room -= 1
        made[service.uid, port] = _listener(cluster, service, port.port, name)
    return tuple(_binding(each, made) for each in sorted(services, key=lambda each: each.age))


def _binding(service: LoadBalancerService, made: Mapping[tuple[str, ServicePort], ServiceListener | RefusedPort]) -> Binding:
    found = [made[service.uid, port] for port in service.ports]
    listeners = tuple(each for each in found if isinstance(each, ServiceListener))
    return Binding(service, listeners, tuple(each for each in found if isinstance(each, RefusedPort)))


def with_services(cluster: HACluster, bindings: Sequence[Binding]) -> HACluster:
    """The resource with the Services' listeners behind its own."""
    if not any(each.listeners for each in bindings):
        return cluster
    listeners = (*cluster.spec.haproxy.listeners, *(listener for each in bindings for listener in each.listeners))
    haproxy = cluster.spec.haproxy.model_copy(update={"listeners": listeners})
    return cluster.model_copy(update={"spec": cluster.spec.model_copy(update={"haproxy": haproxy})})


def ports_of(cluster: HACluster) -> dict[int, str]:
    """TCP port on which the resource's daemons listen on a node → who has it, for messages. Services are not among them."""
    return {each.port: f"{title_of(cluster)} ({each.field})" for each in endpoints_of(cluster) if each.kind is not Kind.SYSLOG}


def _refusal(cluster: HACluster, service: LoadBalancerService, denied: Mapping[str, str]) -> tuple[Reason, str] | None:
    """Why no port of the Service is served; None: nothing stands against it."""
    if why := not_allowed(cluster, service):
        return Reason.SERVICES_NOT_SERVED, why
    if service.namespace in denied:
        return (
            Reason.SERVICES_NOT_SERVED,
            f"the nodes of {title_of(cluster)} are not given the right to read this namespace: {denied[service.namespace]}",
        )
    if service.proxy_protocol not in _SEND:
        return (
            Reason.INVALID_ANNOTATION,
            f"the annotation {names.ANNOTATION_PROXY_PROTOCOL} must be V1 or V2, not {service.proxy_protocol[:40]!r}",
        )
    try:
        sources = _sources(service)
    except (
        ValueError
    ) as error:  # the API server takes forms that mean different networks to different programs, such as 010.0.0.0/8
        return Reason.INVALID, f"loadBalancerSourceRanges: {error}; write it without leading zeros"
    if len(sources) > MAX_SOURCES:
        return (
            Reason.TOO_MANY_SOURCES,
            f"loadBalancerSourceRanges has more than {MAX_SOURCES} separate networks; name larger ones",
        )
    return None


def _port_refusal(
    service: LoadBalancerService, port: ServicePort, taken: Mapping[int, str], in_use: InUse, room: int
) -> tuple[Reason, str] | None:
    if port.protocol != "TCP":
        return Reason.UNSUPPORTED_PROTOCOL, _ONLY_TCP.format(protocol=port.protocol)
    if owner := taken.get(port.port):
        return Reason.PORT_TAKEN, _HAS_IT.format(owner=owner)
    if message := in_use.get((service.uid, port.port)):
        return Reason.PORT_IN_USE, message
    if room <= 0:
        return (
            Reason.TOO_MANY_LISTENERS,
            f"the resource has {MAX_LISTENERS} listeners already; give the Service the class of another resource",
        )
    return None


def _taken_by_rival(service: LoadBalancerService, port: int, rivals: Sequence[Binding]) -> tuple[Reason, str] | None:
    for each in rivals:
        if each.service.rank(port) < service.rank(port) and any(listener.port == port for listener in each.listeners):
            return Reason.PORT_TAKEN, _HAS_IT.format(owner=f"Service {each.service.title}")
    return None


def _listener(cluster: HACluster, service: LoadBalancerService, port: int, name: str) -> ServiceListener:
    elsewhere = service.namespace != cluster.metadata.namespace
    sources = _sources(service)
    return ServiceListener(
        name=name,
        port=port,
        # On the virtual IPs alone where the nodes can bind addresses that they do not have.
        bind=Bind.VIRTUAL_IPS if cluster.spec.system.nonlocal_bind else Bind.ANY,
        mode=Mode.TCP,
        balance=Balance.SOURCE if service.client_ip else Balance.ROUND_ROBIN,
        allowed_sources=sources or None,
        timeouts=ListenerTimeouts(tunnel=None if cluster.spec.haproxy.timeouts.tunnel else _IDLE),
        proxy_protocol=ProxyProtocol(send=_SEND[service.proxy_protocol]),
        backend=Backend(service=ServiceBackend(name=service.name, port=port)),
        service=service.name,
        service_namespace=service.namespace if elsewhere else "",
        local=service.local,
    )


def _sources(service: LoadBalancerService) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks that may connect, without those that are part of another; empty: all. Raises ValueError."""
    networks = [ip_network(each.strip(), strict=False) for each in service.source_ranges]
    return tuple(_collapsed(networks))


def _collapsed(networks: Sequence[IPv4Network | IPv6Network]) -> Iterator[IPv4Network | IPv6Network]:
    yield from collapse_addresses(each for each in networks if isinstance(each, IPv4Network))
    yield from collapse_addresses(each for each in networks if isinstance(each, IPv6Network))


def _listener_name(cluster: HACluster, service: LoadBalancerService, port: int, in_use: set[str]) -> str:
    """`shop.443`, of another namespace `tenant.shop.443`: so what a port has of one Service is never taken for another's.

    Neither a namespace nor a Service's name has a dot; where the name is too long or a listener of the resource has it, it gets a digest.
    """
    elsewhere = f"{service.namespace}." if service.namespace != cluster.metadata.namespace else ""
    name = f"{elsewhere}{service.name}.{port}"
    if len(name) <= _MAX_NAME and name not in in_use:
        return name
    return f"{service.name[:40].rstrip('-')}.{digest(service.uid)[:8]}.{port}"
