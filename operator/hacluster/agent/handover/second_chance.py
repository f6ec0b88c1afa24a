"""Keeps the kernel's forwarding equal to the configuration, and the earlier holders in it current.

`SecondChance.run` is started by `agent/run.py`. It reads the configuration and the node's addresses from the agent's state, and gets every
VRRP advertisement of another member from `LastAdverts`. In every round, at least three times a second, it compares the kernel's rules,
routes and tables with what they have to be, and repairs and reports what another program removed.

- While this node is a backup, it writes the senders of the last advertisements into the kernel, as holders to which packets of
  unknown connections are passed on. The entries are there before this node takes over, so nothing has to be done in time then.
- When this node has taken over, it keeps only those holders that are still alive. The connections of a dead one are reset at
  once, so that clients can connect again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from hacluster.agent.handover.earlier_holders import (
    Candidate,
    EarlierHolders,
    Key,
    Members,
    inherit,
    key_of,
    receivers,
)
from hacluster.agent.handover.forwarding import Forwarding, make_forwarding
from hacluster.agent.handover.netfilter import Netfilter
from hacluster.agent.handover.policy_routes import PolicyRoutes
from hacluster.agent.handover.repairs import Failures, Part, Repairs
from hacluster.agent.handover.tables import Holders, Refused, Tables
from hacluster.agent.handover.tracked_ports import TrackedPorts
from hacluster.agent.neighbours.sockets import is_alive
from hacluster.agent.state import AgentState, holds
from hacluster.agent.system.backoff import Backoff
from hacluster.agent.vrrp.adverts import LastAdverts, ReceivedAdvert
from hacluster.nodeconfig import Router
from hacluster.timing import ALIVE_AT_MOVE, interval_seconds

log = logging.getLogger(__name__)

PART: Final = "secondChance"
"""Under this key the problems of this module are stored in the agent's state."""
_POLL: Final = 0.3
"""Seconds: the longest time between two rounds, and so until something that another program removed is back."""
_FORGET_EVERY: Final = 10.0
"""Seconds between two looks for connections that have ended (`Tables.forget_ended`)."""

Ask = Callable[[str, str], Awaitable[bool]]
"""Takes an interface and an address; returns whether a host on that segment answers for the address (ARP, neighbour discovery)."""


