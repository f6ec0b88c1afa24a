"""Removes virtual IPs that no keepalived owns.

`OrphanCleanup.run` is started by agent/run.py and never returns; `finish` is called when the agent ends. There are three causes:

- keepalived was killed. It does not remove its virtual IPs, and after a while another node takes over. If this node was the holder, the
  agent sends the final advertisement in keepalived's place, so that the other node takes over at once, and goes on answering for the
  addresses until it does. If only the process that runs VRRP was killed, its parent starts another one, which removes them.
- keepalived is stopped (SIGSTOP, a debugger): another node takes over, and this one does not notice.
- The resource does not name the address any more, and keepalived was killed before it could remove it (remembered.py).

Otherwise two nodes would answer for the same address.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Final, NamedTuple, Protocol

from hacluster.agent.keepalived.remembered import RememberedAddresses
from hacluster.agent.state import AgentState, held_virtual_ips, holds
from hacluster.agent.system import processes
from hacluster.agent.system.netlink import delete_address, read_network
from hacluster.agent.system.network import Address, Network, without_prefix
from hacluster.agent.vrrp.adverts import LastAdverts, ReceivedAdvert
from hacluster.api.status import VrrpState
from hacluster.nodeconfig import Router
from hacluster.timing import STILL_HOLDER, TAKEOVER, interval_seconds

log = logging.getLogger(__name__)

_POLL: Final = 0.1
_NOT_MASTER: Final = 2
"""Advertisement intervals in which a keepalived that has just started is certainly not Master: it waits for three."""
_FINISH_DEADLINE: Final = 1.0
"""Seconds that a keepalived which is ending has before the last cleanup."""


def orphans(network: Network, virtual_ips: Collection[str]) -> tuple[Address, ...]:
    """The addresses to remove when no process owns them: every virtual IP of the resource, on any interface."""
    return tuple(address for address in network.addresses if address.text in virtual_ips)


class Owner(Protocol):
    """The program that owns the virtual IPs: `Keepalived`, or a fake in tests."""

    def owners(self) -> tuple[int, ...]:
        """Ids of the processes that may own virtual IPs; empty when there is none."""

    def stopped(self) -> bool:
        """Whether there are owners, and all are stopped."""


Resign = Callable[[Router, Network], bool]
"""Sends the final advertisement for a router; returns whether it was sent."""


class _Kept(NamedTuple):
    """A router whose addresses stay without an owner: since the final advertisement, and until when (seconds of the event loop)."""

    since: float
    until: float


class OrphanCleanup:
    """Notices the end of keepalived at once and removes the addresses that it left."""

    def __init__(
        self,
        state: AgentState,
        owner: Owner,
        adverts: LastAdverts,
        remembered: RememberedAddresses,
        resign: Resign,
        *,
        read: Callable[[], Network] = read_network,
        delete: Callable[[Address], None] = delete_address,
    ) -> None:
        self._state, self._owner, self._adverts, self._remembered = state, owner, adverts, remembered
        self._resign, self._read, self._delete = resign, read, delete
        self._owners: frozenset[int] = frozenset()
        self._kept: dict[str, _Kept] = {}
        adverts.subscribe(self._on_advert)

    async def run(self) -> None:
        """Runs until cancelled: removes orphans whenever no process owns the virtual IPs, and records whether one does."""
        loop = asyncio.get_running_loop()
        while True:
            before, owners = self._owners, self._owner.owners()
            self._owners = frozenset(owners)
            if before and before.isdisjoint(owners):
                self._resign_all(loop.time())
            if owners and before != self._owners:
                self._limit_kept(loop.time())
            if not owners:
                self.sweep()
            self._state.update(keepalived=bool(owners))
            self._remove_unnamed(loop.time())
            if owners:
                await processes.any_ends(owners, within=_POLL)
            else:
                await self._state.wait_for_change(self._state.version, _POLL)

    def sweep(self) -> None:
        """Removes the virtual IPs that no process owns, except those that stay until another node takes over.

        It checks again for an owner after it has listed the addresses. A keepalived that has just started removes left-over
        addresses itself, and cannot add one again in the few microseconds between this check and the removal.
        """
        for address in orphans(self._read(), (self._state.now.virtual_ips | self._remembered.all) - self._kept_addresses()):
            if self._owner.owners():
                return
            self._delete(address)
            log.warning("removed %s: no keepalived owns it", address.interface)

    async def finish(self) -> None:
        """The last cleanup, when the agent ends: waits up to a second for keepalived's end, and then removes orphans."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _FINISH_DEADLINE
        while (owners := self._owner.owners()) and loop.time() < until:
            await processes.any_ends(owners, within=until - loop.time())
        self._kept.clear()
        self._state.update(keepalived=bool(owners))
        self.sweep()
        self._state.update(network=self._read())

    # ── keepalived was killed ─────────────────────────────────────────────────────────────────────────────────────────

    def _resign_all(self, now: float) -> None:
        """Sends the final advertisement of each router that this node holds: keepalived has just ended.

        Only the holder may do that. Whoever had the address before the agent saw keepalived run, and whoever hears another holder, is
        none: priority 0 would make the backups take over from a living one.
        """
        present = self._read()
        for router in self._routers():
            network = present if holds(router, present) else self._before_removal(router)
            if network and not self._has_other_holder(router, network, now) and self._resign(router, present):
                self._kept[router.name] = _Kept(now, now + TAKEOVER * interval_seconds(router))
                log.warning("router %s: keepalived has ended; the final advertisement was sent in its place", router.name)

    def _before_removal(self, router: Router) -> Network | None:
        """The addresses that this node had as Master a moment ago; None where it was not, or keepalived has given them up itself.

        keepalived's parent process replaces a VRRP process that was killed at once, and the new one removes the addresses.
        """
        instance = self._state.now.instances.get(router.name)
        was_master = instance is not None and instance.state is VrrpState.MASTER
        return self._state.now.network if was_master and self._owners and holds(router, self._state.now.network) else None

    def _limit_kept(self, now: float) -> None:
        """There is a new keepalived: as long as it cannot be Master, what it finds is still the old one's."""
        intervals = {router.name: interval_seconds(router) for router in self._routers()}
        self._kept = {
            name: kept._replace(until=min(kept.until, now + _NOT_MASTER * intervals.get(name, 0.0)))
            for name, kept in self._kept.items()
        }

    def _has_other_holder(self, router: Router, network: Network, now: float) -> bool:
        """Whether another member has advertised lately, and after this node got the addresses.

        The previous holder's advertisements may arrive up to an interval after that.
        """
        last = self._adverts.last(router.name)
        if last is None or not last.advert.priority:
            return False
        interval = max(interval_seconds(router), last.advert.interval_ms / 1000)
        since = max((self._state.now.present_since.get(each, now) for each in held_virtual_ips(router, network)), default=0.0)
        return now - last.at < STILL_HOLDER * interval and last.at > since + interval

    def _kept_addresses(self) -> frozenset[str]:
        """The virtual IPs of the routers for which another node is to take over any moment."""
        now = asyncio.get_running_loop().time() if self._kept else 0.0
        self._kept = {name: kept for name, kept in self._kept.items() if now < kept.until}
        kept = [router for router in self._routers() if router.name in self._kept]
        return frozenset(without_prefix(address) for router in kept for address in router.virtual_ips)

    # ── another node is the holder ────────────────────────────────────────────────────────────────────────────────────

    def _on_advert(self, name: str, received: ReceivedAdvert) -> None:
        """Another member advertises: what no keepalived, or only a stopped one, holds here is removed before the next packet is read."""
        if not received.advert.priority:
            return
        router, now = next((each for each in self._routers() if each.name == name), None), asyncio.get_running_loop().time()
        if kept := self._kept.get(name):
            if received.at < kept.since:
                return  # the holder before this node sent it
            del self._kept[name]
            if router and self._owners and now < kept.until:
                self._remove_left(router, received)
            self.sweep()
            return
        network = self._state.now.network
        if (
            router
            and network
            and holds(router, network)
            and self._owner.stopped()
            and self._has_other_holder(router, network, now)
        ):
            for address in orphans(self._read(), held_virtual_ips(router, network)):
                self._delete(address)
                log.warning("removed %s: keepalived is stopped, and %s has taken over", address.interface, received.advert.source)

    def _remove_left(self, router: Router, received: ReceivedAdvert) -> None:
        """What a killed keepalived has left, and its successor has not removed yet."""
        for address in orphans(self._read(), frozenset(map(without_prefix, router.virtual_ips))):
            self._delete(address)
            log.warning(
                "removed %s: %s has taken over from a keepalived that was killed", address.interface, received.advert.source
            )

    # ── the resource names it no more ─────────────────────────────────────────────────────────────────────────────────

    def _remove_unnamed(self, now: float) -> None:
        seen = self._state.now
        if seen.network is None:
            return
        present = frozenset(address.text for address in seen.network.addresses)
        if unnamed := self._remembered.update(seen.virtual_ips, present, now):
            for address in orphans(self._read(), unnamed):
                self._delete(address)
                log.warning("removed %s: the resource does not name it any more", address.interface)

    def _routers(self) -> tuple[Router, ...]:
        config = self._state.now.installed
        return config.routers if config else ()
