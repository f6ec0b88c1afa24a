"""Which node holds a virtual IP, by the nodes' claims and by when each node was last seen.

`report.py` calls `find_holders` for each virtual IP. A claim is an address in a node's entry of `status.nodes`, and the entry stays
there when the node dies. So a second claim alone is not a split brain: the later claim wins, until both nodes have sent a heartbeat
after it. An agent that lost an address reports that within milliseconds; one that renews its Lease and still claims the address
really has it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hacluster.plan.status.inputs import ObservedNode
from hacluster.timestamps import parse_timestamp

GRACE = timedelta(seconds=1.5)
"""A heartbeat that arrives so soon after the other node's claim may have been sent before its node knew that it lost the address."""
RECHECK_AFTER = timedelta(seconds=1)
"""Time until the next report, while several nodes claim one address and their claims are not yet proven."""


@dataclass(frozen=True)
class Holders:
    """The nodes that hold one virtual IP: none, one, or several (a split brain)."""

    nodes: tuple[str, ...]
    recheck_at: datetime | None = None
    """When the result could change by time alone; None: it cannot."""


def find_holders(address: str, nodes: Sequence[ObservedNode], previous: Collection[str], now: datetime) -> Holders:
    """The nodes that hold `address`; `previous` are the holders in the last report.

    A reported split brain stays one until a claim is withdrawn or its node falls silent. A restarted operator has received no
    heartbeats yet, so it could not prove the split brain again, and must not report a recovery that did not happen.
    """
    claimants = [node for node in nodes if address in node.claims and not node.silent(now)]
    if len(claimants) < 2:
        return Holders(tuple(node.name for node in claimants))
    latest = max(claimants, key=lambda node: (node.claims[address], _since(node, address)))
    proven_after = latest.claims[address] + GRACE
    proven = {node.name for node in claimants if node.last_received is not None and node.last_received > proven_after}
    if len(previous) > 1:
        proven |= {node.name for node in claimants if node.name in previous}
    if len(proven) > 1:
        return Holders(tuple(sorted(proven)))
    return Holders((latest.name,), recheck_at=now + RECHECK_AFTER)


def _since(node: ObservedNode, address: str) -> datetime:
    """When the node got the address, by its own clock. Decides between claims that a restarted operator read at the same moment."""
    for router in node.entry.routers if node.entry else ():
        if address in router.virtual_ips and (since := parse_timestamp(router.since)):
            return since
    return datetime.min.replace(tzinfo=UTC)
