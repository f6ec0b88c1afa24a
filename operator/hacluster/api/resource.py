"""The whole `HACluster` object, without the metadata that the product does not read."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from hacluster import names
from hacluster.api.base import Model
from hacluster.api.constraints import Text
from hacluster.api.spec import HAClusterSpec
from hacluster.api.status import HAClusterStatus

ClusterName = Annotated[
    str,
    Text(
        "a DNS label: lower-case letters, digits and '-', starting and ending with a letter or digit",
        "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        names.MAX_CLUSTER_NAME,
    ),
]
"""Short enough that the children's names, which have suffixes such as `-apache`, still fit into 63 characters (RFC 1123)."""


class Metadata(Model):
    """The part of `metadata` that the product reads; other fields are ignored."""

    model_config = ConfigDict(extra="ignore")

    name: ClusterName
    """Name of the front door, at most 40 characters."""
    namespace: str = "default"
    uid: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None

    @property
    def full_name(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


class HACluster(Model):
    """A highly available front door: virtual IPs, load balancer and backends on bare-metal nodes."""

    api_version: Literal["hacluster.dev/v1alpha1"]
    kind: Literal["HACluster"]
    metadata: Metadata
    spec: HAClusterSpec
    """The front door that is wanted."""
    status: HAClusterStatus = Field(default_factory=HAClusterStatus)
    """The observed state."""
