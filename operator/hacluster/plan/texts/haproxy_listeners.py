"""Makes the `listen` section of each listener, with the `backend` sections of its routes."""

from collections.abc import Mapping
from dataclasses import dataclass

from hacluster import names
from hacluster.api import HACluster
from hacluster.api import spec as api
from hacluster.api.spec import ConnectionMode, ForwardForMode, Listener, ListenerTimeouts, Mode, RouteTimeouts, targets_of
from hacluster.plan.model import InterfaceAddress, Network, Router, Topology
from hacluster.plan.texts.haproxy_requests import (
    HeaderRules,
    PathChange,
    RouteRule,
    header_rules,
    needs_host,
    path_change,
    route_rules,
)
from hacluster.plan.texts.haproxy_servers import ServerGroup, server_group, timeouts
from hacluster.plan.texts.rendering import bracketed

_CONNECTION_MODE = {
    ConnectionMode.KEEP_ALIVE: "http-keep-alive",
    ConnectionMode.SERVER_CLOSE: "http-server-close",
    ConnectionMode.CLOSE: "httpclose",
}


@dataclass(frozen=True)
class Bind:
    """One `bind` line."""

    endpoint: str
    v6only: bool = False
    interface: str = ""


@dataclass(frozen=True)
class Certificates:
    """How the `bind` lines end TLS."""

    files: tuple[str, ...]
    """The first is for clients that ask for a name which none has."""
    min_version: str


@dataclass(frozen=True)
class Redirect:
    """The `frontend` section that sends plain HTTP to the listener."""

    name: str
    binds: tuple[Bind, ...]
    port: int
    """The listener's."""


@dataclass(frozen=True)
class RouteBackend:
    """The `backend` section of a route."""

    name: str
    path_change: PathChange | None
    group: ServerGroup


@dataclass(frozen=True)
class Listen:
    """One `listen` section: a listener of the resource and its servers; and the `backend` sections of its routes."""

    name: str
    binds: tuple[Bind, ...]
    http: bool
    max_connections: int | None
    accept_proxy: bool
    tls: Certificates | None
    redirect: Redirect | None
    allowed_sources: tuple[Network, ...]
    connection_mode: str
    reuse: bool
    forward_for: ForwardForMode
    timeouts: Mapping[str, str]
    needs_host: bool
    request_headers: HeaderRules
    response_headers: HeaderRules
    routes: tuple[RouteRule, ...]
    group: ServerGroup
    backends: tuple[RouteBackend, ...]

    @property
    def mode(self) -> str:
        return "http" if self.http else "tcp"


def listen(cluster: HACluster, topology: Topology, listener: Listener, node: str) -> Listen:
    """The sections of one listener on a node."""
    own, *routes = targets_of(listener)
    request_headers, response_headers = header_rules(listener)
    return Listen(
        name=listener.name,
        binds=_binds(cluster, topology, listener, listener.port, node),
        http=listener.mode is Mode.HTTP,
        max_connections=listener.max_connections,
        accept_proxy=listener.proxy_protocol.accept,
        tls=_certificates(listener),
        redirect=_redirect(cluster, topology, listener, node),
        allowed_sources=listener.allowed_sources or (),
        connection_mode=_CONNECTION_MODE[listener.connection_mode],
        reuse=listener.connection_mode is ConnectionMode.KEEP_ALIVE,
        forward_for=listener.forward_for.mode if listener.forward_for else ForwardForMode.REPLACE,
        timeouts=_client_timeouts(listener),
        needs_host=needs_host(listener),
        request_headers=request_headers,
        response_headers=response_headers,
        routes=tuple(route_rules(listener)),
        group=server_group(cluster, topology, own),
        backends=tuple(RouteBackend(each.proxy, path_change(each), server_group(cluster, topology, each)) for each in routes),
    )


def _client_timeouts(listener: Listener) -> dict[str, str]:
    """The listener's own timeouts on the side of the clients. Those on the other side are the servers' (`haproxy_servers.py`)."""
    of_clients = ListenerTimeouts.model_fields.keys() - RouteTimeouts.model_fields.keys()
    own = {name: value for name, value in listener.timeouts if name in of_clients}
    return timeouts(own.items())


def _certificates(listener: Listener) -> Certificates | None:
    if listener.tls is None:
        return None
    return Certificates(tuple(map(names.certificate_file, listener.tls.secret_names)), listener.tls.min_version.value)


def _redirect(cluster: HACluster, topology: Topology, listener: Listener, node: str) -> Redirect | None:
    if listener.tls is None or (port := listener.tls.redirect_from_port) is None:
        return None
    # No name of a listener or route has a colon, so no other section has this name.
    binds = _binds(cluster, topology, listener, port, node)
    return Redirect(f"{listener.name}::redirect", binds, listener.port)


def any_address(cluster: HACluster, port: int, interface: str = "") -> tuple[Bind, ...]:
    """Binds for all IPv4 addresses, and for all IPv6 addresses if a virtual IP is IPv6 (a node may have IPv6 disabled)."""
    ipv4 = Bind(f"*:{port}", interface=interface)
    if all(router.virtual_ips[0].version == 4 for router in cluster.spec.virtual_routers):
        return (ipv4,)
    return (ipv4, Bind(f"[::]:{port}", v6only=True, interface=interface))


def _binds(cluster: HACluster, topology: Topology, listener: Listener, port: int, node: str) -> tuple[Bind, ...]:
    if listener.bind is api.Bind.ANY:
        return any_address(cluster, port)
    return tuple(
        Bind(f"{bracketed(virtual_ip.ip)}:{port}", interface=_bind_interface(virtual_ip, router, node))
        for router in topology.routers
        if listener.bind_routers is None or router.name in listener.bind_routers
        for virtual_ip in router.virtual_ips
        if node in router.members or not virtual_ip.ip.is_link_local
    )


def _bind_interface(virtual_ip: InterfaceAddress, router: Router, node: str) -> str:
    """The interface to which a link-local address is bound: it is valid on one link only (RFC 4007). Empty for other addresses."""
    return router.members[node].interface if virtual_ip.ip.is_link_local else ""
