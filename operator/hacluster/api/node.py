"""The `HAClusterNode` object: what one node's agent reports of one resource.

The operator creates one for each selected node of a resource and owns everything but `status`, which the node's agent alone writes
(docs/decisions/0024-one-object-per-node.md).
"""

from typing import Literal

from pydantic import ConfigDict

from hacluster.api.base import Model, Rule
from hacluster.api.resource import ClusterName
from hacluster.api.status import NodeStatus
from hacluster.api.types import NodeName


class HAClusterNodeSpec(Model):
    """What the object is about. It never changes."""

    cluster: ClusterName
    """Name of the HACluster, in the same namespace."""
    node_name: NodeName
    """Name of the Kubernetes node."""


class HAClusterNode(Model):
    """What one node's agent reports of one HACluster. The operator sums all of them up in the status of the HACluster."""

    model_config = ConfigDict(extra="ignore")

    api_version: Literal["hacluster.dev/v1alpha1"]
    kind: Literal["HAClusterNode"]
    spec: HAClusterNodeSpec
    """What the object is about."""
    status: NodeStatus | None = None
    """What the node's agent reports; absent before its first report."""

    rules = (
        Rule(
            cel="!has(self.status) || self.status.name == self.spec.nodeName",
            message="status.name must be the node of spec.nodeName",
            holds=lambda self: self.status is None or self.status.name == self.spec.node_name,
        ),
        Rule(
            cel="self.spec == oldSelf.spec",
            message="spec cannot be changed: delete the object, and the operator makes a new one",
            holds=lambda self: True,
        ),
    )
