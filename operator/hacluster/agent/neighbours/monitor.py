"""Keeps a lookout while the node runs: reports who does not belong on the segment, and who else claims an address held here."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Final

from hacluster.agent.neighbours.conflicts import Conflicts
from hacluster.agent.neighbours.packet import Claim
from hacluster.agent.neighbours.sockets import NeighbourSockets
from hacluster.agent.state import AgentState, Observation
from hacluster.agent.system.network import Network, Place
from hacluster.agent.vrrp.anomalies import Anomalies
from hacluster.agent.vrrp.membership import Key, WatchedRouter, watched_routers

log = logging.getLogger(__name__)

PART: Final = "lookout"
_POLL: Final = 0.5
_ASK_EVERY: Final = 10.0
"""Seconds. A station that has the address already says so to those only who ask."""


class SegmentMonitor:
    """The part."""

    def __init__(self, state: AgentState, anomalies: Anomalies) -> None:
        self._state, self._anomalies, self._conflicts = state, anomalies, Conflicts()
        self._ears = NeighbourSockets(self._heard)
        self._asked: dict[tuple[str, str], float] = {}

    async def run(self) -> None:
        """Never returns."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                version = self._state.version
                self._look(self._state.now, loop.time())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_POLL):
                        await self._state.changed_since(version)
        finally:
            self._ears.follow(())

    def _look(self, seen: Observation, now: float) -> None:
        routers, network = watched_routers(seen.installed, seen.offered), seen.network or Network()
        self._ears.follow(places(routers, network))
        held = {(name, address) for (_, name, addresses), _ in self._ears for address in addresses & network.on(name)}
        self._conflicts.hold(held, now)
        self._ask(now)
        problems = *self._anomalies.problems(routers, now), *self._conflicts.problems(now)
        if problems != seen.problems.get(PART, ()):
            for problem in problems:
                log.warning("%s: %s", problem.reason, problem.message)
        self._state.put_problems(PART, *problems)

    def _ask(self, now: float) -> None:
        settled = set(self._conflicts.settled(now))
        self._asked = {which: at for which, at in self._asked.items() if which in settled}
        for (_, name, addresses), ear in self._ears:
            due = [
                each for each in addresses if (name, each) in settled and now - self._asked.get((name, each), 0.0) >= _ASK_EVERY
            ]
            ear.ask(due)
            self._asked.update(dict.fromkeys(((name, each) for each in due), now))

    def _heard(self, interface: str, claim: Claim) -> None:
        network = self._state.now.network or Network()
        if claim.mac not in network.macs:
            self._conflicts.claim(interface, claim.address, claim.mac, asyncio.get_running_loop().time())


def places(routers: Mapping[Key, WatchedRouter], network: Network) -> set[Place]:
    """Where to listen: the routers' interfaces, as far as they exist, for their virtual IPs."""
    found: dict[tuple[int, str], frozenset[str]] = {}
    for router in routers.values():
        for link in network.links:
            if link.name == router.router.interface:
                which = link.index, link.name
                found[which] = found.get(which, frozenset()) | router.addresses
    return {(index, name, addresses) for (index, name), addresses in found.items()}
