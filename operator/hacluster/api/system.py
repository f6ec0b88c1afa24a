"""Models of `spec.nodes` and `spec.system`: what is said of single nodes, and of all of them."""

from typing import Annotated

from pydantic import Field

from hacluster.api.base import Model
from hacluster.api.types import Address, InterfaceName, NodeName


class Node(Model):
    """Settings of one node; absent fields are discovered or have a default."""

    name: NodeName
    """Name of the Kubernetes node that the other fields are about."""
    priority: Annotated[int, Field(ge=1, le=254)] | None = None
    """VRRP priority, 1-254, higher wins. Default: 250, 240, 230, … in the order in which nodes joined."""
    interface: InterfaceName | None = None
    """The node's VRRP interface. Default: that of the virtual router, else the one whose subnet holds the virtual IP."""
    backend_address: Address | None = None
    """Where this node's backend listens. Default: the node's address in backendNetwork; without backendNetwork, its InternalIP."""


class UpdateStrategy(Model):
    """How pods are replaced after a change of their template, such as a new image."""

    max_unavailable: Annotated[int, Field(ge=1, le=64)] = 1
    """How many nodes may be unfit at a time. Lost nodes do not count: they are neither waited for nor in the way of others."""


class System(Model):
    """Settings of the nodes and their pods."""

    nonlocal_bind: bool = False
    """true: sets net.ipv4.ip_nonlocal_bind=1 (and IPv6) on the nodes while this resource exists, so that HAProxy can listen on
virtual IPs that another node has."""
    update_strategy: UpdateStrategy = UpdateStrategy()
    """How pods are replaced after a change of their template, such as a new image."""
