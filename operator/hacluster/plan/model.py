"""The plan's vocabulary: what goes in (nodes as observed, settings) and what comes out (topology, texts, objects)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Any

from hacluster.errors import Problem
from hacluster.nodeconfig import File

Address = IPv4Address | IPv6Address
InterfaceAddress = IPv4Interface | IPv6Interface
Manifest = dict[str, Any]
"""A Kubernetes object as it is applied."""


@dataclass(frozen=True)
class Interface:
    """A network interface of a node, with the node's own addresses on it (no virtual IPs)."""

    name: str
    addresses: tuple[InterfaceAddress, ...] = ()


@dataclass(frozen=True)
class NodeView:
    """One selected node as observed. `interfaces` is None until its agent has reported.

    By default nothing speaks against the node, and it holds nothing: that is what a plan without a cluster goes by.
    """

    name: str
    internal_ip: Address | None = None
    interfaces: tuple[Interface, ...] | None = None
    unfit: str = ""
    """Why it must not be given a virtual IP now, in words that follow "it" or "its"; empty: nothing is known against it."""
    faults: frozenset[str] = frozenset()
    """Virtual routers that it cannot run now, by its own word."""
    ready: frozenset[str] | None = None
    """Virtual routers that it would run at once: HAProxy answers, and keepalived is MASTER or BACKUP. None: nobody asked it."""
    cordoned: bool = False
    """Whether it is unschedulable: about to be taken out of service."""
    holds: frozenset[str] = frozenset()
    """Virtual routers whose virtual IPs its kernel has, by a fresh report."""


@dataclass(frozen=True)
class Settings:
    """What the operator's installation decides, not the resource."""

    node_image: str
    image_pull_policy: str = "IfNotPresent"
    priority_class: str = "system-node-critical"


@dataclass(frozen=True)
class Member:
    """One node's part in one virtual router. Unicast: `source` and `peers` are set; multicast: None and empty.

    `addresses` are the node's own ones on the interface, as far as they are known.
    """

    interface: str
    priority: int
    source: Address | None = None
    peers: tuple[Address, ...] = ()
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True)
class Router:
    """One virtual router: `members` by node name, only nodes that can be configured."""

    name: str
    virtual_router_id: int
    virtual_ips: tuple[InterfaceAddress, ...]
    members: Mapping[str, Member]
    preferred: str = ""
    """The member that the resource prefers, where that preference is in force; empty: none."""


@dataclass(frozen=True)
class Participant:
    """A node that can be configured. `ordinal` counts all selected nodes by name, from 1.

    `backend_address` is where its Apache listens; None where there is none.
    """

    name: str
    ordinal: int
    backend_address: Address | None


@dataclass(frozen=True)
class Topology:
    """Who takes part, and as what. `priorities` covers every selected node, also those that are waited for."""

    nodes: tuple[Participant, ...]
    routers: tuple[Router, ...]
    priorities: Mapping[str, int]


@dataclass(frozen=True)
class Plan:
    """All that follows from a resource and its nodes.

    `blocked` means: something is so wrong that whatever runs has to stay as it is; texts, revisions and objects
    are empty then, and `problems` says why. Otherwise `problems` names what single nodes cannot do.
    """

    topology: Topology
    texts: Mapping[str, Mapping[File, str]]
    revisions: Mapping[str, str]
    objects: tuple[Manifest, ...]
    problems: tuple[Problem, ...] = ()
    blocked: bool = False
    warnings: tuple[Problem, ...] = ()
    waiting_for: tuple[str, ...] = ()
    yields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Node → virtual routers that it is to let others have. Part of the texts."""
    leaving: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Those among them that have to go whatever configuration the node runs: it is cordoned."""
