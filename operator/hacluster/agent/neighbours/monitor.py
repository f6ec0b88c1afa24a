"""Watches the segment while the node runs: reports foreign VRRP routers, and other hosts that claim a virtual IP held here.

`SegmentMonitor.run` is started by agent/run.py and never returns. It asks for the held virtual IPs from time to time: a host that
has had an address for a while announces it no more, but answers a question.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from hacluster.agent.neighbours.conflicts import Conflicts
from hacluster.agent.neighbours.packet import Claim
from hacluster.agent.neighbours.sockets import NeighbourSockets
from hacluster.agent.neighbours.source import own_source
from hacluster.agent.state import AgentState, Observation
from hacluster.agent.system.network import Network, WatchedInterface, group_by_interface
from hacluster.agent.vrrp.anomalies import Anomalies
from hacluster.agent.vrrp.membership import Key, WatchedRouter, watched_routers

log = logging.getLogger(__name__)

PART: Final = "neighbours"
_POLL: Final = 0.5
"""Seconds between two checks while nothing changes: problems begin and end by time as well."""
_ASK_EVERY: Final = 10.0
"""Seconds between two questions for a held address."""
_ASK_AGAIN: Final = 0.5
"""The same while another host has claimed it once."""


class SegmentMonitor:
    """Keeps the sockets, the conflicts and the reported problems equal to the node's present state."""

    def __init__(self, state: AgentState, anomalies: Anomalies) -> None:
        self._state, self._anomalies, self._conflicts = state, anomalies, Conflicts()
        self._sockets = NeighbourSockets(self._on_claim)
        self._asked: dict[tuple[str, str], float] = {}

    async def run(self) -> None:
        """Runs until cancelled: checks at every change of the state, and every half second."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                version = self._state.version
                self._check(self._state.now, loop.time())
                await self._state.wait_for_change(version, _POLL)
        finally:
            self._sockets.open_only(())

    def _check(self, seen: Observation, now: float) -> None:
        routers, network = watched_routers(seen.installed, seen.offered), seen.network or Network()
        self._sockets.open_only(_places(routers, network))
        held = {(name, address) for (_, name, addresses), _ in self._sockets for address in addresses & network.on(name)}
        self._conflicts.set_held(held, now)
        self._ask(seen, now)
        problems = *self._anomalies.problems(routers, now), *self._conflicts.problems(now)
        if problems != seen.problems.get(PART, ()):
            for problem in problems:
                log.warning("%s: %s", problem.reason, problem.message)
        self._state.put_problems(PART, *problems)

    def _ask(self, seen: Observation, now: float) -> None:
        """Asks for each settled address when its time has come. The answers arrive at `_on_claim`."""
        settled, network = set(self._conflicts.settled(now)), seen.network or Network()
        doubtful = self._conflicts.doubtful(now)
        self._asked = {which: at for which, at in self._asked.items() if which in settled}
        for (index, name, addresses), opened in self._sockets:
            due = [
                each
                for each in addresses
                if (name, each) in settled
                and now - self._asked.get((name, each), 0.0) >= (_ASK_AGAIN if (name, each) in doubtful else _ASK_EVERY)
            ]
            sources = {each: own_source(each, index, network, seen.virtual_ips) for each in due}
            opened.ask({address: source for address, source in sources.items() if source})
            self._asked.update(dict.fromkeys(((name, each) for each in due), now))

    def _on_claim(self, interface: str, claim: Claim) -> None:
        network = self._state.now.network or Network()
        if claim.mac not in network.macs:
            now = asyncio.get_running_loop().time()
            self._conflicts.record_claim(interface, claim.address, claim.mac, now, solicited=claim.solicited)


def _places(routers: Mapping[Key, WatchedRouter], network: Network) -> set[WatchedInterface]:
    """The interfaces of the virtual IPs, as far as they exist, each with the virtual IPs to watch on it."""
    return group_by_interface(
        ((link.index, link.name), router.addresses)
        for router in routers.values()
        for link in network.links
        if link.name == router.router.virtual_ip_interface
    )
