"""Whether a node is fit to hold a virtual IP, and if not, why.

`report.py` calls `judge` for each selected node; the conditions show the messages. A reason that time alone should settle is
`progress`; everything else is a problem, which makes the resource Degraded. Whether a node can take over a router in a planned move
is a different question, which is asked before the move: `topology/preference.py`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from hacluster.api.reasons import Reason
from hacluster.api.status import Health, NodeStatus, RouterStatus, VrrpState
from hacluster.errors import Problem
from hacluster.plan.status.fitness import on_static_pod
from hacluster.plan.status.inputs import ObservedNode, ReportInputs

_WARNINGS: Final = frozenset(
    {
        Reason.NO_REAL_TIME,
        Reason.SECRET_FORBIDDEN,
        Reason.SECRET_INVALID,
        Reason.SECRET_MISSING,
        Reason.CERTIFICATE_EXPIRES,
        Reason.STATIC_POD,
        Reason.AGENT_SOCKET_TAKEN,
    }
)
"""Reported problems that are a danger only: they go into the condition Warning, and the node stays fit."""


@dataclass(frozen=True)
class Verdict:
    """The result for one selected node."""

    node: str
    fit: bool
    """Its agent reports, HAProxy and keepalived work, and it runs the revision that it should run."""
    progress: str = ""
    """A message that says what it waits for, where time alone should settle it; empty: nothing."""
    problems: tuple[Problem, ...] = ()
    """Problems that time alone does not settle. Each message names the node."""
    warnings: tuple[Problem, ...] = ()
    """What is dangerous, though nothing is wrong now."""


def judge(node: ObservedNode, inputs: ReportInputs) -> Verdict:
    """Whether `node` is fit, and its problems."""
    if node.entry is None and node.no_pod:
        return Verdict(node.name, fit=False, problems=(Problem(Reason.NO_POD, "", f"{node.name} has no pod: {node.no_pod}"),))
    if node.entry is None:
        return Verdict(node.name, fit=False, progress=_join(f"{node.name}: its agent has not reported yet", node.hint))
    if node.silent:
        return Verdict(node.name, fit=False, problems=(_silence(node),))
    progress = _progress(node, node.entry, inputs)
    unfit = _unfit(node.entry, node.yields)
    problems = (*unfit, *_reported(node.entry), *_apache(node.entry, inputs), *_static_pod(node.entry, inputs))
    refused = any(problem.reason == Reason.CONFIGURATION_REFUSED for problem in node.entry.problems)
    return Verdict(
        node.name,
        fit=not progress and not unfit and not refused and not _left_out(node, inputs),
        progress="" if refused else progress,
        problems=problems,
        warnings=tuple(each for each in _all_reported(node.entry) if each.reason in _WARNINGS),
    )


def _left_out(node: ObservedNode, inputs: ReportInputs) -> bool:
    """Whether the plan cannot configure this node; `inputs.problems` says why."""
    return inputs.revisions is not None and node.name not in inputs.revisions


def _silence(node: ObservedNode) -> Problem:
    message = f"{node.name}: its agent is not heard any more, so its state is unknown. Look at the node, and at its pod's agent container"
    return Problem(Reason.NODE_SILENT, "", _join(message, node.hint))


def _progress(node: ObservedNode, entry: NodeStatus, inputs: ReportInputs) -> str:
    if inputs.revisions is None:
        return ""
    wanted = inputs.revisions.get(node.name)
    if wanted is None:
        return f"{node.name}: its network is not known yet" if node.name in inputs.waiting_for else ""
    if entry.config_revision != wanted and not on_static_pod(entry):
        return _join(f"{node.name}: runs revision {entry.config_revision or '(none)'}, {wanted} is on its way", node.hint)
    if entry.haproxy is Health.UNKNOWN:
        return f"{node.name}: HAProxy has not answered yet"
    waiting = [router.name for router in entry.routers if router.state is VrrpState.UNKNOWN]
    return f"{node.name}: keepalived has not told the state of {', '.join(waiting)} yet" if waiting else ""


def _unfit(entry: NodeStatus, yields: Collection[str]) -> tuple[Problem, ...]:
    """What keeps the node from holding a virtual IP. FAULT of a router that it is told to yield is planned, and no problem."""
    if entry.haproxy is Health.DOWN:
        return (Problem(Reason.HAPROXY_DOWN, "", f"{entry.name}: HAProxy does not answer, so the node cannot hold a virtual IP"),)
    stopped = [router.name for router in entry.routers if router.state is VrrpState.STOPPED]
    if stopped:
        return (Problem(Reason.KEEPALIVED_DOWN, "", f"{entry.name}: keepalived does not run ({', '.join(stopped)})"),)
    faulty = [router for router in entry.routers if router.state is VrrpState.FAULT and router.name not in yields]
    if faulty:
        fault = [f"{router.name} on {interfaces_of(router)}" for router in faulty]
        message = f"{entry.name}: keepalived is in FAULT ({', '.join(fault)}); is the interface up?"
        return (Problem(Reason.ROUTER_FAULT, "", message),)
    return ()


def interfaces_of(router: RouterStatus) -> str:
    """Those on which a router depends, for a message: `ens3`, or `ens9 or ens3` if the virtual IPs are on another one than VRRP."""
    return router.interface if router.address_interface is None else f"{router.interface} or {router.address_interface}"


def _reported(entry: NodeStatus) -> tuple[Problem, ...]:
    return tuple(each for each in _all_reported(entry) if each.reason not in _WARNINGS)


def _all_reported(entry: NodeStatus) -> Iterable[Problem]:
    return (Problem(each.reason, "", f"{entry.name}: {each.message}") for each in entry.problems)


def _static_pod(entry: NodeStatus, inputs: ReportInputs) -> tuple[Problem, ...]:
    """Time does not settle that a static pod runs other files: an administrator puts them on the node."""
    wanted = (inputs.revisions or {}).get(entry.name)
    if wanted is None or entry.config_revision == wanted or not on_static_pod(entry):
        return ()
    message = (
        f"{entry.name}: the static pod runs revision {entry.config_revision or '(none)'}, and {wanted} follows from the resource. Render "
        "the static pods again (hacluster render --static-pods, with status.nodes as the file of --nodes) and put the files on the node"
    )
    return (Problem(Reason.STATIC_POD_DIFFERS, "", message),)


def _apache(entry: NodeStatus, inputs: ReportInputs) -> tuple[Problem, ...]:
    if inputs.has_apache and entry.apache is Health.DOWN:
        message = f"{entry.name}: Apache does not answer; HAProxy sends requests to the other nodes' backends"
        return (Problem(Reason.APACHE_DOWN, "", message),)
    return ()


def _join(message: str, hint: str) -> str:
    return f"{message} ({hint})" if hint else message
