"""Models of `spec.virtualRouters` (the VRRP instances with their virtual IPs) and `spec.vrrp` (settings of the protocol)."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field

from hacluster.api.base import Model, Rule
from hacluster.api.constraints import ListSet
from hacluster.api.durations import span
from hacluster.api.types import Enumeration, InterfaceAddress, InterfaceName, Name, NodeName, SecretKey, SecretName

_SECOND = timedelta(seconds=1)
LONGEST_V3_INTERVAL = timedelta(milliseconds=40_950)
"""VRRP version 3 sends the advertisement interval in 12 bits, in centiseconds (RFC 9568, 5.2.7)."""


class VirtualRouter(Model):
    """One VRRP instance: virtual IPs that move together."""

    rules = (
        Rule(
            cel="!self.virtualIPs.all(a, isCIDR(a)) || self.virtualIPs.all(a, cidr(a).ip().family() == 4) || "
            "self.virtualIPs.all(a, cidr(a).ip().family() == 6)",
            message="must all be of one address family; give IPv4 and IPv6 a virtual router each",
            holds=lambda router: len({address.version for address in router.virtual_ips}) == 1,
            field="virtualIPs",
        ),
        Rule(
            cel="!has(self.addressInterface) || has(self.interface)",
            message="needs interface, on which VRRP speaks: the virtual IPs tell only where they are themselves",
            holds=lambda router: router.address_interface is None or router.interface is not None,
            field="addressInterface",
        ),
        Rule(
            cel="!has(self.addressInterface) || !has(self.interface) || self.addressInterface != self.interface",
            message="is what interface says already; remove it",
            holds=lambda router: router.address_interface is None or router.address_interface != router.interface,
            field="addressInterface",
        ),
        Rule(
            cel="!has(self.moveWith) || !has(self.preferredNode)",
            message="must be absent beside moveWith: set it at the router that this one moves with",
            holds=lambda router: router.move_with is None or router.preferred_node is None,
            field="preferredNode",
        ),
    )

    name: Name | None = None
    """Name of the VRRP instance, in keepalived's log and in status. Default: VI_1, VI_2, … by position."""
    virtual_ips: Annotated[tuple[InterfaceAddress, ...], Field(min_length=1, max_length=20), ListSet()]
    """The virtual IPs with their prefix lengths, such as 172.16.7.200/24; one address family per router."""
    virtual_router_id: Annotated[int, Field(ge=1, le=255)] | None = None
    """VRID, 1-255. Default: allocated, unique on its network segment, stable, and shown in status."""
    interface: InterfaceName | None = None
    """VRRP interface on every node whose entry in nodes names none. Default: the one whose subnet holds the virtual IP."""
    address_interface: InterfaceName | None = None
    """Interface that gets the virtual IPs on every node, while VRRP speaks on `interface`. Default: the same one."""
    preferred_node: NodeName | None = None
    """The node that is to have these virtual IPs; changing it is a planned switchover, refused while that node is unfit."""
    move_with: Name | None = None
    """Name of the virtual router whose node is to have these virtual IPs, too: both move together, and only to nodes that can run both."""


def router_names(routers: Sequence[VirtualRouter]) -> tuple[str, ...]:
    """Names of the virtual routers: the name in the spec, else VI_1, VI_2, … by position."""
    return tuple(router.name or f"VI_{position}" for position, router in enumerate(routers, 1))


def leaders(routers: Sequence[VirtualRouter]) -> dict[str, str]:
    """Of each virtual router with `moveWith`, by its name: the name of the one that it moves with."""
    return {name: router.move_with for name, router in zip(router_names(routers), routers, strict=True) if router.move_with}


class CheckType(Enumeration):
    """What makes a node fit to hold the virtual IP."""

    HTTP = "HTTP"
    PROCESS = "Process"


class Check(Model):
    """The health check of HAProxy that VRRP follows."""

    type: CheckType = CheckType.HTTP
    """HTTP: HAProxy answers. Process: a process named haproxy exists (`killall -0 haproxy`)."""
    interval: Annotated[timedelta, span("100ms", "1h")] = timedelta(seconds=2)
    """How often keepalived's own check script runs, 100ms-1h. With HTTP the agent checks HAProxy besides, whatever this interval is."""
    weight: Annotated[int, Field(ge=0, le=253)] = 0
    """0: an unfit node is in FAULT. 1-253: how much lower an unfit node's priority is than if it were fit."""
    listeners: Annotated[tuple[Name, ...], Field(min_length=1, max_length=16), ListSet()] | None = None
    """Listeners without which a node is of no use: while none of the servers of one of them is up, as seen from a node, that node
leaves the virtual IPs to others. Where no node reaches one, they stay where they are. Default: none."""


class InitialState(Enumeration):
    """The state in which keepalived starts."""

    BACKUP = "Backup"
    BY_PRIORITY = "ByPriority"


class Peering(Enumeration):
    """How advertisements travel."""

    MULTICAST = "Multicast"
    UNICAST = "Unicast"


class PreemptionMode(Enumeration):
    """Whether a node with a higher priority takes the virtual IP back."""

    IMMEDIATE = "Immediate"
    DELAYED = "Delayed"
    NEVER = "Never"