class SecondChance:
    """Installs the forwarding, keeps it, and updates the earlier holders."""

    def __init__(
        self,
        state: AgentState,
        adverts: LastAdverts,
        record: Path,
        *,
        ask: Ask = is_alive,
        netfilter: Netfilter | None = None,
        policy_routes: PolicyRoutes | None = None,
    ) -> None:
        """`record`: see `tables.py`. The last three are replaced in tests."""
        self._state, self._ask = state, ask
        self._tables = Tables(record, netfilter)
        self._policy_routes = policy_routes or PolicyRoutes()
        self._routers: dict[Key, EarlierHolders] = {}
        """By name and IP version: a router whose virtual IPs are of the other version now has other senders."""
        self._forwarding: Forwarding | None = None
        self._cleared = False
        self._repairs, self._failures = Repairs(), Failures()
        self._backoff, self._retry_at = Backoff(first=0.5, most=10.0), 0.0
        self._members = Members()
        self._pending: set[int] = set()
        """Routers whose earlier holders have to be written."""
        self._due = asyncio.Event()
        """Set when a round is due at once."""
        self.tracked_ports = TrackedPorts(self._due.set)
        self._forget_at = 0.0
        adverts.subscribe(self._on_advert)
        adverts.subscribe_unheard(self._on_advert)

    async def run(self) -> None:
        """Runs until cancelled: one round at every change of the state, when another member begins to advertise, and every 0.3 s."""
        while True:
            version = self._state.version
            self._due.clear()
            await self._round()
            self.tracked_ports.end_round()
            await self._wait_for_change(version)

    async def finish(self) -> None:
        """Removes routes and rules from the kernel. The agent calls it when it ends: no other agent may follow on this node."""
        if self._forwarding is not None:
            await self._remove(self._forwarding)

    def _on_advert(self, name: str, received: ReceivedAdvert) -> None:
        """Starts a round at once when the holder has changed: this node may be the next one to take over. Or when there are two."""
        source, router = received.advert.source, self._state.now.router(name)
        earlier = self._routers.setdefault((name, ip_address(source).version), EarlierHolders(asyncio.get_running_loop().time()))
        changed = earlier.add_advert(receivers(router, source), received.at)
        drain = self._forwarding.config.drain_seconds if self._forwarding else 0.0
        if earlier.other_holders(drain) if earlier.holder else changed:
            self._due.set()

    async def _wait_for_change(self, version: int) -> None:
        causes = set(map(asyncio.ensure_future, (self._due.wait(), self._state.wait_for_change(version))))
        await asyncio.wait(causes, timeout=_POLL, return_when=asyncio.FIRST_COMPLETED)
        for each in causes:
            each.cancel()

    # ── the kernel ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _round(self) -> None:
        """Compares and repairs once."""
        loop = asyncio.get_running_loop()
        config = self._state.now.installed
        tracked = self.tracked_ports.begin_round(config, self._state.now.virtual_ips)
        before, self._forwarding = self._forwarding, make_forwarding(config, self._state.now.network, tracked)
        if self._forwarding == before:
            self._forwarding = before  # the same object, so that later comparisons cost nothing
        if self._forwarding is None:
            if config is not None and self._state.now.network is not None and not self._cleared:
                await self._remove(before or Forwarding(config))
            return
        self._cleared = False
        if self._forwarding != before:
            inherit(self._routers, before.config.routers if before else (), self._forwarding.config.routers)
            self._retry_at = 0.0  # what failed before may succeed with other interfaces or another configuration
            self._pending = set()  # the positions of routers may be others now; new tables get all entries
        self._pending |= await self._update_holders(self._forwarding)
        vanished = self._ensure_routes(self._forwarding)
        if loop.time() >= self._retry_at and await self._ensure_tables(self._forwarding, loop.time()):
            vanished.add(Part.TABLES)
        if vanished:
            log.warning("put back what another program had removed: %s", ", ".join(sorted(part.text for part in vanished)))
            self._repairs.record(vanished, loop.time())
        self._report(loop.time())

    def _ensure_routes(self, forwarding: Forwarding) -> set[Part]:
        """Makes the kernel's policy rules and routes right. Returns what had vanished."""
        try:
            vanished = self._policy_routes.ensure(forwarding)
        except OSError as error:
            self._failures.set("policy routes", f"policy routes: {error}")
            return set()
        self._failures.set("policy routes", "")
        return vanished

    async def _ensure_tables(self, forwarding: Forwarding, now: float) -> bool:
        """Makes the nftables tables right; a refusal is followed by a delay, which grows. Returns whether they had vanished."""
        try:
            vanished = await self._tables.ensure(
                forwarding, self._holders(forwarding, now), self._pending, self._held(forwarding)
            )
            if now >= self._forget_at:
                self._forget_at = now + _FORGET_EVERY
                await self._tables.forget_ended(forwarding)
        except (Refused, OSError) as error:
            self._failures.set("tables", str(error))
            self._retry_at = now + self._backoff.next()
            return False
        self._failures.set("tables", "")
        self._backoff.reset()
        self._pending = set()
        return vanished

    async def _remove(self, forwarding: Forwarding) -> None:
        """Removes everything from the kernel. What cannot be removed is logged."""
        try:
            self._policy_routes.remove(forwarding)
            await self._tables.remove(forwarding)
        except (Refused, OSError) as error:
            log.warning("cannot remove the forwarding: %s", error)
        self._cleared, self._failures, self._pending = True, Failures(), set()
        for earlier in self._routers.values():
            earlier.entries = ()
        self._state.put_problems(PART)

    def _report(self, now: float) -> None:
        self._state.put_problems(PART, *self._failures.problems(), *self._repairs.problems(now))

    # ── the earlier holders ───────────────────────────────────────────────────────────────────────────────────────────

    def _holders(self, forwarding: Forwarding, now: float) -> dict[int, Holders]:
        """The earlier holders that have to be in the kernel, by the position of their router."""
        known = ((index, self._routers.get(key_of(router))) for index, router in forwarding.present)
        return {index: earlier.remaining(now) for index, earlier in known if earlier is not None}

    def _held(self, forwarding: Forwarding) -> set[int]:
        """The positions of the routers whose virtual IPs this node has."""
        return {index for index, router in forwarding.present if holds(router, self._state.now.network)}

    async def _update_holders(self, forwarding: Forwarding) -> set[int]:
        """Brings the entries of all routers up to date; returns the positions of those that have to be written."""
        routers = forwarding.present
        changed = await asyncio.gather(*(self._update_router(router, forwarding.config.drain_seconds) for _, router in routers))
        return {index for (index, _), has_changed in zip(routers, changed, strict=True) if has_changed}

    async def _update_router(self, router: Router, drain: float) -> bool:
        """A backup renews the holders; a node that has just taken over checks them. Returns whether the entries changed."""
        now = asyncio.get_running_loop().time()
        earlier = self._routers.setdefault(key_of(router), EarlierHolders(now))
        was_holder, earlier.holder = earlier.holder, holds(router, self._state.now.network)
        candidates = earlier.candidates(self._members.of(router, self._state.now.network, self._state.version), drain, now)
        if not earlier.holder:
            return earlier.renew(candidates, now)
        # A restarted agent leaves the entries that its predecessor has written.
        if was_holder is False or (was_holder is None and not self._tables.loaded):
            earlier.held_since = now
            await self._take_over(router, earlier, candidates, drain)
            return True
        return self._add_other_holders(router, earlier, drain, now)

    def _add_other_holders(self, router: Router, earlier: EarlierHolders, drain: float, now: float) -> bool:
        """While this node stays the holder, others that advertise are added. Returns whether the entries changed."""
        before = earlier.entries
        if new := earlier.add_other_holders(drain, now):
            log.info(
                "router %s: %s advertises as well: packets of its connections are passed on to it", router.name, ", ".join(new)
            )
        return earlier.entries != before

    async def _take_over(self, router: Router, earlier: EarlierHolders, candidates: list[Candidate], drain: float) -> None:
        """Keeps the entries of living holders for the drain, and removes those of dead ones."""
        # While the holders are asked, the backup's entries stay in the kernel: packets are passed on to all of them.
        answers = await asyncio.gather(*(self._is_alive(router, each) for each in candidates))
        alive = [each for each, answered in zip(candidates, answers, strict=True) if answered]
        earlier.take_over(alive, drain, asyncio.get_running_loop().time())
        log.info(
            "router %s: open connections %s",
            router.name,
            f"are passed on to {', '.join(each.address for each in alive)} for {drain:g} s at most"
            if alive
            else "are reset: no earlier holder is alive",
        )

    async def _is_alive(self, router: Router, holder: Candidate) -> bool:
        """Whether the earlier holder still serves its connections.

        One that advertised until the move was alive then. One that was silent has either lost only its keepalived and still serves, or
        it is a lost node: ARP or neighbour discovery decides.
        """
        advertised = holder.silent is not None and holder.silent <= ALIVE_AT_MOVE * interval_seconds(router)
        return advertised or await self._ask(router.virtual_ip_interface, holder.address)
