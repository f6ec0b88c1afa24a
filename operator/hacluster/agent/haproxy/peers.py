"""Finds lost nodes within fractions of a second.

`PeerMonitor.run` is started by `agent/run.py`. It asks the kernels of the other nodes for their addresses, by ARP or neighbour
discovery. The servers of a node that no longer answers leave HAProxy's rotation (`lost_servers.py`).

HAProxy's own checks are slow on purpose: they ask Apache, and a busy Apache must not be taken for a dead one. But a request
sent to a lost node hangs until `timeout connect`. The kernel of a living node answers however busy its Apache is, so a missing
answer from the kernel means a lost node. See docs/decisions/0016-lost-nodes-leave-the-backends.md.
"""

import asyncio
import logging
import random

from hacluster.agent.haproxy.lost_servers import LostServers
from hacluster.agent.neighbours.liveness import PERIOD, Liveness, group_places, next_due
from hacluster.agent.neighbours.packet import Claim
from hacluster.agent.neighbours.sockets import NeighbourSockets
from hacluster.agent.neighbours.source import Place, place_of
from hacluster.agent.state import AgentState, Observation
from hacluster.agent.system.network import Network
from hacluster.agent.vrrp.adverts import LastAdverts, ReceivedAdvert
from hacluster.nodeconfig import AgentConfig
from hacluster.timing import SUSPECT_HOLDER, interval_seconds

log = logging.getLogger(__name__)


class PeerMonitor:
    """Finds lost nodes."""

    def __init__(self, state: AgentState, adverts: LastAdverts, servers: LostServers) -> None:
        """`adverts`: a holder whose advertisement is missing is asked at once."""
        self._state, self._adverts, self._servers = state, adverts, servers
        self._by_address: dict[str, Liveness] = {}
        self._places: dict[str, Place] = {}
        self._sockets = NeighbourSockets(self._on_answer)
        self._applied_version = -1
        # The router's name → time of the advertisement after which its holder was suspected.
        self._suspected_at: dict[str, float] = {}
        adverts.subscribe(self._on_advert)

    async def run(self) -> None:
        """Runs until cancelled."""
        try:
            await self._watch_peers()
        finally:
            self._sockets.open_only(())

    async def _watch_peers(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            config = self._state.now.installed
            if config is not None:
                self._apply_config(config, self._state.now)
                self._suspect_silent_holders(config, now)
                self._ask_due(now)
                self._record_lost(config)
            due = min(next_due(self._by_address.values(), now + PERIOD), self._next_suspicion(config, now))
            # At least 2 ms, so that the event loop reads answers that have arrived before the peers are judged again.
            await asyncio.sleep(max(0.002, due - loop.time()))

    def _apply_config(self, config: AgentConfig, seen: Observation) -> None:
        """Opens sockets for the peers of the configuration, on the interfaces with an own address in the peers' subnets."""
        if self._applied_version == self._state.version:
            return
        network = seen.network or Network()
        located = ((address, place_of(address, network, seen.virtual_ips)) for address, *_ in config.peers.values())
        self._places = {address: place for address, place in located if place}
        if self._sockets.open_only(group_places(self._places)):  # otherwise it is tried again in the next round
            self._applied_version = self._state.version
        addresses = {address for (_, _, addresses), _ in self._sockets for address in addresses}
        self._by_address = {address: self._by_address.get(address) or Liveness(random.random()) for address in addresses}  # noqa: S311

    def _on_answer(self, _: str, claim: Claim) -> None:
        """A node is there if it answers: what else it sends arrives also while nothing reaches it."""
        if liveness := self._by_address.get(claim.address):
            now = asyncio.get_running_loop().time()
            if claim.solicited:
                liveness.record_answer(claim.mac, now)
            else:
                liveness.record_sign(now)

    def _on_advert(self, _: str, received: ReceivedAdvert) -> None:
        """A lost node that advertises is back."""
        if self._state.now.lost_nodes and (config := self._state.now.installed):
            for addresses in config.peers.values():
                if received.advert.source in addresses and (liveness := self._by_address.get(addresses[0])):
                    liveness.record_sign(received.at)

    def _suspect_silent_holders(self, config: AgentConfig, now: float) -> None:
        """A holder whose advertisement is missing is asked now, not after the usual period; once for each silence.

        Priority 0 is the holder's own announcement that it stops (RFC 9568, 5.2.4), so silence after it is expected.
        """
        for router in config.routers:
            last, interval = self._adverts.last(router.name), interval_seconds(router)
            if (
                last
                and last.advert.priority
                and now - last.at >= SUSPECT_HOLDER * interval
                and self._suspected_at.get(router.name) != last.at
            ):
                self._suspected_at[router.name] = last.at
                for addresses in config.peers.values():
                    if last.advert.source in addresses and (liveness := self._by_address.get(addresses[0])):
                        liveness.suspect(interval, now)

    def _next_suspicion(self, config: AgentConfig | None, now: float) -> float:
        """When a holder will be suspected next, if it stays silent; at most `PERIOD` from now."""
        due = []
        for router in config.routers if config else ():
            last = self._adverts.last(router.name)
            at = last.at + SUSPECT_HOLDER * interval_seconds(router) if last else 0.0
            if at > now:
                due.append(at)
        return min(due, default=now + PERIOD)

    def _ask_due(self, now: float) -> None:
        """Asks the peers that are due: by unicast while they answer, so that other hosts are not disturbed; else all hosts."""
        for (_, _, addresses), socket in self._sockets:
            for address in addresses:
                liveness, place = self._by_address[address], self._places.get(address)
                if place and liveness.take_due_question(now):
                    socket.ask({address: place.source}, to="" if liveness.gone else liveness.mac)

    def _record_lost(self, config: AgentConfig) -> None:
        before = self._state.now.lost_nodes
        asked = {node: self._by_address.get(address) for node, (address, *_) in config.peers.items()}
        lost = frozenset(node for node, liveness in asked.items() if liveness and liveness.gone)
        self._state.update(lost_nodes=lost)
        for node in sorted(lost - before):
            log.warning("%s is gone: HAProxy sends its servers nothing until their checks pass again", node)
        for node in sorted(before - lost):
            log.info("%s answers again", node)
        self._servers.update(doubted=frozenset(node for node, each in asked.items() if each and each.doubtful), lost=lost)
