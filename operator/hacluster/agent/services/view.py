"""What of a Service and its EndpointSlices matters for HAProxy's servers.

Source: the Kubernetes API reference, "Service v1" and "EndpointSlice discovery.k8s.io/v1".
"""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict


class _FrozenModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SliceEndpoint(_FrozenModel):
    """One pod, or another host, behind the Service."""

    address: str
    ready: bool
    """It is to get requests."""
    serving: bool
    """It answers, although it may be about to end: then it is not `ready`."""
    node: str = ""
    """The node that it is on; empty: unknown."""


class Slice(_FrozenModel):
    """One EndpointSlice."""

    ip_version: int
    """4 or 6."""
    ports: Mapping[str, int] = {}
    """Name of each TCP port of the Service → the number that these endpoints have for it. The name may be empty."""
    endpoints: tuple[SliceEndpoint, ...] = ()


class ServiceView(_FrozenModel):
    """A Service and all its slices, as they were last seen."""

    exists: bool = True
    external: bool = False
    """It is only a name of another host (ExternalName)."""
    ports: Mapping[int, str] = {}
    """Number of each TCP port → its name in the slices."""
    slices: tuple[Slice, ...] = ()
