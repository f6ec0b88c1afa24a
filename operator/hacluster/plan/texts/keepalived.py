"""keepalived.conf of one node."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.api.spec import CheckType, InitialState, PreemptionMode
from hacluster.errors import Problem
from hacluster.plan.model import Address, InterfaceAddress, Member, Router, Topology
from hacluster.plan.texts.rendering import render

_HIGHEST_EFFECTIVE = 254
"""keepalived caps a priority with its weights here."""
_LOWERS_TO_ONE = 253
_V3_LONGEST = timedelta(milliseconds=40_950)


@dataclass(frozen=True)
class _Instance:
    """One vrrp_instance as it is printed. `version` is 0 where the global one holds."""

    name: str
    interface: str
    state: str
    virtual_router_id: int
    priority: int
    version: int
    virtual_ips: tuple[InterfaceAddress, ...]
    source: Address | None
    peers: tuple[Address, ...]
    track_yield: str


def keepalived_conf(cluster: HACluster, topology: Topology, node: str) -> str:
    """The node's keepalived.conf; without any instance where it is a member of no virtual router."""
    vrrp = cluster.spec.vrrp
    by_http = vrrp.check.type is CheckType.HTTP
    return render(
        "keepalived.conf.j2",
        cluster=f"{cluster.metadata.namespace}/{cluster.metadata.name}",
        node=node,
        version=vrrp.version,
        notify_fifo=names.NOTIFY_FIFO,
        check_interval=seconds(vrrp.check.interval),
        script_weight=script_weight(cluster, topology),
        track_haproxy=names.TRACK_HAPROXY if by_http else "",
        file_weight=-vrrp.check.weight,
        haproxy_admin=names.HAPROXY_ADMIN_SOCKET,
        agent_alive=names.AGENT_ALIVE,
        agent_patience=names.AGENT_PATIENCE,
        # A holder that merely lowers its priority keeps the address where others do not preempt: there it steps back by FAULT.
        yield_weight=-_LOWERS_TO_ONE if vrrp.preemption.mode is PreemptionMode.IMMEDIATE else 0,
        advert_int=seconds(vrrp.advertisement_interval),
        nopreempt=vrrp.preemption.mode is PreemptionMode.NEVER,
        preempt_delay=seconds(vrrp.preemption.delay) if vrrp.preemption.delay else "",
        routers=[_instance(cluster, router, router.members[node]) for router in topology.routers if node in router.members],
    )


def script_weight(cluster: HACluster, topology: Topology) -> int:
    """The script's weight, alike on every node of the plan.

    Process: added while HAProxy lives, as the resource says. Where a sum would exceed keepalived's highest effective
    priority, the difference that it makes is turned round (subtracted while HAProxy is dead): capped sums would tie.
    HTTP: always subtracted, as the track file's: nobody can add to a priority by a file that says 0.
    """
    check = cluster.spec.vrrp.check
    members = (member.priority for router in topology.routers for member in router.members.values())
    highest = max((*topology.priorities.values(), *members), default=0)
    fits = highest + check.weight <= _HIGHEST_EFFECTIVE
    return check.weight if check.type is CheckType.PROCESS and fits else -check.weight


def too_slow_for_ipv6(cluster: HACluster) -> tuple[Problem, ...]:
    """IPv6 routers speak version 3 whatever the resource says, and version 3 has no advertisement interval as long as version 2."""
    ipv6 = any(router.virtual_ips[0].version == 6 for router in cluster.spec.virtual_routers)
    if not ipv6 or cluster.spec.vrrp.advertisement_interval <= _V3_LONGEST:
        return ()
    field = "spec.vrrp.advertisementInterval"
    return (
        Problem(
            Reason.INVALID, field, "IPv6 virtual routers speak VRRP version 3, which takes at most 40.95s; use a shorter one"
        ),
    )


def vrrp_version(cluster: HACluster, router: Router) -> int:
    """VRRP version that the router speaks: IPv6 knows version 3 only (RFC 5798)."""
    return 3 if router.virtual_ips[0].version == 6 else cluster.spec.vrrp.version


def seconds(value: timedelta) -> str:
    """Seconds without an exponent or needless digits: `1`, `0.1`, `40.95`."""
    return format((Decimal(round(value / timedelta(milliseconds=1))) / 1000).normalize(), "f")


def _instance(cluster: HACluster, router: Router, member: Member) -> _Instance:
    vrrp = cluster.spec.vrrp
    highest = max(each.priority for each in router.members.values())
    leads = vrrp.initial_state is InitialState.BY_PRIORITY and member.priority == highest
    version = vrrp_version(cluster, router)
    return _Instance(
        name=router.name,
        interface=member.interface,
        state="MASTER" if leads else "BACKUP",
        virtual_router_id=router.virtual_router_id,
        priority=member.priority,
        version=version if version != vrrp.version else 0,
        virtual_ips=router.virtual_ips,
        source=member.source,
        peers=member.peers,
        track_yield=names.track_yield(router.name),
    )
