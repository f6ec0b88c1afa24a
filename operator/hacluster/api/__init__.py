"""The resource: frozen pydantic models of `HACluster`, one for every field that users may write or read."""

from hacluster.api.base import Model, Rule
from hacluster.api.parse import parse
from hacluster.api.resource import HACluster, Metadata
from hacluster.api.spec import HAClusterSpec
from hacluster.api.status import HAClusterStatus, NodeStatus

__all__ = ["HACluster", "HAClusterSpec", "HAClusterStatus", "Metadata", "Model", "NodeStatus", "Rule", "parse"]
