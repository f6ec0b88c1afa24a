"""Whether a node's daemons serve, or could take over at once, as its agent reports: what a roll-out waits for."""

from hacluster.api.reasons import Reason
from hacluster.api.status import Health, NodeStatus, VrrpState
from hacluster.plan.status.inputs import ObservedNode

_FIT = (VrrpState.MASTER, VrrpState.BACKUP)


def on_static_pod(entry: NodeStatus) -> bool:
    """Whether a static pod serves on the node, and the operator's pod only reports for it."""
    return any(problem.reason == Reason.STATIC_POD for problem in entry.problems)


def could_take_over(node: ObservedNode) -> bool:
    """HAProxy answers, every router is Master or Backup, the pod stays, and no hold-down is in force.

    A router that the node is told to yield counts in every state: with preemption Delayed or Never it yields by FAULT.
    """
    entry = node.entry
    if entry is None or entry.leaving or any(problem.reason == Reason.HELD_DOWN for problem in entry.problems):
        return False
    states = [router.state in _FIT or router.name in node.yields for router in entry.routers]
    return entry.haproxy is Health.UP and bool(states) and all(states) and bool(entry.config_revision)
