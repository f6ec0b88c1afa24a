"""Where a virtual router ought to be: the preferred node, cordoned nodes, and who lets go for whom.

A preference is put into force only while the preferred node could take over at once, or already has: whoever asks for
a move to a node that is not fit gets a message, and keeps what runs. Everything here follows from what is the case now, and
comes to rest: once the preferred node holds the router, nobody yields to it any more.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from hacluster.api import NodeStatus
from hacluster.api.reasons import Reason
from hacluster.api.spec import PreemptionMode, VirtualRouter
from hacluster.api.status import Health, VrrpState
from hacluster.errors import Problem
from hacluster.plan.model import Member, NodeView, Router

_HIGHEST = 254
_SERVING = (VrrpState.MASTER, VrrpState.BACKUP)
_BROKEN = (VrrpState.FAULT, VrrpState.STOPPED)


def observed(view: NodeView, entry: NodeStatus | None, *, silent: bool, cordoned: bool) -> NodeView:
    """`view` with what its agent's entry says of its fitness. The words are the same as long as the facts are."""
    if entry is None:
        return replace(view, unfit="its agent has not reported yet", ready=frozenset(), cordoned=cordoned)
    if silent:
        return replace(view, unfit="it is silent: nothing is heard of its agent", ready=frozenset(), cordoned=cordoned)
    up = entry.haproxy is Health.UP
    return replace(
        view,
        unfit=_against(entry),
        faults=frozenset(each.name for each in entry.routers if each.state in _BROKEN),
        ready=frozenset(each.name for each in entry.routers if up and each.state in _SERVING),
        cordoned=cordoned,
        holds=frozenset(each.name for each in entry.routers if each.virtual_ips),
    )


def _against(entry: NodeStatus) -> str:
    if entry.haproxy is Health.DOWN:
        return "its HAProxy does not answer"
    if any(problem.reason == Reason.CONFIGURATION_REFUSED for problem in entry.problems):
        return "its daemons refuse the present configuration"
    return ""


def choose(
    index: int, name: str, router: VirtualRouter, members: Mapping[str, Member], views: Sequence[NodeView]
) -> tuple[str, tuple[Problem, ...]]:
    """The member that is to have the router (empty: no preference in force), and why a wish is not granted."""
    wanted, field = router.preferred_node, f"spec.virtualRouters[{index}].preferredNode"
    if not wanted:
        return "", ()
    view = next((each for each in views if each.name == wanted), None)
    if view is None:
        cure = "label the node as spec.nodeSelector says, or name one of those that are"
        return "", (Problem(Reason.PREFERRED_NODE_NOT_SELECTED, field, f"no selected node is called {wanted}: {cure}"),)
    held = any(name in each.holds for each in views)
    if name in view.holds:
        return (wanted if wanted in members else ""), ()
    if why := _unfit(name, view, members, held=held):
        message = f"{wanted} cannot have {name} now: {why}. Nothing was moved; mend the node, or prefer another"
        # While nobody has the router, its members are only just getting to know each other.
        return "", (Problem(Reason.PREFERRED_NODE_UNFIT, field, message),) if held else ()
    return wanted, ()


def _unfit(router: str, view: NodeView, members: Mapping[str, Member], *, held: bool) -> str:
    if view.unfit:
        return view.unfit
    if view.name not in members:
        return f"it is no member of {router}"
    if view.cordoned:
        return f"it is cordoned (kubectl uncordon {view.name})"
    if router in view.faults:
        return f"its keepalived is in FAULT or not running ({router})"
    if held and view.ready is not None and router not in view.ready:
        return f"its keepalived and HAProxy are not ready for {router} yet"
    return ""


def put_first(members: Mapping[str, Member], first: str) -> dict[str, Member]:
    """The same priorities, dealt out anew: `first` gets the highest, the others keep their order behind it.

    Where the highest one was shared, `first` is lifted above it; at the ceiling the others step down instead.
    """
    others = sorted((name for name in members if name != first), key=lambda name: (-members[name].priority, name))
    top, *rest = sorted((member.priority for member in members.values()), reverse=True)
    if rest and rest[0] == top:
        top = min(top + 1, _HIGHEST)
    dealt = {first: top, **dict(zip(others, _below(top, rest), strict=True))}
    return {name: replace(member, priority=dealt[name]) for name, member in members.items()}


def put_last(members: Mapping[str, Member], last: Collection[str]) -> dict[str, Member]:
    """The same priorities, dealt out anew: `last` get the lowest ones; among them, and among the others, the order stays."""
    ranked = sorted(members, key=lambda name: (name in last, -members[name].priority, name))
    priorities = sorted((member.priority for member in members.values()), reverse=True)
    dealt = dict(zip(ranked, priorities, strict=True))
    return {name: replace(member, priority=dealt[name]) for name, member in members.items()}


def _below(top: int, priorities: Iterable[int]) -> list[int]:
    """Descending `priorities`, lowered where they are not below `top`; those that differed still do."""
    lowered: list[int] = []
    ceiling, before = top - 1, None
    for priority in priorities:
        if before is not None and priority != before:
            ceiling = lowered[-1] - 1
        lowered.append(max(min(priority, ceiling), 1))
        before = priority
    return lowered


def leaving(routers: Sequence[Router], views: Sequence[NodeView], mode: PreemptionMode) -> dict[str, frozenset[str]]:
    """Cordoned node → routers that it lets others have: those that another member could take.

    Where nobody preempts at once, it is enough to let go: after that the node stands by as the last resort.
    """
    found = {}
    for view in views:
        if view.cordoned:
            mine = [router for router in routers if view.name in router.members]
            given = frozenset(router.name for router in mine if _lets_go(router, view, views, mode))
            found[view.name] = given
    return {name: given for name, given in found.items() if given}


def _lets_go(router: Router, view: NodeView, views: Sequence[NodeView], mode: PreemptionMode) -> bool:
    heirs = [each for each in views if each.name != view.name and _could_take(router, each)]
    done = mode is not PreemptionMode.IMMEDIATE and any(router.name in each.holds for each in heirs)
    return bool(heirs) and not done


def _could_take(router: Router, view: NodeView) -> bool:
    proven = view.ready is None or router.name in view.ready
    return view.name in router.members and not view.unfit and not view.cordoned and proven


def switching(routers: Sequence[Router], views: Sequence[NodeView]) -> dict[str, frozenset[str]]:
    """Present holder → routers that another node is preferred for, until that one has them."""
    having = {router.name: {view.name for view in views if router.name in view.holds} for router in routers}
    found: dict[str, set[str]] = {}
    for router in routers:
        if router.preferred and router.preferred not in having[router.name]:
            for holder in having[router.name] & router.members.keys():
                found.setdefault(holder, set()).add(router.name)
    return {name: frozenset(given) for name, given in found.items()}
