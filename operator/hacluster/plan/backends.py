"""The address on which a node's Apache listens."""

from hacluster.api import HAClusterSpec
from hacluster.errors import Problem
from hacluster.plan.addresses import describe, own_addresses
from hacluster.plan.model import Address, NodeView

_REASON = "NoBackendAddress"


def backend_address(spec: HAClusterSpec, view: NodeView) -> Address | Problem:
    """The node's own entry, else its address in backendNetwork, else its InternalIP; or why there is none."""
    for index, node in enumerate(spec.nodes):
        if node.name == view.name and node.backend_address is not None:
            return _entry(index, node.backend_address, view)
    if spec.backend_network is not None:
        inside = [each for each in own_addresses(view.interfaces or ()) if each in spec.backend_network]
        return inside[0] if inside else _outside(spec, view)
    return view.internal_ip or Problem(
        _REASON,
        "spec.nodes",
        f"node {view.name} has no InternalIP for Apache to listen on; set backendNetwork, or the node's backendAddress",
    )


def _entry(index: int, address: Address, view: NodeView) -> Address | Problem:
    """What the resource says, unless the node is known not to have it: Apache could not listen there."""
    if view.interfaces is None or address in own_addresses(view.interfaces):
        return address
    return Problem(
        _REASON,
        f"spec.nodes[{index}].backendAddress",
        f"node {view.name} does not have {address} (it has: {describe(view.interfaces)}); name an address that it has",
    )


def _outside(spec: HAClusterSpec, view: NodeView) -> Problem:
    return Problem(
        _REASON,
        "spec.backendNetwork",
        f"node {view.name} has no address in {spec.backend_network} (it has: {describe(view.interfaces or ())}); "
        "correct the network, or set the node's backendAddress",
    )
