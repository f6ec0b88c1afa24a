"""Makes haproxy.cfg of one node.

The servers and their names are the same on all nodes: a client's cookie names a server, and has to mean the same server on every
node that may hold the virtual IP. Enums of the resource are translated here into HAProxy's keywords, so that no text of the
resource is used as a keyword.
"""

from dataclasses import dataclass

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.spec import Balance, Bind, ConnectionMode, Cookie, ForwardForMode, Listener, LogTarget, Mode
from hacluster.api.types import format_duration
from hacluster.plan.model import InterfaceAddress, Router, Topology
from hacluster.plan.texts.rendering import bracketed, render
from hacluster.plan.texts.stats import has_stats, stats_destinations

_BALANCE = {
    Balance.ROUND_ROBIN: "roundrobin",
    Balance.LEAST_CONNECTIONS: "leastconn",
    Balance.SOURCE: "source",
    Balance.URI: "uri",
    Balance.RANDOM: "random",
    Balance.FIRST: "first",
}
_CONNECTION_MODE = {
    ConnectionMode.KEEP_ALIVE: "http-keep-alive",
    ConnectionMode.SERVER_CLOSE: "http-server-close",
    ConnectionMode.CLOSE: "httpclose",
}


@dataclass(frozen=True)
class _Bind:
    """One `bind` line."""

    endpoint: str
    v6only: bool = False
    interface: str = ""


@dataclass(frozen=True)
class _Server:
    """One `server` line. `weight` is None if it is 1, HAProxy's default."""

    name: str
    endpoint: str
    weight: int | None = None
    backup: bool = False


@dataclass(frozen=True)
class _Check:
    """The health check of a listener's servers. Intervals are in HAProxy's notation: `2s`, `500ms`."""

    method: str
    path: str
    host: str
    expect_status: str
    interval: str
    fast_interval: str
    rise: int
    fall: int


@dataclass(frozen=True)
class _Listen:
    """One `listen` section: a listener of the resource and its servers."""

    name: str
    binds: tuple[_Bind, ...]
    http: bool
    balance: str
    cookie: tuple[str, ...]
    connection_mode: str
    reuse: bool
    forward_for: ForwardForMode
    check: _Check
    servers: tuple[_Server, ...]

    @property
    def mode(self) -> str:
        return "http" if self.http else "tcp"


@dataclass(frozen=True)
class _Stats:
    """The `listen` section of the statistics page."""

    name: str
    binds: tuple[_Bind, ...]
    path: str
    realm: str
    admin: bool


def haproxy_cfgs(cluster: HACluster, topology: Topology) -> dict[str, str]:
    """Node → its haproxy.cfg. A text that several nodes have is made once: with 64 listeners it has thousands of lines.

    Raises:
        UnsafeText: a value would change the meaning of a line.

    """
    made: dict[tuple[object, ...], str] = {}
    found = {}
    for node in (each.name for each in topology.nodes):
        # Everything that depends on the node: a statistics page that is limited to an interface, and link-local virtual IPs.
        interfaces = tuple(
            router.members[node].interface if node in router.members else None
            for router in topology.routers
            if any(address.ip.is_link_local for address in router.virtual_ips)
        )
        own = (interfaces, has_stats(topology, node), stats_destinations(cluster, topology, node))
        if own not in made:
            made[own] = haproxy_cfg(cluster, topology, node)
        found[node] = made[own]
    return found


def haproxy_cfg(cluster: HACluster, topology: Topology, node: str) -> str:
    """The node's haproxy.cfg.

    Raises:
        UnsafeText: a value would change the meaning of a line.

    """
    haproxy = cluster.spec.haproxy
    return render(
        "haproxy.cfg.j2",
        cluster=cluster.metadata.full_name,
        log=_log(cluster),
        stdout=haproxy.log.target is LogTarget.STDOUT,
        facility=haproxy.log.facility.value,
        admin_socket=names.HAPROXY_ADMIN_SOCKET,
        file=names.HAPROXY_CFG,
        health_socket=names.HAPROXY_HEALTH_SOCKET,
        health_path=names.HEALTH_PATH,
        server_states=names.HAPROXY_SERVER_STATES,
        max_connections=haproxy.max_connections,
        proxy_max_connections=haproxy.proxy_max_connections,
        retries=haproxy.retries,
        timeouts={name: format_duration(value) for name, value in haproxy.timeouts},
        # `transparent` lets open connections go on after the virtual IP has moved away: their sockets send from an address that the
        # node no longer has.
        transparent=bool(cluster.spec.vrrp.handover.drain),
        stats=_stats(cluster) if has_stats(topology, node) else None,
        stats_destinations=stats_destinations(cluster, topology, node),
        listeners=[_listen(cluster, topology, listener, node) for listener in haproxy.listeners],
    )


