"""Chooses the address on which a node's Apache listens. The HAProxys of all nodes reach it there."""

from hacluster.api import HAClusterSpec
from hacluster.api.reasons import Reason
from hacluster.errors import Problem
from hacluster.plan.model import Address, NodeView
from hacluster.plan.topology.addresses import describe, own_addresses


def backend_address(spec: HAClusterSpec, view: NodeView) -> Address | Problem:
    """The address in the node's entry of spec.nodes, else its address in backendNetwork, else its InternalIP; or why there is none."""
    explicit = next((node.backend_address for node in spec.nodes if node.name == view.name), None)
    if explicit is not None:
        # Not compared with the reported interfaces: agents report only those that can carry a virtual IP, and it may be on another.
        return explicit
    if spec.backend_network is not None:
        inside = [each for each in own_addresses(view.interfaces or ()) if each in spec.backend_network]
        return inside[0] if inside else _outside(spec, view)
    return view.internal_ip or Problem(
        Reason.NO_BACKEND_ADDRESS,
        "spec.nodes",
        f"node {view.name} has no InternalIP for Apache to listen on; set backendNetwork, or the node's backendAddress",
    )


def _outside(spec: HAClusterSpec, view: NodeView) -> Problem:
    return Problem(
        Reason.NO_BACKEND_ADDRESS,
        "spec.backendNetwork",
        f"node {view.name} has no address in {spec.backend_network} (it has: {describe(view.interfaces or ())}); "
        "correct the network, or set the node's backendAddress",
    )
