"""What the operator tells one node's agent: the contract between the two, shipped as `<node>.agent.json`.

The plan writes it, the agent reads it; the daemons' own files lie beside it under their own keys (`names.key`).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class File(StrEnum):
    """The files of one node, by the name that ends their ConfigMap key."""

    KEEPALIVED = "keepalived.conf"
    HAPROXY = "haproxy.cfg"
    RSYSLOG = "rsyslog.conf"
    AGENT = "agent.json"
    HTTPD = "httpd.conf"
    PAGE = "index.html"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Router(_Part):
    """One VRRP instance on this node."""

    name: str
    interface: str
    priority: int
    virtual_router_id: int
    virtual_ips: tuple[str, ...]
    """With prefix lengths, as keepalived adds them."""
    version: int = 3
    """VRRP version on the wire."""
    advertisement_interval_ms: int = 100
    preempts: bool = True
    """Whether a higher priority alone takes the virtual IP from a living holder (preemption Immediate)."""
    yields: bool = False
    """Whether this node is to let another have the virtual IP: a switchover, or a cordoned node."""
    neighbours: tuple[str, ...] = ()
    """Every address of the other members' interfaces, without prefix lengths: whoever else speaks for this router is foreign."""


class Port(_Part):
    """A port that a daemon of ours will listen on: it has to be free before the first start."""

    port: int
    field: str
    """Where the user wrote it, such as `spec.haproxy.listeners[0].port`."""
    address: str = ""
    """The one address that is bound, without a prefix length; empty: all of them."""


class Apache(_Part):
    """Where this node's Apache answers."""

    address: str
    port: int


class AgentConfig(_Part):
    """One node's orders. An older agent ignores fields that it does not know."""

    cluster: str
    namespace: str
    node: str
    revision: str
    """Hash over this node's texts: what the agent reports as `configRevision` once they are loaded."""
    routers: tuple[Router, ...] = ()
    http_check: bool = True
    """Whether the agent drives `names.TRACK_HAPROXY` (check type HTTP), or keepalived's own script decides (Process)."""
    ports: tuple[Port, ...] = ()
    apache: Apache | None = None
    peers: Mapping[str, tuple[str, ...]] = {}
    """The other nodes whose Apache is a server of HAProxy: the server's name → its address, and then those from which it advertises,
    where they are others. Every node has all of them, and all nodes share a ConfigMap of one MiB: be brief."""
    backends: tuple[str, ...] = ()
    """HAProxy's backends that have the peers as servers."""
    drain_seconds: float = 30.0
    """How long a node that handed a virtual IP over goes on serving connections that it already has; 0: not at all."""
    all_virtual_ips: Annotated[tuple[str, ...], Field()] = ()
    """Every virtual IP of the resource, without prefix lengths: the only addresses that the agent may ever remove."""