class Preemption(Model):
    """Failback."""

    rules = (
        Rule(
            cel="self.mode == 'Delayed' || duration(self.delay) == duration('0s')",
            message="only mode Delayed has a delay",
            holds=lambda p: p.mode is PreemptionMode.DELAYED or not p.delay,
            field="delay",
        ),
        Rule(
            cel="self.mode != 'Delayed' || duration(self.delay) > duration('0s')",
            message="mode Delayed needs a delay, such as 5m",
            holds=lambda p: p.mode is not PreemptionMode.DELAYED or bool(p.delay),
            field="delay",
        ),
    )

    mode: PreemptionMode = PreemptionMode.IMMEDIATE
    """Whether a node with a higher priority takes the virtual IP from a living holder: Immediate, Delayed (after `delay`), or Never (it
stays until the holder fails)."""
    delay: Annotated[timedelta, span("0s", "1000s")] = timedelta(0)
    """How long a recovered node waits before it takes the virtual IP back, up to 1000s."""


class Handover(Model):
    """What happens to open connections when a virtual IP leaves a node that still works."""

    drain: Annotated[timedelta, span("0s", "1h")] = timedelta(seconds=30)
    """How long the old holder goes on serving connections that it already has, 0s-1h; 0s: they break."""


LONGEST_PASSWORD: Final = 8
"""Bytes: an advertisement has no room for more (RFC 2338, 5.3.6)."""
OTHER_PASSWORD_CHARACTERS: Final = "!#%&()*+,-./:;=?@[]^_|~"  # noqa: S105 - none
"""What keepalived reads literally in double quotes, beside letters and digits, and prints literally into its dumps."""
_PASSWORD: Final = re.compile(f"[A-Za-z0-9{re.escape(OTHER_PASSWORD_CHARACTERS)}]{{1,{LONGEST_PASSWORD}}}")


def is_password(text: str) -> bool:
    """Whether the nodes' keepalived can have this password."""
    return _PASSWORD.fullmatch(text) is not None


class AuthenticationSecret(Model):
    """A key of a Secret in the resource's namespace."""

    name: SecretName
    """The name of the Secret."""
    key: SecretKey = "password"
    """The key with the password: 1-8 letters, digits, and !#%&()*+,-./:;=?@[]^_|~."""


class Vrrp(Model):
    """The VRRP protocol's settings, alike on all nodes."""

    rules = (
        Rule(
            cel="self.version == 3 || duration(self.advertisementInterval).getMilliseconds() % 1000 == 0",
            message="version 2 takes whole seconds, such as 1s",
            holds=lambda v: v.version == 3 or not v.advertisement_interval % _SECOND,
            field="advertisementInterval",
        ),
        Rule(
            cel="self.version == 2 || duration(self.advertisementInterval) <= duration('40950ms')",
            message="version 3 takes at most 40.95s",
            holds=lambda v: v.version == 2 or v.advertisement_interval <= LONGEST_V3_INTERVAL,
            field="advertisementInterval",
        ),
        Rule(
            cel="self.version == 2 || !has(self.authenticationSecret)",
            message="version 3 has no authentication (RFC 5798, section 9); remove it, or set version: 2",
            holds=lambda v: v.version == 2 or v.authentication_secret is None,
            field="authenticationSecret",
        ),
        Rule(
            cel="self.check.weight == 0 || self.preemption.mode == 'Immediate'",
            message="modes Delayed and Never would delay or prevent a failover by weight: use them with check.weight 0 only",
            holds=lambda v: v.check.weight == 0 or v.preemption.mode is PreemptionMode.IMMEDIATE,
            field="preemption.mode",
        ),
        Rule(
            cel="self.initialState == 'Backup' || self.preemption.mode == 'Immediate'",
            message="initialState ByPriority goes with mode Immediate only: keepalived cannot combine state MASTER with others",
            holds=lambda v: v.initial_state is InitialState.BACKUP or v.preemption.mode is PreemptionMode.IMMEDIATE,
            field="preemption.mode",
        ),
    )

    version: Annotated[int, Field(ge=2, le=3)] = 3
    """VRRP version, 2 or 3; 2 takes whole-second intervals and may carry authentication. IPv6 is always of version 3."""
    advertisement_interval: Annotated[timedelta, span("10ms", "255s", step="10ms")] = timedelta(milliseconds=100)
    """Time between advertisements, 10ms-40.95s (version 2: 1s-255s); a node counts as lost after about three of them."""
    initial_state: InitialState = InitialState.BACKUP
    """Backup on every node, or ByPriority: MASTER on the highest priority."""
    preemption: Preemption = Preemption()
    """Failback after a recovery."""
    handover: Handover = Handover()
    """What happens to open connections in a planned move."""
    peering: Peering = Peering.MULTICAST
    """Multicast: advertisements go to the whole network segment. Unicast: to the addresses of the other nodes, for networks that
drop multicast."""
    authentication_secret: AuthenticationSecret | None = None
    """A Secret with a password that nodes send with each advertisement, and demand (version 2 only; everyone on the segment can read it). A
changed one is loaded by all nodes without an outage. While it is missing, nothing new is loaded. Default: no authentication."""
    check: Check = Check()
    """What makes a node fit to hold the virtual IP."""
