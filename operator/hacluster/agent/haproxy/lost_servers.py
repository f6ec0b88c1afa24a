"""Takes the servers of lost nodes out of HAProxy's rotation.

`peers.py` says which nodes are lost. Their servers are the Apaches on them, those endpoints of Services that the EndpointSlices place
there, and the user's own servers with an address of such a node. They are set to "down" through HAProxy's runtime API (`commands.py`),
and HAProxy's own checks bring them back. Why, and where it holds back: docs/decisions/0016-lost-nodes-leave-the-backends.md.
"""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from hacluster.agent.haproxy.commands import (
    SERVERS,
    Servers,
    ask,
    in_rotation,
    parse_addresses,
    parse_servers,
    shut_down_sessions,
    take_down,
)
from hacluster.agent.haproxy.endpoint_lines import EndpointLines
from hacluster.agent.haproxy.endpoint_probes import EndpointProbes, Place
from hacluster.agent.paths import Paths
from hacluster.agent.services.commands import in_lines
from hacluster.agent.state import AgentState
from hacluster.nodeconfig import AgentConfig

log = logging.getLogger(__name__)

_REPEAT: Final = 1.0
"""Seconds after which the commands are sent again while a node is lost: a reloaded HAProxy starts with all servers up."""
_GRACE: Final = 2.0
"""Seconds between the loss of a node and the end of its sessions. By then, connections that were just being made have found another
server; ended earlier, their clients would get a 503."""
_DEADLINE: Final = 1.0
"""Seconds for one exchange with HAProxy."""


class Placed(NamedTuple):
    """Where a server is."""

    place: Place
    node: str


_ByProxy = Mapping[str, Mapping[str, Placed]]
"""Proxy → server → where it is."""


class LostServers:
    """Takes the servers of lost nodes down, for as long as the nodes are lost."""

    def __init__(self, paths: Paths, state: AgentState, lines: EndpointLines) -> None:
        self._paths, self._state, self._lines = paths, state, lines
        self._lost_since: dict[str, float] = {}  # node → seconds of the monotonic clock
        self._doubted: frozenset[str] = frozenset()
        self._probes = EndpointProbes()
        self._due = asyncio.Event()

    def update(self, *, doubted: frozenset[str], lost: frozenset[str]) -> None:
        """Which nodes have just left a question unanswered, and which ones are lost.

        The endpoints of a doubted node are asked at once, so that it is known whether they answer when the node counts as lost.
        """
        now = asyncio.get_running_loop().time()
        if new := doubted - self._doubted:
            self._probes.start(self._places(new))
        self._doubted = doubted
        if new := lost - self._lost_since.keys():
            self._probes.renew(self._places(new))
            self._due.set()
        self._lost_since = {node: self._lost_since.get(node, now) for node in lost}

    def check_now(self) -> None:
        """HAProxy has got servers that are up, whatever node they are on."""
        self._due.set()

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REPEAT if self._lost_since else None):
                    await self._due.wait()
            self._due.clear()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_DEADLINE):
                    await self._take_down()

    async def _take_down(self) -> None:
        config = self._state.now.installed
        if config is None or not self._lost_since:
            return
        now = asyncio.get_running_loop().time()
        lost = frozenset(self._lost_since)
        # Only in the first rounds after the grace period: a server that is down gets no new sessions.
        expired = {node for node, since in self._lost_since.items() if _GRACE <= now - since < _GRACE + 2 * _REPEAT}
        answer = await ask(self._paths.haproxy_admin, SERVERS)
        servers = parse_servers(answer)
        await self._send(servers, dict.fromkeys(config.backends, lost), dict.fromkeys(config.backends, expired))
        await self._take_down_silent(servers, self._endpoints(config, lost), expired)
        # To give the work of the user's main servers to those that only stand by is left to the checks: the user sets their pace.
        main = parse_servers(answer, backups=False)
        await self._take_down_silent(main, own_servers(config, lost, parse_addresses(answer)), expired)

    async def _take_down_silent(self, servers: Servers, placed: _ByProxy, expired: Collection[str]) -> None:
        """The same for servers that may be reached over another network than the one on which their node is asked."""
        if asked := _worth_asking(servers, placed, expired):
            silent = await self._probes.silent(asked)
            gone = {
                proxy: {name: each for name, each in found.items() if each.place in silent} for proxy, found in placed.items()
            }
            ended = {proxy: [name for name, each in found.items() if each.node in expired] for proxy, found in gone.items()}
            await self._send(servers, gone, ended)

    async def _send(self, servers: Servers, lost: Mapping[str, Collection[str]], expired: Mapping[str, Collection[str]]) -> None:
        """Takes the lost servers down, and ends the sessions of the expired ones. Both are by backend."""
        for line in in_lines(take_down(servers, lost) + shut_down_sessions(servers, expired)):
            answer = await ask(self._paths.haproxy_admin, line)
            if answer.strip():
                log.warning("HAProxy answered: %s", answer.strip())

    def _endpoints(self, config: AgentConfig, nodes: Collection[str]) -> _ByProxy:
        """The endpoints on these nodes. One whose node is not known is on none."""
        return {
            proxy: {
                each.name: Placed((each.address, each.port), each.node)
                for each in (*found.used, *found.draining)
                if each.node in nodes
            }
            for proxy, found in self._lines.endpoints(config).items()
        }

    def _places(self, nodes: Collection[str]) -> set[Place]:
        config = self._state.now.installed
        placed = self._endpoints(config, nodes) if config else {}
        return {each.place for found in placed.values() for each in found.values()}


def own_servers(config: AgentConfig, nodes: Collection[str], addresses: Mapping[str, Mapping[str, Place]]) -> _ByProxy:
    """The user's own servers that have an address of these nodes. `addresses` are those of all servers, by proxy."""
    node_of = {address: node for node in nodes for address in config.peers.get(node, ())}
    return {
        proxy: {name: Placed(place, node_of[place[0]]) for name, place in addresses[proxy].items() if place[0] in node_of}
        for proxy in config.listeners.keys() & addresses.keys() - config.services.keys() - set(config.backends)
    }


def _worth_asking(servers: Servers, placed: _ByProxy, expired: Collection[str]) -> set[Place]:
    """Where it matters whether anybody answers: the servers that get requests, and those whose sessions are about to be ended."""
    return {
        each.place
        for proxy, found in placed.items()
        for name, each in found.items()
        if in_rotation(status := servers.get(proxy, {}).get(name, "")) or (each.node in expired and status.startswith("DOWN"))
    }
