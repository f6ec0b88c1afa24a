"""Makes haproxy.cfg of one node.

The servers and their names are the same on all nodes: a client's cookie names a server, and has to mean the same server on every
node that may hold the virtual IP. Enums of the resource are translated here into HAProxy's keywords, so that no text of the
resource is used as a keyword.
"""

from dataclasses import dataclass

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.spec import Dns, Haproxy, LogTarget, all_targets
from hacluster.api.stats import METRICS_PATH
from hacluster.api.types import format_duration
from hacluster.plan.model import Topology
from hacluster.plan.texts.haproxy_listeners import Bind, any_address, listen
from hacluster.plan.texts.haproxy_servers import RESOLVERS, timeouts
from hacluster.plan.texts.rendering import bracketed, render
from hacluster.plan.texts.stats import has_stats, stats_destinations


@dataclass(frozen=True)
class _Resolvers:
    """The `resolvers` section. Without name servers, those in /etc/resolv.conf are asked."""

    name: str
    name_servers: tuple[str, ...]
    hold: str


@dataclass(frozen=True)
class _Stats:
    """The `listen` section of the statistics page."""

    name: str
    binds: tuple[Bind, ...]
    path: str
    realm: str
    admin: bool
    metrics_path: str
    credentials: str
    """The file with the digest that a request must have; empty: everybody is let in."""


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
        timeouts=timeouts(haproxy.timeouts),
        resolvers=_resolvers(haproxy),
        # `transparent` lets open connections go on after the virtual IP has moved away: their sockets send from an address that the
        # node no longer has.
        transparent=bool(cluster.spec.vrrp.handover.drain),
        stats=_stats(cluster) if has_stats(topology, node) else None,
        stats_destinations=stats_destinations(cluster, topology, node),
        listeners=[listen(cluster, topology, listener, node) for listener in haproxy.listeners],
    )


def _log(cluster: HACluster) -> str:
    log = cluster.spec.haproxy.log
    return "stdout" if log.target is LogTarget.STDOUT else f"{bracketed(log.address)}:{log.port}"


def _resolvers(haproxy: Haproxy) -> _Resolvers | None:
    """Who is asked for host names; None if no server has one."""
    servers = (server for _, target in all_targets(haproxy) for server in target.backend.servers or ())
    if not any(server.hostname for server in servers):
        return None
    dns = haproxy.dns or Dns()
    return _Resolvers(RESOLVERS, tuple(f"{bracketed(each)}:53" for each in dns.servers or ()), format_duration(dns.hold))


def _stats(cluster: HACluster) -> _Stats | None:
    stats = cluster.spec.haproxy.stats
    if not stats.enabled:
        return None
    taken = any(listener.name == "stats" for listener in cluster.spec.haproxy.listeners)
    return _Stats(
        name="hacluster:stats" if taken else "stats",
        binds=any_address(cluster, stats.port, stats.interface or ""),
        path=stats.path,
        realm=stats.realm,
        admin=stats.admin,
        metrics_path=METRICS_PATH if stats.metrics else "",
        credentials=names.credentials_file(stats.credentials_secret.name) if stats.credentials_secret else "",
    )
