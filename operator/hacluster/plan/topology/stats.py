"""Limits the statistics page to the interface that the resource names: a node without that interface serves no page.

HAProxy only warns about an interface that does not exist, and then listens on every address. So the page is left out where the
interface is missing, and where it is there, HAProxy also compares the destination of each connection with its addresses:
the interface may vanish later.
"""

from hacluster.api import HAClusterSpec
from hacluster.api.reasons import Reason
from hacluster.errors import Problem
from hacluster.plan.model import Address, NodeView
from hacluster.plan.topology.addresses import describe


def stats_addresses(spec: HAClusterSpec, view: NodeView) -> tuple[Address, ...] | Problem | None:
    """The node's own addresses on the interface, empty without a limit; None if it is not known yet, a problem if it is missing."""
    name = spec.haproxy.stats.interface
    if name is None:
        return ()
    if view.interfaces is None:
        return None
    interface = next((each for each in view.interfaces if each.name == name), None)
    if interface is not None:
        return tuple(own.ip for own in interface.addresses)
    return Problem(
        Reason.NO_STATS_INTERFACE,
        "spec.haproxy.stats.interface",
        f"node {view.name} has no interface {name} (it has: {describe(view.interfaces)}), so it serves no statistics page; "
        "name one that every node has, or leave the field out",
    )
