"""The address on which a node's Apache listens."""

from hacluster.api import HAClusterSpec
from hacluster.api.reasons import Reason
from hacluster.errors import Problem
from hacluster.plan.model import Address, NodeView
from hacluster.plan.topology.addresses import describe, own_addresses


def backend_address(spec: HAClusterSpec, view: NodeView) -> Address | Problem:
    """The node's own entry, else its address in backendNetwork, else its InternalIP; or why there is none."""
    written = next((node.backend_address for node in spec.nodes if node.name == view.name), None)
    if written is not None:
        # Not looked up in the facts: agents report what can carry a virtual IP, and this may lie on another device.
        return written
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
