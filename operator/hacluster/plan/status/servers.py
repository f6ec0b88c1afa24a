"""How many Apache servers the holders' HAProxys use, so that a roll-out of Apache leaves them enough. Pure.

A new Apache pod is ready seconds before HAProxy sends it requests: a server that was DOWN has to pass its checks again
(`healthCheck.interval` times `rise`). With two nodes, whoever deletes the other pod meanwhile takes the last server away.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hacluster.api import HACluster
from hacluster.api.spec import all_targets
from hacluster.plan.status.inputs import ObservedNode


@dataclass(frozen=True)
class ApacheServers:
    """Servers of the listener that has the fewest."""

    up: int
    """Servers that get requests now."""
    down: int
    """Servers that get none."""


def apache_servers(cluster: HACluster, nodes: Sequence[ObservedNode]) -> ApacheServers | None:
    """What the nodes with a virtual IP report of listeners whose backend is Apache; None: there is no such listener, or no report."""
    names = {each.proxy for _, each in all_targets(cluster.spec.haproxy) if each.backend.apache is not None}
    holders = (node.entry for node in nodes if node.entry and not node.silent and any(r.virtual_ips for r in node.entry.routers))
    reported = [each for entry in holders for each in entry.listeners if each.name in names]
    fewest = min(reported, key=lambda each: each.servers_up, default=None)
    return ApacheServers(fewest.servers_up, fewest.servers - fewest.servers_up) if fewest else None
