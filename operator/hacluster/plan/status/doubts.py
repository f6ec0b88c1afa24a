"""Which nodes' agents have to be asked whether they still run. Pure.

`report.py` calls `doubted_nodes`; `control/status_writer.py` asks them. A node that does not answer is silent, and its last report is no
longer believed. No node's word is enough for that: a stolen token can make the operator ask, and the answer refutes it.
"""

from collections.abc import Sequence

from hacluster.plan.status.inputs import ObservedNode
from hacluster.timing import ASK_MISSING_AFTER, ASK_WAITING_AFTER


def is_suspected(node: ObservedNode, nodes: Sequence[ObservedNode]) -> bool:
    """Whether another node has reported `node` as lost since the last report of `node` itself."""
    return any(other.lost.get(node.name, 0) > node.version for other in nodes if other.name != node.name and not other.silent)


def doubted_nodes(nodes: Sequence[ObservedNode], waited_for: Sequence[str], monotonic: float) -> tuple[str, ...]:
    """The nodes to ask. `waited_for`: nodes that should report something new."""
    return tuple(
        node.name
        for node in nodes
        if node.entry is not None
        and (
            is_suspected(node, nodes)
            or (node.missing_since is not None and monotonic - node.missing_since >= ASK_MISSING_AFTER)
            or (node.name in waited_for and monotonic - node.received >= ASK_WAITING_AFTER)
        )
    )


def next_doubt(nodes: Sequence[ObservedNode], waited_for: Sequence[str], monotonic: float) -> float | None:
    """In how many seconds the next node has to be asked if nothing changes; None: none."""
    due = [node.missing_since + ASK_MISSING_AFTER - monotonic for node in nodes if node.missing_since is not None]
    due += [node.received + ASK_WAITING_AFTER - monotonic for node in nodes if node.entry and node.name in waited_for]
    return min((each for each in due if each > 0), default=None)
