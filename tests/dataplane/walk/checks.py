"""What one step may cost the clients, by what it changes. Pure.

Where both ends of the wire keep agreeing (version, VRID, interval, interface, peers and virtual IPs of VRRP), no request fails. Where one
of these changes, the nodes may need one failover of the slower setting. Times are seconds of one monotonic clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hacluster.api import HACluster
from hacluster.api.spec import Balance, all_targets
from hacluster.plan import Plan
from hacluster.plan.texts.advert_settings import advert_settings_of
from hacluster.rehearse.address_watch import Change
from hacluster.rehearse.measure import Records, holder_counts, longest_gap

SLACK: Final = 1.0
"""Seconds that are allowed besides, because all nodes and clients share a few busy cores."""
_LATE: Final = 0.5
"""Seconds: a packet that was lost comes again after a second. What takes less waited for a processor, and is no outage here."""
_DUAL: Final = 0.5
_PINNED: Final = frozenset({Balance.SOURCE, Balance.URI})
_TURN_AROUND: Final = 1.0
RESETS: Final = 2
"""New connections of each client that HAProxy had not accepted when it closed a socket: the kernel resets them (docs/failover.md)."""
_INTERVALS: Final = {"client": 0.005, "newcomer": 0.01}


@dataclass(frozen=True)
class Cost:
    """What a step may cost: the longest time without a holder or an answer, and whether requests may fail in it."""

    on_wire: bool
    gap: float
    dual: float
    resets: int = 0
    """Requests of a client that may be reset: where a listener's `bind` changes, HAProxy closes one socket and opens another, and the
    kernel resets what the closed one has not accepted yet."""


def allowed(before: HACluster, old: Plan, after: HACluster, new: Plan) -> Cost:
    """The cost of the change from one resource and its plan to another."""
    on_wire = any(advert_settings_of(texts) != advert_settings_of(old.texts.get(name, {})) for name, texts in new.texts.items())
    binds = {each.port: each.bind for each in before.spec.haproxy.listeners}
    rebound = any(binds.get(each.port, each.bind) != each.bind for each in after.spec.haproxy.listeners)
    pause = max(map(_pause, (before, after)))
    if not on_wire:
        return Cost(False, SLACK + pause, _DUAL, RESETS if rebound else 0)
    interval = max(each.spec.vrrp.advertisement_interval.total_seconds() for each in (before, after))
    return Cost(True, 4 * interval + SLACK + pause, 4 * interval + SLACK)


def _pause(cluster: HACluster) -> float:
    """Seconds for which HAProxy waits after a refused connection, where the client decides about the server: it asks the same one again.

    That is so when Apache is replaced. Source: HAProxy's Configuration Manual 3.0, `retries` (the turn-around timer).
    """
    targets = [target for _, target in all_targets(cluster.spec.haproxy) if target.backend.apache is not None]
    connects = [
        target.timeouts.connect or cluster.spec.haproxy.timeouts.connect for target in targets if target.balance in _PINNED
    ]
    return max((min(_TURN_AROUND, each.total_seconds()) for each in connects), default=0.0)


def holder_faults(changes: Sequence[Change], addresses: Sequence[str], window: tuple[float, float], cost: Cost) -> list[str]:
    """For each virtual IP that both resources have: too long without a holder, or with two."""
    found = []
    for address in addresses:
        spans = holder_counts(changes, address, window)
        without = max((end - start for start, end, count in spans if count == 0), default=0.0)
        several = sum(end - start for start, end, count in spans if count > 1)
        if without > cost.gap:
            found.append(f"{address}: no holder for {without:.2f} s, at most {cost.gap:g} s is allowed")
        if several > cost.dual:
            found.append(f"{address}: several holders for {several:.2f} s, at most {cost.dual:g} s is allowed")
    return found


def drains(
    changes: Sequence[Change], stops: Sequence[tuple[float, float]], since: float, before: HACluster, after: HACluster
) -> list[tuple[float, float]]:
    """For each move: from when to when connections that are older than it may be reset, as `vrrp.handover.drain` is over.

    And for each pod that was stopped (`stops`: when that began and ended): it ends with its drain, and closes what it still has. The
    drain of a move in the step before may end after `since`.
    """
    seconds = [each.spec.vrrp.handover.drain.total_seconds() for each in (before, after)]
    spans = [(each.at + min(seconds), each.at + max(seconds) + SLACK) for each in changes if each.held]
    spans += [(start + min(seconds), end + SLACK) for start, end in stops]
    return [each for each in spans if each[1] >= since]


def client_faults(
    name: str, records: Records, cost: Cost, since: float, drained: Sequence[tuple[float, float]] = ()
) -> list[str]:
    """What one client ("client" or "newcomer") saw and must not see.

    `since`: when the step began. `drained`: when open connections may end (`drains`).
    """
    if not records.requests:
        return [f"{name}: sent nothing"]
    found = []
    failed = [each for each in records.requests if not each.answered]
    gap = longest_gap(records.requests, _INTERVALS[name], _LATE)
    if gap > cost.gap:
        found.append(f"{name}: no answer for {gap:.2f} s, at most {cost.gap:g} s is allowed")
    only_resets = all("ConnectionReset" in each.detail for each in failed) and len(failed) <= cost.resets
    if failed and not cost.on_wire and not only_resets:
        reasons = sorted({each.detail for each in failed})
        times = f"{failed[0].start - since:+.3f} to {failed[-1].start - since:+.3f} s"
        found.append(f"{name}: {len(failed)} of {len(records.requests)} requests failed, {times}: {', '.join(reasons)}")
    broken = [each for each in records.broken if not any(start <= each[0] <= end for start, end in drained)]
    if broken and not cost.on_wire:
        at, reason = broken[0]
        found.append(f"{name}: {len(broken)} open connections broke, the first {at - since:+.3f} s: {reason}")
    return found


def describe_cost(client: Records, newcomer: Records) -> str:
    """The gaps and failures of both clients in a few words."""
    texts = []
    for name, records in (("client", client), ("newcomer", newcomer)):
        failed = sum(not each.answered for each in records.requests)
        gap = longest_gap(records.requests, _INTERVALS[name], _LATE)
        texts.append(f"{name} {failed}/{len(records.requests)} failed, gap {1000 * gap:.0f} ms")
    return "; ".join(texts)


def history(changes: Sequence[Change], since: float) -> list[str]:
    """Who got and lost which address when, in seconds since then."""
    told = [
        f"{each.at - since:+.3f} s {each.node} {'got' if each.held else 'lost'} {each.address}"
        for each in changes
        if each.at >= since
    ]
    return told[:20]
