"""Refuses servers that are addresses of the nodes themselves, with a port on which a listener listens: requests would go in a circle.

Virtual IPs as servers are refused by the model (`api/spec.py`), because no node has to be known for that.
"""

from collections.abc import Iterator, Sequence

from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.api.spec import Bind, all_targets
from hacluster.errors import Problem
from hacluster.plan.model import Address, NodeView
from hacluster.plan.topology.addresses import own_addresses


def loops_to_nodes(cluster: HACluster, views: Sequence[NodeView]) -> Iterator[Problem]:
    """A problem for each server that is a node's own address and a port on which a listener listens on every address.

    On that node HAProxy itself would answer. The program that is meant cannot listen there: the port is taken.
    """
    listening = {each.port: each.name for each in cluster.spec.haproxy.listeners if each.bind is Bind.ANY}
    owners = _owners(views)
    for field, target in all_targets(cluster.spec.haproxy):
        for index, server in enumerate(target.backend.servers or ()):
            if server.address in owners and server.port in listening:
                yield Problem(
                    Reason.SERVER_IS_LISTENER,
                    f"spec.{field}.servers[{index}]",
                    f"{server.address} port {server.port} is listener {listening[server.port]} itself on node {owners[server.address]}: "
                    "requests would go in a circle; give the listener another port, or bind: VirtualIPs",
                )


def _owners(views: Sequence[NodeView]) -> dict[Address, str]:
    """The nodes' own addresses → the node."""
    owners: dict[Address, str] = {}
    for view in views:
        internal = (view.internal_ip,) if view.internal_ip is not None else ()
        owners |= dict.fromkeys((*own_addresses(view.interfaces or ()), *internal), view.name)
    return owners
