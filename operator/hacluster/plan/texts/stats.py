"""Who may reach the statistics page where it is limited to an interface: on each node another answer."""

from hacluster.api import HACluster
from hacluster.plan.model import Topology


def has_stats(topology: Topology, node: str) -> bool:
    """Whether the node has the interface to which the statistics page is limited."""
    return all(each.stats_addresses is not None for each in topology.nodes if each.name == node)


def stats_destinations(cluster: HACluster, topology: Topology, node: str) -> tuple[str, ...] | None:
    """The addresses of the interface to which the statistics page is limited, with the virtual IPs on it; None: no limit.

    HAProxy listens on every address if it is started while the interface is missing.
    """
    interface = cluster.spec.haproxy.stats.interface
    if interface is None:
        return None
    own = (address for each in topology.nodes if each.name == node for address in each.stats_addresses or ())
    on_it = (each for each in topology.routers if node in each.members and each.members[node].interface == interface)
    loopback = ("127.0.0.0/8", "::1") if interface == "lo" else ()
    return (*map(str, own), *(str(each.ip) for router in on_it for each in router.virtual_ips), *loopback)
