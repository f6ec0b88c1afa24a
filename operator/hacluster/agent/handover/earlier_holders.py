"""To which earlier holders of one virtual router packets of unknown connections are passed on. Pure.

Times are arguments (seconds, monotonic clock). `second_chance.py` keeps one `EarlierHolders` for each router, and writes its `entries`
into the kernel.

Every agent hears the advertisements, so it knows who held the virtual IPs within the last drain. An agent that has listened for
less than that (its pod is new) does not know who advertised before: until then every other member may have been a holder.

While this node is the holder, another member that advertises has the virtual IPs as well, if only for some milliseconds: after a change of
a setting on which members have to agree, they do not hear each other. Clients whose connections it accepts come here when it gives up.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Final, NamedTuple

from hacluster.agent.handover.rules import MAX_HOLDERS
from hacluster.agent.system.network import Network, without_prefix
from hacluster.nodeconfig import Router

_BACKUP_ENTRY: Final = 30.0
"""Seconds until a backup's entry for a holder expires if it is not renewed. So an agent that dies leaves no entries behind for long."""
_RENEW_AFTER: Final = 10.0
"""Seconds after which a backup renews its entries."""
_EXTRA: Final = 1.0
"""Seconds for which the entry of a second holder lasts longer than needed, so that not each of its advertisements is written."""


Key = tuple[str, int]
"""Name and IP version of a virtual router."""


class Candidate(NamedTuple):
    """A member that may still serve connections."""

    address: str
    silent: float | None
    """Seconds since its last advertisement; None: this agent has heard none."""
    remaining: float
    """Seconds until its connections have drained, at the latest."""


@dataclass
class EarlierHolders:
    """What is known of one virtual router."""

    since: float
    """When this agent began to listen."""
    senders: dict[str, float] = field(default_factory=dict)
    """The other members that advertised lately, the last one first, with the time of their last advertisement."""
    entries: tuple[tuple[str, float], ...] = ()
    """The holders that have to be in the kernel, each with the time at which its entry ends."""
    holder: bool | None = None
    """Whether this node has virtual IPs of the router; None before the first round."""
    held_since: float = 0.0
    """When this agent saw first that this node has them."""

    def add_advert(self, senders: Sequence[str], at: float) -> bool:
        """Records an advertisement; returns whether its sender differs from the last one's.

        `senders`: the addresses to which its packets would be passed on: one, or all that it may be (`receivers`).
        """
        changed = list(self.senders)[: len(senders)] != list(senders)
        self.senders = dict.fromkeys(senders, at) | {each: time for each, time in self.senders.items() if each not in senders}
        return changed

    def candidates(self, members: Iterable[str], drain: float, now: float) -> list[Candidate]:
        """Members that may have been holders within the last `drain` seconds, the last one first; at most `MAX_HOLDERS`.

        `members`: addresses of all other members. Older senders are removed from the record.
        """
        self.senders = {each: at for each, at in self.senders.items() if now - at < drain}
        found = [Candidate(each, now - at, drain - (now - at)) for each, at in self.senders.items()]
        unknown_for = drain - (now - self.since)
        if unknown_for > 0:
            found += [Candidate(each, None, unknown_for) for each in members if each not in self.senders]
        return found[:MAX_HOLDERS]

    def renew(self, candidates: Collection[Candidate], now: float) -> bool:
        """On a backup: makes the candidates the entries if they are others than before or due for renewal. Returns whether it did."""
        addresses = [candidate.address for candidate in candidates]
        oldest = min((until for _, until in self.entries), default=0.0)
        if addresses == [address for address, _ in self.entries] and oldest - now > _BACKUP_ENTRY - _RENEW_AFTER:
            return False
        if not addresses and not self.entries:
            return False
        self.entries = tuple((address, now + _BACKUP_ENTRY) for address in addresses)
        return True

    def take_over(self, alive: Sequence[Candidate], drain: float, now: float) -> None:
        """On a node that has just taken over: makes the living candidates the entries.

        The drain of the last holder begins now. An earlier one has been draining since its last advertisement.
        """
        last = next((each for each in alive if each.silent is not None), None)
        self.entries = tuple((each.address, now + (drain if each is last else each.remaining)) for each in alive)

    def other_holders(self, drain: float) -> list[str]:
        """On the holder: the members that have advertised since, and whose entries end before their connections have drained."""
        ends = dict(self.entries)
        return [each for each, at in self.senders.items() if at > self.held_since and ends.get(each, 0.0) < at + drain]

    def add_other_holders(self, drain: float, now: float) -> list[str]:
        """On the holder: makes `other_holders` entries, or renews theirs. Returns those that were none before."""
        other_holders = self.other_holders(drain)
        known = [address for address, until in self.entries if until > now]
        if other_holders:
            others = [entry for entry in self.entries if entry[0] not in other_holders]
            self.entries = (*((each, now + drain + _EXTRA) for each in other_holders), *others)[:MAX_HOLDERS]
        return [each for each in other_holders if each not in known]

    def remaining(self, now: float) -> list[tuple[str, float]]:
        """The entries that have not ended, each with the seconds until then."""
        return [(address, until - now) for address, until in self.entries if until > now]