def _log(cluster: HACluster) -> str:
    log = cluster.spec.haproxy.log
    return "stdout" if log.target is LogTarget.STDOUT else f"{bracketed(log.address)}:{log.port}"


def _stats(cluster: HACluster) -> _Stats | None:
    stats = cluster.spec.haproxy.stats
    if not stats.enabled:
        return None
    taken = any(listener.name == "stats" for listener in cluster.spec.haproxy.listeners)
    return _Stats(
        name="hacluster:stats" if taken else "stats",
        binds=_any_address(cluster, stats.port, stats.interface or ""),
        path=stats.path,
        realm=stats.realm,
        admin=stats.admin,
    )


def _listen(cluster: HACluster, topology: Topology, listener: Listener, node: str) -> _Listen:
    check = listener.health_check
    return _Listen(
        name=listener.name,
        binds=_binds(cluster, topology, listener, node),
        http=listener.mode is Mode.HTTP,
        balance=_BALANCE[listener.balance],
        cookie=_cookie(listener.cookie),
        connection_mode=_CONNECTION_MODE[listener.connection_mode],
        reuse=listener.connection_mode is ConnectionMode.KEEP_ALIVE,
        forward_for=listener.forward_for.mode if listener.forward_for else ForwardForMode.REPLACE,
        check=_Check(
            method=check.method.value,
            path=check.path,
            host=check.host,
            expect_status=check.expect_status,
            interval=format_duration(check.interval),
            fast_interval=format_duration(check.fast_interval),
            rise=check.rise,
            fall=check.fall,
        ),
        servers=_servers(cluster, topology, listener),
    )


def _any_address(cluster: HACluster, port: int, interface: str = "") -> tuple[_Bind, ...]:
    """Binds for all IPv4 addresses, and for all IPv6 addresses if a virtual IP is IPv6 (a node may have IPv6 disabled)."""
    ipv4 = _Bind(f"*:{port}", interface=interface)
    if all(router.virtual_ips[0].version == 4 for router in cluster.spec.virtual_routers):
        return (ipv4,)
    return (ipv4, _Bind(f"[::]:{port}", v6only=True, interface=interface))


def _binds(cluster: HACluster, topology: Topology, listener: Listener, node: str) -> tuple[_Bind, ...]:
    if listener.bind is Bind.ANY:
        return _any_address(cluster, listener.port)
    return tuple(
        _Bind(f"{bracketed(virtual_ip.ip)}:{listener.port}", interface=_bind_interface(virtual_ip, router, node))
        for router in topology.routers
        for virtual_ip in router.virtual_ips
        if node in router.members or not virtual_ip.ip.is_link_local
    )


def _bind_interface(virtual_ip: InterfaceAddress, router: Router, node: str) -> str:
    """The interface to which a link-local address is bound: it is valid on one link only (RFC 4007). Empty for other addresses."""
    return router.members[node].interface if virtual_ip.ip.is_link_local else ""


def _cookie(cookie: Cookie | None) -> tuple[str, ...]:
    if cookie is None:
        return ()
    words = [cookie.name, "insert", "indirect", "nocache"]
    if cookie.http_only:
        words.append("httponly")
    if cookie.secure:
        words.append("secure")
    if cookie.same_site is not None:
        words += ["attr", f"SameSite={cookie.same_site.value}"]
    return tuple(words)


def _servers(cluster: HACluster, topology: Topology, listener: Listener) -> tuple[_Server, ...]:
    if listener.backend.servers is not None:
        return tuple(
            _Server(
                name=server.name,
                endpoint=f"{bracketed(server.address)}:{server.port}",
                weight=None if server.weight == 1 else server.weight,
                backup=server.backup,
            )
            for server in listener.backend.servers
        )
    assert cluster.spec.apache is not None, "the schema asks for spec.apache where a backend is apache"
    port = cluster.spec.apache.port
    return tuple(
        _Server(node.name, f"{bracketed(node.backend_address)}:{port}")
        for node in topology.nodes
        if node.backend_address is not None
    )
