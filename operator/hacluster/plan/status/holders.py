"""Which node holds a virtual IP, by the nodes' claims.

`report.py` calls `find_holders` for each virtual IP. A claim is an address in a node's report, and the report stays there when the node
dies. So a second claim alone is not a split brain: the later claim wins, until the other node has proved that it lives and still has
the address. The proof is a report of its own after the later claim, which the operator asks for; or that both nodes cannot reach
each other, while both report. Which report is later is decided by the API server's resourceVersions, not by clocks
(docs/decisions/0024-one-object-per-node.md).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hacluster.plan.status.inputs import ObservedNode
from hacluster.timing import ASK_CLAIMANT_AFTER, SETTLED_AFTER


@dataclass(frozen=True)
class Holders:
    """The nodes that hold one virtual IP: none, one, or several (a split brain)."""

    nodes: tuple[str, ...]
    doubted: tuple[str, ...] = ()
    """Nodes that claim it, too, and have to be asked whether they still run."""
    recheck_in: float | None = None
    """In how many seconds the result could change by time alone; None: it cannot."""


def find_holders(address: str, nodes: Sequence[ObservedNode], previous: Collection[str], monotonic: float) -> Holders:
    """The nodes that hold `address` now; `previous` are the holders in the last report.

    A reported split brain stays one until a claim is withdrawn or its node falls silent. A restarted operator has seen no report
    arrive yet, so it could not prove the split brain again, and must not report a recovery that did not happen.
    """
    claimants = [node for node in nodes if address in node.claims and not node.silent]
    if len(claimants) < 2:
        return Holders(tuple(node.name for node in claimants))
    latest = max(claimants, key=lambda node: node.claims[address].version)
    others = [node for node in claimants if node is not latest]
    known_split = len(previous) > 1
    proven = {node.name for node in others if _still_holds(node, latest, address) or (known_split and node.name in previous)}
    age = monotonic - latest.claims[address].at
    if proven and (known_split or age >= SETTLED_AFTER):
        return Holders(tuple(sorted({latest.name} | proven)))
    doubted = tuple(node.name for node in others if node.name not in proven and age >= ASK_CLAIMANT_AFTER)
    due = [time - age for time in (ASK_CLAIMANT_AFTER, SETTLED_AFTER) if time > age]
    return Holders((latest.name,), doubted, min(due, default=None))


def _still_holds(node: ObservedNode, latest: ObservedNode, address: str) -> bool:
    """Whether `node` has claimed the address again since the claim of `latest`, or cannot reach `latest`, which lives."""
    return node.version > latest.claims[address].version or latest.name in node.lost
