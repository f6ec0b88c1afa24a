"""Which pods are replaced next, after their DaemonSet's template has changed: backups first, the holder last. Pure.

`control/pod_updates.py` calls `next_replacements` for each DaemonSet in every reconcile, and deletes the pods; the DaemonSet controller
makes new ones of the newest template. Its own rolling update is not used (docs/decisions/0022-pods-are-replaced-by-the-operator.md):
it calls a pod available that only runs, and counts nodes that are lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

REPORTED_WITHIN: Final = 5.0
"""Seconds in which a server that HAProxy lost while its pod was replaced is reported: agents ask HAProxy every 2 seconds."""
CHECKED_WITHIN: Final = 15.0
"""Seconds in which HAProxy should find the server of a ready Apache pod to be up. One that it never finds up holds nobody up for longer."""


@dataclass(frozen=True)
class PodRun:
    """One selected node and its pod of one DaemonSet."""

    node: str
    pod: str = ""
    """Name of the pod; empty: there is none."""
    outdated: bool = False
    """Whether the pod is of an older template, and is not ending yet."""
    fit: bool = False
    """Whether the pod's daemons serve, or could take over at once."""
    holds: bool = False
    """Whether the node has a virtual IP."""
    lost: bool = False
    """Whether the node is lost, or its pod does not end. It waits for nobody, and nobody waits for it; its pod follows later."""
    idle: bool = False
    """Whether the node cannot be configured: its daemons do not run, whatever the template is."""


@dataclass(frozen=True)
class Replacements:
    """The next step."""

    pods: tuple[str, ...] = ()
    """Pods to delete now."""
    waiting: tuple[str, ...] = ()
    """Nodes whose outdated pods have to wait."""
    waits_for: tuple[str, ...] = ()
    """Nodes that have to be fit first."""
    last_server: bool = False
    """Whether they wait because HAProxy has only one server that is up."""
    lost: tuple[str, ...] = ()
    """Lost nodes whose pods are outdated."""


def next_replacements(nodes: Sequence[PodRun], max_unavailable: int, servers_up: int = 0) -> Replacements:
    """The pods to delete now.

    At most `max_unavailable` nodes that are not lost are unfit at a time. The last fit node is not taken away, unless it is the only
    one that is selected at all. A pod that is unfit already is replaced first: it may be unfit because of its template.

    `servers_up`: where the pods are servers, how many of them get requests now; the last one is not taken away either. 0: none does,
    or it is not known.
    """
    living = sorted((each for each in nodes if not each.lost and not each.idle), key=lambda each: each.node)
    unfit = [each for each in living if not each.fit]
    replaced = [each for each in nodes if each.idle and each.outdated and not each.lost]
    useless = [each for each in unfit if each.outdated][: max(0, max_unavailable - sum(not each.outdated for each in unfit))]
    replaced += useless
    fit = [each for each in living if each.fit]
    spare = len(fit) if len(nodes) == 1 else min(len(fit), servers_up or len(fit)) - 1
    budget = max(0, min(max_unavailable - len(unfit), spare))
    candidates = sorted((each for each in fit if each.outdated), key=lambda each: (each.holds, each.node))
    replaced += candidates[:budget]
    waiting = tuple(each.node for each in living if each.outdated and each not in replaced)
    return Replacements(
        pods=tuple(each.pod for each in replaced),
        waiting=waiting,
        waits_for=tuple(each.node for each in unfit) if waiting else (),
        last_server=bool(waiting) and servers_up == 1,
        lost=tuple(sorted(each.node for each in nodes if each.lost and each.outdated)),
    )


def progress(title: str, step: Replacements) -> str:
    """What the roll-out of the DaemonSet called `title` waits for, as a message; empty: nothing."""
    parts = []
    if step.waiting:
        fitness = f"until {', '.join(step.waits_for)} is fit" if step.waits_for else "until another node is fit"
        if step.last_server and not step.waits_for:
            fitness = "until HAProxy finds another of its servers up (status.nodes[].listeners has the last check)"
        parts.append(f"{title}: the old pod on {', '.join(step.waiting)} waits {fitness}")
    if step.lost:
        parts.append(f"{title}: {', '.join(step.lost)} is lost, its pod is replaced when it is back")
    return "; ".join(parts)
