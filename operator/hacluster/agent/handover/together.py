"""Decides which virtual routers this node has to yield because one that moves with them cannot be here (`moveWith`).

keepalived would do this with a sync group, which ignores the weights by which this product moves virtual IPs, and takes all of them
away where one cannot run anywhere (docs/decisions/0042-move-with.md). All nodes have the same priorities for all routers of a set, so
elections end alike; two things are left for the agent:

- A router is in FAULT here, such as one whose interface has lost its link: the others of its set yield. Where no other node can have
  the whole set, they stay. Without preemption a node has to give them up for a moment to find that out, each node once: a node whose link
  is lost does not hear whether another one has the router in FAULT.
- Without preemption, nothing brings routers together again that have come apart: the node that holds a follower alone yields it once.
"""

from collections.abc import Mapping
from typing import Final

from hacluster.agent.handover.yielding import takeover_timeout
from hacluster.agent.state import AgentState, holds
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.api.status import VrrpState
from hacluster.nodeconfig import Router
from hacluster.timing import FAULT_PULSE, SERVES, interval_seconds

_SETTLE: Final = 1
"""Advertisement intervals for which a router has to be in FAULT: after a reload, keepalived may report FAULT for a moment."""


class Together:
    """The decisions of one node. Times are seconds of a monotonic clock."""

    def __init__(self, state: AgentState, adverts: LastAdverts) -> None:
        self._state, self._adverts = state, adverts
        self._faulty_since: dict[str, float] = {}
        self._flagged_at: dict[str, float] = {}
        """When the router's yield file contained 1 last. Without preemption that is FAULT, too, and says nothing about the node."""
        self._apart_since: dict[str, float] = {}
        self._tried: dict[str, str] = {}
        """Follower that was given up once → who held the leader then."""
        self._until: dict[str, float] = {}
        """Follower → when giving it up ends."""

    def update(self, flagged: Mapping[str, bool], now: float) -> frozenset[str]:
        """The routers to yield. `flagged`: of each router, whether its yield file contains 1 now."""
        installed = self._state.now.installed
        routers = {router.name: router for router in installed.routers} if installed else {}
        self._flagged_at |= {name: now for name, is_flagged in flagged.items() if is_flagged}
        unable = {name for name, router in routers.items() if router.moves_with and self._is_unable(router, now)}
        given_up = {name for name, router in routers.items() if self._gives_up(router, routers, now)}
        return frozenset(given_up | {name for name, router in routers.items() if unable & {*router.moves_with}})

    def _is_unable(self, router: Router, now: float) -> bool:
        """Whether the router has been in FAULT for a while, and not because this node yields it."""
        instance = self._state.now.instances.get(router.name)
        told = not router.preempts and now - self._flagged_at.get(router.name, -now) < takeover_timeout(router)
        if instance is None or instance.state is not VrrpState.FAULT or told:
            self._faulty_since.pop(router.name, None)
            return False
        return now - self._faulty_since.setdefault(router.name, now) >= _SETTLE * interval_seconds(router)

    def _gives_up(self, router: Router, routers: Mapping[str, Router], now: float) -> bool:
        """Without preemption: whether this node gives a follower up, because another one has had the leader for longer than a move takes.

        It tries that once for each holder of the leader: where the next node is not that one, trying again would move it round in circles.
        """
        leader = routers.get(router.follows)
        if leader is None or router.preempts:
            return False
        holder = self._holder(leader, now)
        if not holder or not holds(router, self._state.now.network):
            self._apart_since.pop(router.name, None)
        elif self._tried.get(router.name) != holder and self._lasts(router, now):
            self._tried[router.name] = holder
            self._until[router.name] = now + FAULT_PULSE * interval_seconds(router)
        return now < self._until.get(router.name, now)

    def _lasts(self, router: Router, now: float) -> bool:
        return now - self._apart_since.setdefault(router.name, now) >= takeover_timeout(router)

    def _holder(self, router: Router, now: float) -> str:
        """The address from which another node advertises the router; empty: this node holds it, or nobody does."""
        last = self._adverts.last(router.name)
        heard = last is not None and last.advert.priority > 0 and now - last.at < SERVES * interval_seconds(router)
        return last.advert.source if last and heard and not holds(router, self._state.now.network) else ""
