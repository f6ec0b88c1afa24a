"""Who holds a virtual IP: what the nodes claim, weighed by when they were last heard.

A node's report outlives the node. So a second claim is not yet a split brain: the later claim wins, until both nodes
have given a sign of life after it. An agent that lost an address says so within milliseconds; one that renews its
Lease and still claims it really has it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hacluster.plan.status.inputs import ObservedNode
from hacluster.timestamps import parse_timestamp

GRACE = timedelta(seconds=1.5)
"""After a rival claim, how long a sign of life may still have been sent before its sender knew that it lost the address."""
ASK_AGAIN = timedelta(seconds=1)
"""While two claims are weighed."""


@dataclass(frozen=True)
class Holders:
    """The verdict on one virtual IP: no node, one, or several (a split brain)."""

    nodes: tuple[str, ...]
    look_again: datetime | None = None
    """When the verdict could change though nothing happens."""


def find_holders(address: str, nodes: Sequence[ObservedNode], previous: Collection[str], now: datetime) -> Holders:
    """Who has `address`; `previous` are the holders of the last report.

    A split brain that was established stays one until a claim goes away or its node falls silent: an operator that
    restarts has no signs of life of its own yet, and must not announce a recovery that nobody saw.
    """
    claimants = [node for node in nodes if address in node.claims and not node.silent(now)]
    if len(claimants) < 2:
        return Holders(tuple(node.name for node in claimants))
    latest = max(claimants, key=lambda node: (node.claims[address], _since(node, address)))
    proven_after = latest.claims[address] + GRACE
    proven = {node.name for node in claimants if node.confirmed is not None and node.confirmed > proven_after}
    if len(previous) > 1:
        proven |= {node.name for node in claimants if node.name in previous}
    if len(proven) > 1:
        return Holders(tuple(sorted(proven)))
    return Holders((latest.name,), look_again=now + ASK_AGAIN)


def _since(node: ObservedNode, address: str) -> datetime:
    """By the node's clock: breaks a tie between claims that a restarted operator found side by side."""
    for router in node.entry.routers if node.entry else ():
        if address in router.virtual_ips and (since := parse_timestamp(router.since)):
            return since
    return datetime.min.replace(tzinfo=UTC)