def key_of(router: Router) -> Key:
    """A router whose virtual IPs are of the other version now has other senders."""
    return router.name, router.ip_version


def inherit(known: dict[Key, EarlierHolders], before: Iterable[Router], after: Iterable[Router]) -> None:
    """Adds to `known` the routers with new names whose virtual IPs another router had before: their connections have the same holders."""
    former = {without_prefix(address): key_of(router) for router in before for address in router.virtual_ips}
    for router in after:
        origin = next((former[each] for each in map(without_prefix, router.virtual_ips) if each in former), None)
        if origin in known and key_of(router) not in known:
            known[key_of(router)] = replace(known[origin], senders=dict(known[origin].senders))


def receivers(router: Router | None, source: str) -> tuple[str, ...]:
    """The addresses to which packets of the member that advertises from `source` are passed on.

    Usually it is `source` itself. Where the virtual IPs are on another interface than VRRP, it is the member's address there. Of an IPv6
    member, which advertises from a link-local address, that is unknown: then it is each member's. Those that do not have a connection drop
    its packets.
    """
    if router is None or not _is_apart(router):
        return (source,)
    known = router.passed_on_to.get(source)
    return (known,) if known else tuple(dict.fromkeys(router.passed_on_to.values()))


def _is_apart(router: Router) -> bool:
    """Whether members have their virtual IPs on another interface than VRRP."""
    return bool(router.address_interface or router.passed_on_to)


@dataclass
class Members:
    """The addresses of the other members by router, computed anew when the version of the agent's state is another one."""

    _version: int = -1
    _known: dict[str, list[str]] = field(default_factory=dict)

    def of(self, router: Router, network: Network | None, version: int) -> list[str]:
        """The addresses of the router's other members on the segment (`members_on_segment`)."""
        if version != self._version:
            self._version, self._known = version, {}
        if router.name not in self._known:
            self._known[router.name] = members_on_segment(router, network)
        return self._known[router.name]


def members_on_segment(router: Router, network: Network | None) -> list[str]:
    """The addresses of other members to which this node can send directly on the interface of the virtual IPs, of their version."""
    if network is None:
        return []
    indices = {link.index for link in network.links if link.name == router.virtual_ip_interface}
    subnets = [address.interface.network for address in network.addresses if address.index in indices]
    addresses = router.passed_on_to.values() if _is_apart(router) else router.neighbours
    found = dict.fromkeys(map(without_prefix, addresses))
    return [
        each
        for each in found
        if ip_address(each).version == router.ip_version and any(ip_address(each) in subnet for subnet in subnets)
    ]
