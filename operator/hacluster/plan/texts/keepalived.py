"""Makes keepalived.conf of one node.

The weights need most care: keepalived limits a priority with its weights to 1–254, and two nodes at the same limit would tie. What
the file contains beyond the resource, and why, is in docs/decisions/0010-generated-configuration.md.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.spec import CheckType, InitialState, PreemptionMode
from hacluster.plan.model import Address, InterfaceAddress, Router, Topology
from hacluster.plan.texts.rendering import Quoted, checked, render
from hacluster.plan.topology.priorities import HIGHEST

_LOWERS_TO_ONE = 253
"""Subtracted from any priority, it gives the lowest one, 1."""


@dataclass(frozen=True)
class _Instance:
    """One `vrrp_instance` block. `version` is 0 if the global `vrrp_version` applies."""

    name: str
    interface: str
    state: str
    virtual_router_id: int
    priority: int
    version: int
    virtual_ips: tuple[InterfaceAddress, ...]
    address_interface: str
    """Interface of the virtual IPs, if it is another one; else empty."""
    authentication: Quoted
    """The comment below which the agent adds the password; empty: there is none."""
    source: Address | None
    peers: tuple[Address, ...]
    track_yield: str
    track_step: str
    step_weight: int
    """Added while the step file contains 1; 0: there is no step."""


def keepalived_conf(cluster: HACluster, topology: Topology, node: str) -> str:
    """The node's keepalived.conf; without any `vrrp_instance` if the node is a member of no virtual router.

    Raises:
        UnsafeText: a value would change the meaning of a line.

    """
    vrrp = cluster.spec.vrrp
    by_http = vrrp.check.type is CheckType.HTTP
    return render(
        "keepalived.conf.j2",
        cluster=cluster.metadata.full_name,
        node=node,
        version=vrrp.version,
        notify_fifo=names.NOTIFY_FIFO,
        check_interval=seconds(vrrp.check.interval),
        script_weight=script_weight(cluster, topology),
        track_haproxy=names.TRACK_HAPROXY if by_http else "",
        file_weight=-vrrp.check.weight,
        haproxy_admin=names.HAPROXY_ADMIN_SOCKET,
        agent_alive=names.AGENT_ALIVE,
        agent_patience=names.AGENT_ALIVE_TIMEOUT,
        # With immediate preemption a lower priority is enough to yield. Otherwise no backup takes over from a living holder, whatever
        # its priority, so the holder yields by FAULT (weight 0).
        yield_weight=-_LOWERS_TO_ONE if vrrp.preemption.mode is PreemptionMode.IMMEDIATE else 0,
        advert_int=seconds(vrrp.advertisement_interval),
        nopreempt=vrrp.preemption.mode is PreemptionMode.NEVER,
        preempt_delay=seconds(vrrp.preemption.delay) if vrrp.preemption.delay else "",
        routers=[_instance(cluster, router, node) for router in topology.routers if node in router.members],
    )


def script_weight(cluster: HACluster, topology: Topology) -> int:
    """The weight of the check script, the same on every node of the plan.

    Process: positive, added while HAProxy runs, as the resource says. If a sum would exceed 254 on any node, it is negative on all
    nodes instead (subtracted while HAProxy is dead): the difference is the same, and limited sums would tie.
    HTTP: always negative, like the weight of the track file: a track file with the value 0 changes no priority, so it cannot add.
    """
    check = cluster.spec.vrrp.check
    members = (member.priority for router in topology.routers for member in router.members.values())
    highest = max((*topology.priorities.values(), *members), default=0)
    fits = highest + check.weight <= HIGHEST  # keepalived limits a priority with its weights to it
    return check.weight if check.type is CheckType.PROCESS and fits else -check.weight


def yield_step(cluster: HACluster, router: Router, node: str) -> int:
    """How much lower the node's priority becomes first when it yields the router. 0: it goes to 1 at once.

    It becomes just below the next one. A node that is not the first becomes lower by 1: the nodes above it take over by themselves,
    those below it must not. Below all others, two backups would take over at almost the same moment: the skew times of priorities
    that differ by 10 differ by 4 % of an advertisement interval (RFC 9568, 6.1). It follows from priorities alone: a preference that
    ends for as long as the preferred node's pod is replaced must not change the file, as keepalived would be reloaded in the middle
    of the move.
    """
    own = router.members[node].priority
    others = [member.priority for name, member in router.members.items() if name != node]
    immediate = cluster.spec.vrrp.preemption.mode is PreemptionMode.IMMEDIATE
    return max(own - max(others) + 1, 1) if len(others) > 1 and immediate else 0


def vrrp_version(cluster: HACluster, router: Router) -> int:
    """The VRRP version of the router's advertisements: for IPv6 always 3, as version 2 is for IPv4 only (RFC 3768)."""
    return 3 if router.virtual_ips[0].version == 6 else cluster.spec.vrrp.version


def seconds(value: timedelta) -> str:
    """The duration in seconds, rounded to milliseconds, without exponent or trailing zeros: `1`, `0.1`, `40.95`."""
    return format((Decimal(round(value / timedelta(milliseconds=1))) / 1000).normalize(), "f")


def _instance(cluster: HACluster, router: Router, node: str) -> _Instance:
    vrrp, member = cluster.spec.vrrp, router.members[node]
    highest = max(each.priority for each in router.members.values())
    starts_as_master = vrrp.initial_state is InitialState.BY_PRIORITY and member.priority == highest
    version = vrrp_version(cluster, router)
    return _Instance(
        name=router.name,
        interface=member.vrrp_interface,
        state="MASTER" if starts_as_master else "BACKUP",
        virtual_router_id=router.virtual_router_id,
        priority=member.priority,
        version=version if version != vrrp.version else 0,
        virtual_ips=router.virtual_ips,
        address_interface=member.interface if member.interface != member.vrrp_interface else "",
        authentication=_authentication(cluster, version),
        source=member.source,
        peers=member.peers,
        track_yield=names.track_yield(router.name),
        track_step=names.track_step(router.name),
        step_weight=-yield_step(cluster, router, node),
    )


def _authentication(cluster: HACluster, version: int) -> Quoted:
    """Only version 2 has authentication."""
    secret = cluster.spec.vrrp.authentication_secret
    return Quoted(names.authentication_marker(checked(secret.name), checked(secret.key)) if secret and version == 2 else "")
