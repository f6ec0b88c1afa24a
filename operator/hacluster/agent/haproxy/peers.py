"""Takes lost nodes out of HAProxy's backends within fractions of a second.

HAProxy's checks are slow on purpose: they ask Apache, and a busy one must not lose its turn. A node that is gone is another
matter: its requests would hang until `timeout connect`. Its kernel answers no question any more, which is found out here.
"""

import asyncio
import contextlib
import logging
from typing import Final

from hacluster.agent.haproxy.commands import SERVERS, ask, cut_off, parse_servers, take_down
from hacluster.agent.neighbours.liveness import PERIOD, Liveness, next_due, places
from hacluster.agent.neighbours.packet import Claim
from hacluster.agent.neighbours.sockets import NeighbourSockets
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.agent.system.network import Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.nodeconfig import AgentConfig
from hacluster.timing import SUSPECT_HOLDER, interval_seconds

log = logging.getLogger(__name__)

_AGAIN: Final = 1.0
"""Seconds: a HAProxy that was loaded anew believes at first that everybody is there."""
_GRACE: Final = 2.0
"""Seconds until what waits for a lost node is ended. Connections that were just being made have found another server by then."""
_DEADLINE: Final = 1.0


class PeerMonitor:
    """The part."""

    def __init__(self, paths: Paths, state: AgentState, adverts: LastAdverts) -> None:
        self._paths, self._state, self._adverts = paths, state, adverts
        self._by_address: dict[str, Liveness] = {}
        self._ears = NeighbourSockets(self._heard)
        self._gone: dict[str, float] = {}
        self._followed = -1
        self._doubted: dict[str, float] = {}
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Never returns."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch())
                group.create_task(self._tell())
        finally:
            self._ears.follow(())

    # ── who is there ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            config = self._state.now.installed
            if config is not None:
                self._follow(config, self._state.now.network or Network())
                self._doubt(config, now)
                self._ask(now)
                self._judge(config, now)
            due = min(next_due(self._by_address.values(), now + PERIOD), self._next_doubt(config, now))
            # Answers come in between; they are read before the next look.
            await asyncio.sleep(max(0.002, due - loop.time()))

    def _follow(self, config: AgentConfig, network: Network) -> None:
        """Asks whom the configuration names, where the network has them."""
        if self._followed == self._state.version:
            return
        wanted = places(config, network)
        if self._ears.follow(wanted):  # else again at the next look
            self._followed = self._state.version
        addresses = {address for (_, _, addresses), _ in self._ears for address in addresses}
        self._by_address = {address: self._by_address.get(address) or Liveness() for address in addresses}

    def _heard(self, _: str, claim: Claim) -> None:
        if liveness := self._by_address.get(claim.address):
            liveness.hear(claim.mac, asyncio.get_running_loop().time())

    def _doubt(self, config: AgentConfig, now: float) -> None:
        """The holder of an address has not said so for a while."""
        for router in config.routers:
            heard, interval = self._adverts.last(router.name), interval_seconds(router)
            if (
                heard
                and heard.advert.priority
                and now - heard.at >= SUSPECT_HOLDER * interval
                and self._doubted.get(router.name) != heard.at
            ):
                self._doubted[router.name] = heard.at
                for addresses in config.peers.values():
                    if heard.advert.source in addresses and (liveness := self._by_address.get(addresses[0])):
                        liveness.doubt(interval, now)

    def _next_doubt(self, config: AgentConfig | None, now: float) -> float:
        due = []
        for router in config.routers if config else ():
            heard = self._adverts.last(router.name)
            at = heard.at + SUSPECT_HOLDER * interval_seconds(router) if heard else 0.0
            if at > now:
                due.append(at)
        return min(due, default=now + PERIOD)

    def _ask(self, now: float) -> None:
        for (_, _, addresses), ear in self._ears:
            for address in addresses:
                liveness = self._by_address[address]
                if liveness.step(now):
                    ear.ask([address], to="" if liveness.gone else liveness.mac)

    def _judge(self, config: AgentConfig, now: float) -> None:
        before = self._gone
        gone = [server for server, (address, *_) in config.peers.items() if self._is_gone(address)]
        self._gone = {server: before.get(server, now) for server in gone}
        for server in self._gone.keys() - before.keys():
            log.warning("%s is gone: HAProxy sends it nothing until its checks pass again", server)
            self._news.set()
        for server in before.keys() - self._gone.keys():
            log.info("%s is there again", server)

    def _is_gone(self, address: str) -> bool:
        found = self._by_address.get(address)
        return found is not None and found.gone

    # ── what HAProxy is told ──────────────────────────────────────────────────────────────────────────────────────────

    async def _tell(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN if self._gone else None):
                    await self._news.wait()
            self._news.clear()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_DEADLINE):
                    await self._tell_once()

    async def _tell_once(self) -> None:
        config = self._state.now.installed
        if config is None or not self._gone:
            return
        now = asyncio.get_running_loop().time()
        late = [server for server, since in self._gone.items() if _GRACE <= now - since < _GRACE + 2 * _AGAIN]
        servers = parse_servers(await ask(self._paths.haproxy_admin, SERVERS))
        commands = take_down(servers, config.backends, self._gone) + cut_off(servers, config.backends, late)
        if commands:
            said = await ask(self._paths.haproxy_admin, ";".join(commands))
            if said.strip():
                log.warning("HAProxy said: %s", said.strip())
