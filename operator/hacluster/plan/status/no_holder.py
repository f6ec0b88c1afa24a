"""Why nobody holds a virtual IP: one clause for each selected node, and a problem when it lasts longer than a takeover may take.

`conditions.py` puts the clauses into Ready, whatever else is in progress, and the problem into Degraded. So an outage always has a
cause that a user can read. Pure.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from hacluster.api.reasons import Reason
from hacluster.api.status import Health, NodeStatus, RouterStatus, VirtualIPStatus, VrrpState
from hacluster.errors import Problem
from hacluster.plan.status.inputs import ObservedNode, ReportInputs
from hacluster.plan.status.nodes import interfaces_of
from hacluster.timestamps import parse_timestamp

GRACE: Final = timedelta(seconds=2)
"""Time for the agents' reports to arrive, besides the time that a takeover may take."""
_EXPLAIN: Final = (Reason.ROUTER_STUCK, Reason.HELD_DOWN, Reason.ADDRESS_IN_USE, Reason.PORT_IN_USE, Reason.CONFIGURATION_REFUSED)
"""Problems reported by an agent that keep its node from holding a virtual IP; the first that is there is named."""


def no_holder(virtual_ips: Sequence[VirtualIPStatus], inputs: ReportInputs) -> str:
    """The message for those virtual IPs that nobody holds, with the reason of each node; empty: all have a holder.

    Virtual IPs of one router have the same reasons.
    """
    without: dict[str, list[str]] = {}
    for vip in virtual_ips:
        if not vip.holders:
            without.setdefault(vip.router, []).append(vip.address)
    return ". ".join(
        f"nobody holds {', '.join(addresses)}: {'; '.join(reasons(router, inputs)) or 'no node is selected'}"
        for router, addresses in without.items()
    )


def reasons(router: str, inputs: ReportInputs) -> tuple[str, ...]:
    """For each selected node, why it does not hold `router`."""
    return tuple(f"{node.name}: {_reason(node, router, inputs)}" for node in inputs.selected)


def overdue(virtual_ips: Sequence[VirtualIPStatus], inputs: ReportInputs) -> tuple[Problem, ...]:
    """The problem that some node should hold a virtual IP for longer than a takeover may take, although HAProxy answers there."""
    late = [vip for vip in virtual_ips if (at := deadline(vip, inputs)) and at <= inputs.now]
    return (Problem(Reason.NO_HOLDER, "", no_holder(late, inputs)),) if late else ()


def deadline(vip: VirtualIPStatus, inputs: ReportInputs) -> datetime | None:
    """When some node should have taken the virtual IP over at the latest; None where it has a holder, or HAProxy answers nowhere."""
    able = any(node.entry and node.entry.haproxy is Health.UP and not node.silent for node in inputs.selected)
    since = parse_timestamp(vip.since) if able and vip.since and not vip.holders else None
    return since + inputs.takeover_within + GRACE if since else None


def _reason(node: ObservedNode, router: str, inputs: ReportInputs) -> str:
    entry = node.entry
    if entry is None:
        return f"has no pod: {node.no_pod}" if node.no_pod else _with_hint("its agent has not reported yet", node)
    if node.silent:
        return _with_hint("its agent is not heard any more", node)
    status = next((each for each in entry.routers if each.name == router), None)
    if status is None:
        return _without_router(node, entry, router, inputs)
    return _of_daemons(entry, status) or _of_keepalived(node, entry, status)


def _without_router(node: ObservedNode, entry: NodeStatus, router: str, inputs: ReportInputs) -> str:
    if told := _reported(entry):
        return told
    if inputs.revisions is not None and node.name not in inputs.revisions:
        return "the plan cannot configure it"
    if inputs.revisions is not None and inputs.revisions[node.name] == entry.config_revision:
        return f"no member of {router}"
    return _with_hint(f"has no configuration with {router} yet", node)


def _of_daemons(entry: NodeStatus, status: RouterStatus) -> str:
    """What keeps the daemons of the node from holding anything; empty: nothing does."""
    if entry.leaving:
        return "its pod is ending"
    if status.state is VrrpState.STOPPED:
        return _reported(entry) or "keepalived does not run"
    if entry.haproxy is Health.DOWN:
        return "HAProxy does not answer"
    return _reported(entry) or ("HAProxy has not answered yet" if entry.haproxy is Health.UNKNOWN else "")


def _of_keepalived(node: ObservedNode, entry: NodeStatus, status: RouterStatus) -> str:
    """What keepalived's state says, while nothing else keeps the node out."""
    yields = " (it is told to yield)" if status.name in node.yields else ""
    match status.state:
        case VrrpState.FAULT:
            return f"keepalived is in FAULT on {interfaces_of(status)}{yields}"
        case VrrpState.BACKUP:
            return f"keepalived is BACKUP with priority {status.priority} on {status.interface}{yields}"
        case VrrpState.MASTER:
            return f"keepalived is MASTER, but the kernel lacks the address on {status.address_interface or status.interface}"
        case _:
            return f"keepalived has not told its state{yields}"


def _reported(entry: NodeStatus) -> str:
    """The first problem of the agent's that keeps the node out; empty: there is none."""
    found = (each for reason in _EXPLAIN for each in entry.problems if each.reason == reason)
    return next((f"{each.reason}, {each.message}" for each in found), "")


def _with_hint(message: str, node: ObservedNode) -> str:
    return f"{message} ({node.hint})" if node.hint else message
