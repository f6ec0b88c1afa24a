"""The whole `HACluster` object, as far as the project looks at it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from hacluster import names
from hacluster.api.base import Model
from hacluster.api.spec import HAClusterSpec
from hacluster.api.status import HAClusterStatus


class Metadata(Model):
    """The part of `metadata` that the project reads; the API server owns the rest."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[
        str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", min_length=1, max_length=names.MAX_CLUSTER_NAME)
    ]
    namespace: str = "default"
    uid: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None


class HACluster(Model):
    """A highly available front door: virtual IPs, load balancer and backends on bare-metal nodes."""

    api_version: Literal["hacluster.dev/v1alpha1"] = "hacluster.dev/v1alpha1"
    kind: Literal["HACluster"] = "HACluster"
    metadata: Metadata
    spec: HAClusterSpec
    status: HAClusterStatus = Field(default_factory=HAClusterStatus)
