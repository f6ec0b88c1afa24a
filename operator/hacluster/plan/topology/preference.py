"""Decides which node should hold a virtual router: preferred nodes, cordoned nodes, and which node yields to which.

`topology.py` uses it to change the members' priorities, `plan.py` to find the nodes that have to yield. `control/observe.py` adds a
node's fitness to its view with `observed`; `hacluster switchover` asks the same questions before it changes anything.

A preference is in force only while the preferred node could take over at once, or already holds the router. Otherwise nothing moves,
and a problem says why: a move to an unfit node would be an outage. Everything follows from the present state, so it ends by itself:
once the preferred node holds the router, no node yields to it any more.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from hacluster.api import NodeStatus
from hacluster.api.reasons import Reason
from hacluster.api.spec import PreemptionMode, VirtualRouter
from hacluster.api.status import Health, VrrpState
from hacluster.errors import Problem
from hacluster.plan.model import Member, NodeView, PodView, Router
from hacluster.plan.topology.priorities import HIGHEST

_SERVING = (VrrpState.MASTER, VrrpState.BACKUP)
_BROKEN = (VrrpState.FAULT, VrrpState.STOPPED)


def observed(
    view: NodeView, entry: NodeStatus | None, *, silent: bool, cordoned: bool, pods: Sequence[PodView] | None = None
) -> NodeView:
    """`view` with the node's fitness as its agent's entry in status.nodes reports it.

    `pods` are the node's load balancer pods; None: they were not observed. The entry outlives the pod whose agent wrote it, so it
    counts only while that pod exists and stays. Pod and entry arrive by different watches, in any order.
    Reasons have no times or counters: the same state makes the same message, so that status is not written again and again.
    """
    if entry is None:
        return replace(view, unfit="its agent has not reported yet", ready=frozenset(), cordoned=cordoned, real_time=None)
    if silent:
        return replace(view, unfit="it is silent: nothing is heard from its agent", ready=frozenset(), cordoned=cordoned)
    up = entry.haproxy is Health.UP
    return replace(
        view,
        unfit=_pod_reason(entry, pods) or _unfit_reason(entry),
        faults=frozenset(each.name for each in entry.routers if each.state in _BROKEN),
        ready=frozenset(each.name for each in entry.routers if up and each.state in _SERVING and not entry.leaving),
        cordoned=cordoned,
        holds=frozenset(each.name for each in entry.routers if each.virtual_ips),
        real_time=entry.real_time,
    )


def _pod_reason(entry: NodeStatus, pods: Sequence[PodView] | None) -> str:
    """Why the pod whose agent wrote `entry` cannot take a router over; empty: it can."""
    if entry.leaving:
        return "its pod is ending"
    if pods is None:
        return ""
    # An agent of an older version does not name its pod: then any pod that stays may be its own.
    authors = [each for each in pods if entry.pod in ("", each.name)]
    if not authors and entry.pod:
        return f"the agent of its new pod {pods[-1].name} has not reported yet" if pods else "it has no pod"
    return "its pod is ending" if authors and all(each.ending for each in authors) else ""


def _unfit_reason(entry: NodeStatus) -> str:
    """Why the reported state makes the node unfit for all routers; empty: it does not."""
    if entry.haproxy is Health.DOWN:
        return "its HAProxy does not answer"
    if any(problem.reason == Reason.CONFIGURATION_REFUSED for problem in entry.problems):
        return "its daemons refuse the present configuration"
    return ""


def choose_preferred(
    index: int, name: str, router: VirtualRouter, members: Mapping[str, Member], views: Sequence[NodeView]
) -> tuple[str, tuple[Problem, ...]]:
    """The member that is preferred now (empty: no preference is in force), and a problem if the preference cannot be followed."""
    wanted, field = router.preferred_node, f"spec.virtualRouters[{index}].preferredNode"
    if not wanted:
        return "", ()
    view = next((each for each in views if each.name == wanted), None)
    if view is None:
        cure = "give the node the labels of spec.nodeSelector, or name a selected node"
        return "", (Problem(Reason.PREFERRED_NODE_NOT_SELECTED, field, f"no selected node is called {wanted}: {cure}"),)
    held = any(name in each.holds for each in views)
    if name in view.holds:
        return (wanted if wanted in members else ""), ()
    not_member = "" if wanted in members else f"it is no member of {name}"
    if why := view.unfit or not_member or cannot_take(name, view, held=held):
        message = f"{wanted} cannot have {name} now: {why}. Nothing was moved; repair the node, or prefer another"
        # While no node holds the router, the cluster is starting: nodes become ready one after another, which is no problem yet.
        return "", (Problem(Reason.PREFERRED_NODE_UNFIT, field, message),) if held else ()
    return wanted, ()


def stays_first(router: VirtualRouter, members: Collection[str], first: str | None) -> str:
    """The preferred node, if it keeps the highest priority although no preference is in force now; empty: it does not.

    `first` has the highest priority so far; None: nobody alone. A preference ends for as long as that node's pod is replaced, or the node
    is cordoned. Other priorities would mean that keepalived is reloaded on all nodes in the middle of a move, and once more after it;
    and they are not needed: what makes the node unfit lowers its priority by itself.
    """
    return first if first and router.preferred_node == first and first in members else ""


def cannot_take(router: str, view: NodeView, *, held: bool) -> str:
    """Why the node cannot take the router now, as a clause; empty: it can. `held`: some node holds the router."""
    if view.cordoned:
        return f"it is cordoned (kubectl uncordon {view.name})"
    if router in view.faults:
        return f"its keepalived is in FAULT or not running ({router})"
    if view.unfit:
        return view.unfit
    if held and view.ready is not None and router not in view.ready:
        return f"its keepalived and HAProxy are not ready for {router} yet"
    return ""


def put_first(members: Mapping[str, Member], first: str) -> dict[str, Member]:
    """The same priorities in another order: `first` gets the highest, the others keep their order below it.

    If several members had the highest priority, `first` gets the next one above it; if that would exceed 254, the others get
    lower ones instead.
    """
    others = sorted((name for name in members if name != first), key=lambda name: (-members[name].priority, name))
    top, *rest = sorted((member.priority for member in members.values()), reverse=True)
    if rest and rest[0] == top:
        top = min(top + 1, HIGHEST)
    changed = {first: top, **dict(zip(others, _below(top, rest), strict=True))}
    return {name: replace(member, priority=changed[name]) for name, member in members.items()}


def put_last(members: Mapping[str, Member], last: Collection[str]) -> dict[str, Member]:
    """The same priorities in another order: the members in `last` get the lowest. Within both groups the order stays."""
    ranked = sorted(members, key=lambda name: (name in last, -members[name].priority, name))
    priorities = sorted((member.priority for member in members.values()), reverse=True)
    changed = dict(zip(ranked, priorities, strict=True))
    return {name: replace(member, priority=changed[name]) for name, member in members.items()}


def _below(top: int, priorities: Iterable[int]) -> list[int]:
    """The descending `priorities`, lowered so that all are below `top` (at least 1). Different ones stay different."""
    lowered: list[int] = []
    ceiling, before = top - 1, None
    for priority in priorities:
        if before is not None and priority != before:
            ceiling = lowered[-1] - 1
        lowered.append(max(min(priority, ceiling), 1))
        before = priority
    return lowered


def cordoned_yields(routers: Sequence[Router], views: Sequence[NodeView], mode: PreemptionMode) -> dict[str, frozenset[str]]:
    """Cordoned node → the routers that it yields: those that another member could take over.

    Without immediate preemption it yields only until another node holds the router: no node takes it back then, and the
    cordoned node can still take over if all others fail.
    """
    found = {}
    for view in views:
        if view.cordoned:
            own_routers = [router for router in routers if view.name in router.members]
            found[view.name] = frozenset(router.name for router in own_routers if _has_to_yield(router, view, views, mode))
    return {name: yielded for name, yielded in found.items() if yielded}


def _has_to_yield(router: Router, view: NodeView, views: Sequence[NodeView], mode: PreemptionMode) -> bool:
    successors = [each for each in views if each.name != view.name and _could_take_over(router, each)]
    moved = mode is not PreemptionMode.IMMEDIATE and any(router.name in each.holds for each in successors)
    return bool(successors) and not moved


def _could_take_over(router: Router, view: NodeView) -> bool:
    ready = view.ready is None or router.name in view.ready
    return view.name in router.members and not view.unfit and not view.cordoned and ready


def switchover_yields(routers: Sequence[Router], views: Sequence[NodeView]) -> dict[str, frozenset[str]]:
    """Present holder → the routers that it yields because another node is preferred, until that node holds them."""
    holders = {router.name: {view.name for view in views if router.name in view.holds} for router in routers}
    found: dict[str, set[str]] = {}
    for router in routers:
        if router.preferred and router.preferred not in holders[router.name]:
            for holder in holders[router.name] & router.members.keys():
                found.setdefault(holder, set()).add(router.name)
    return {name: frozenset(yielded) for name, yielded in found.items()}
