"""The values that the plan takes and makes: nodes as observed and settings go in, topology, files and objects come out.

All classes are frozen, and none imports another module of the plan: every other module of the plan may use them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any

from hacluster.errors import Problem
from hacluster.nodeconfig import File

Address = IPv4Address | IPv6Address
InterfaceAddress = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network
Manifest = dict[str, Any]
"""A Kubernetes object as plain data, in the form in which it is applied."""
NodeTexts = Mapping[File, str]
"""One node's files by kind."""
Texts = Mapping[str, NodeTexts]
"""Node → its files."""


@dataclass(frozen=True)
class Interface:
    """A network interface of a node, with the node's own addresses on it, the oldest first. Virtual IPs are not among them.

    `other_addresses` may move to another node: other programs' virtual IPs, and secondary addresses.
    """

    name: str
    addresses: tuple[InterfaceAddress, ...] = ()
    other_addresses: tuple[InterfaceAddress, ...] = ()


@dataclass(frozen=True)
class NodeView:
    """One selected node as observed. `interfaces` is None until its agent has reported.

    The defaults describe a fit node that holds no virtual IP: `hacluster render`, which has no cluster, plans with them.
    """

    name: str
    internal_ip: Address | None = None
    interfaces: tuple[Interface, ...] | None = None
    unfit: str = ""
    """Why the node must not get a virtual IP now, as a clause for messages ("its HAProxy does not answer"); empty: it is fit."""
    faults: frozenset[str] = frozenset()
    """Virtual routers that it cannot run now: it reports FAULT, or that keepalived is stopped."""
    ready: frozenset[str] | None = None
    """Virtual routers that it could take over at once: HAProxy answers, and keepalived is MASTER or BACKUP. None: not observed."""
    cordoned: bool = False
    """Whether it is marked unschedulable (`kubectl cordon`): it is about to be taken out of service."""
    real_time: bool | None = True
    """Whether its keepalived has real-time scheduling; None: it has not said. A silent node counts as having it: nothing waits for it."""
    holds: frozenset[str] = frozenset()
    """Virtual routers whose virtual IPs its kernel has, as its last report says; empty if the node is silent."""


@dataclass(frozen=True)
class PodView:
    """A node's pod with keepalived, HAProxy and the agent, as the API server knows it."""

    name: str
    ending: bool = False
    """Whether it was deleted and is still there (it has a deletionTimestamp)."""


@dataclass(frozen=True)
class Settings:
    """Settings of the operator's installation, not of the resource."""

    node_image: str
    image_pull_policy: str = "IfNotPresent"
    priority_class: str = "system-node-critical"
    watched_namespace: str = ""
    """The only namespace that the operator watches; empty: all."""


@dataclass(frozen=True)
class Agents:
    """Whose agents need access to the API server."""

    nodes: tuple[str, ...] = ()
    """All selected nodes, also those without files, and nodes whose pods still run although they are not selected any more."""
    earlier: bool = False
    """Whether agents of a version before HAClusterNode still run."""


@dataclass(frozen=True)
class Member:
    """One node as a member of one virtual router. Unicast: `source` and `peers` are set; multicast: None and empty."""

    interface: str
    """The interface of the virtual IPs."""
    priority: int
    source: Address | None = None
    peers: tuple[Address, ...] = ()
    addresses: tuple[Address, ...] = ()
    """The node's own addresses on the interface on which VRRP speaks; empty if its agent has not reported them."""
    other_vrrp_interface: str = ""
    """The interface on which VRRP speaks, if it is another one; else empty."""
    passed_on_to: Address | None = None
    """Only where virtual IPs are on another interface than VRRP: the node's own address there, to which packets are passed on."""

    @property
    def vrrp_interface(self) -> str:
        """The interface on which VRRP speaks."""
        return self.other_vrrp_interface or self.interface


@dataclass(frozen=True)
class Router:
    """One virtual router. `members` are by node name, and contain only nodes that can be configured."""

    name: str
    virtual_router_id: int
    virtual_ips: tuple[InterfaceAddress, ...]
    members: Mapping[str, Member]
    preferred: str = ""
    """The member that the resource prefers, if the preference is in force now; otherwise empty."""


@dataclass(frozen=True)
class Participant:
    """A node that can be configured. `ordinal` is its position in the order in which the nodes joined, from 1.

    `backend_address` is the address on which its Apache listens; None if it runs no Apache. `stats_addresses` are the node's addresses on
    the interface to which the resource limits the statistics page; None if the node does not have it, and so serves no page.
    """

    name: str
    ordinal: int
    backend_address: Address | None
    stats_addresses: tuple[Address, ...] | None = ()


@dataclass(frozen=True)
class Topology:
    """Which nodes take part, and in which role. `priorities` has every selected node, even those whose agents have not reported yet."""

    nodes: tuple[Participant, ...]
    routers: tuple[Router, ...]
    priorities: Mapping[str, int]
    places: Mapping[str, int] = field(default_factory=dict)
    """Node → the default priority that it keeps (`topology/priorities.py`), also of nodes that are not selected now."""


@dataclass(frozen=True)
class Plan:
    """Everything that follows from a resource and its nodes.

    `texts` are the files by node name, `revisions` their hashes by node name. If `blocked`, nothing that runs may be changed:
    texts, revisions and objects are empty, and `problems` says why. Otherwise `problems` names what single nodes cannot do.
    `waiting_for` are the nodes that cannot be configured before their agents report.
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
    """Node → virtual routers that it is to yield to other nodes. Also part of its `agent.json`."""
    interval_ms: int | None = None
    """The advertisement interval in the files; None where there are none."""
    leaving: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The part of `yields` that is due because the node is cordoned: it holds for every configuration that the node may run."""
