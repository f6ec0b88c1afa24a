"""Chooses the address on which a node's Apache listens. The HAProxys of all nodes reach it there."""

from hacluster.api import HAClusterSpec
from hacluster.api.reasons import Reason
from hacluster.errors import Problem
from hacluster.plan.model import Address, NodeView
from hacluster.plan.topology.addresses import describe, is_host_route


def backend_address(spec: HAClusterSpec, view: NodeView) -> Address | Problem:
    """The address in the node's entry of spec.nodes, else its address in backendNetwork, else its InternalIP; or why there is none."""
    explicit = next((node.backend_address for node in spec.nodes if node.name == view.name), None)
    if explicit is not None:
        # Not compared with the reported interfaces: agents report only those that can carry a virtual IP, and it may be on another.
        return explicit
    if spec.backend_network is not None:
        own = (each for interface in view.interfaces or () for each in interface.addresses)
        inside = [each for each in own if each.ip in spec.backend_network]
        # An address without a subnet comes last, because it may be a virtual IP of another program. Of several the InternalIP comes first.
        return (
            min(inside, key=lambda each: is_host_route(each) * (1 + (each.ip != view.internal_ip))).ip
            if inside
            else _outside(spec, view)
        )
    return view.internal_ip or Problem(
        Reason.NO_BACKEND_ADDRESS,
        "spec.nodes",
        f"node {view.name} has no InternalIP of its own for Apache to listen on; set backendNetwork, or the node's backendAddress",
    )


def _outside(spec: HAClusterSpec, view: NodeView) -> Problem:
    return Problem(
        Reason.NO_BACKEND_ADDRESS,
        "spec.backendNetwork",
        f"node {view.name} has no address in {spec.backend_network} (it has: {describe(view.interfaces or ())}); "
        "correct the network, or set the node's backendAddress",
    )
