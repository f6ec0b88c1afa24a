"""Which ports need connection tracking while a listener changes between all addresses and one.

`rules.py` tells connections from listeners by their sockets, or, where a listener is bound to an address, by connection tracking. The
change between the two has to begin before HAProxy opens the listener with an address, and must not end before it has closed it:
otherwise packets of connections that another node serves would count as known here, and be reset. So `config/install.py` announces a new
configuration before HAProxy loads it (`TrackedPorts.announced`), and the sockets tell when the last listener with an address is closed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Final

from hacluster.agent.system.tcp_sockets import Listener, read_listeners
from hacluster.nodeconfig import AgentConfig

log = logging.getLogger(__name__)

_TIMEOUT: Final = 1.0
"""Seconds to wait for the rules at most: a change of the configuration is not held up by a firewall that does not answer."""


class TrackedPorts:
    """The ports, derived anew in each round of `second_chance.py` from configurations and sockets."""

    def __init__(self, wake: Callable[[], None], listeners: Callable[[], Collection[Listener]] = read_listeners) -> None:
        """`wake` starts a round at once."""
        self._wake, self._listeners = wake, listeners
        self._announced: frozenset[int] = frozenset()
        self._last: frozenset[int] = frozenset()
        self._begun = 0
        self._awaited: tuple[int, asyncio.Event] | None = None
        """The number of a round, and what to set when it has ended."""

    @asynccontextmanager
    async def announced(self, config: AgentConfig) -> AsyncIterator[None]:
        """While the block runs, the ports that the configuration binds to an address are tracked, too; the kernel has the rules by then."""
        self._announced = _bound(config)
        try:
            if not self._announced <= self._last:
                await self._wait_for_round()
            yield
        finally:
            self._announced = frozenset()

    async def _wait_for_round(self) -> None:
        """Waits for the end of a round that begins from now on."""
        self._awaited = self._begun + 1, asyncio.Event()
        self._wake()
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._awaited[1].wait()
        except TimeoutError:
            ports = ", ".join(map(str, sorted(self._announced)))
            log.warning("the rules for ports %s are not loaded yet; HAProxy loads its configuration all the same", ports)

    def begin_round(self, config: AgentConfig | None, virtual_ips: Collection[str]) -> frozenset[int]:
        """The ports to track. `config`: the installed configuration; `virtual_ips`: without prefix lengths."""
        self._begun += 1
        wanted = self._announced | (_bound(config) if config else frozenset())
        closing = self._last - wanted
        if closing:
            closing &= {each.port for each in self._listeners() if each.protocol == "TCP" and str(each.address) in virtual_ips}
        self._last = wanted | closing
        return self._last

    def end_round(self) -> None:
        """The kernel has the rules for what `begin_round` returned, or has refused them."""
        if self._awaited and self._begun >= self._awaited[0]:
            self._awaited[1].set()


def _bound(config: AgentConfig) -> frozenset[int]:
    """The ports of listeners that are bound to an address."""
    return frozenset(each.port for each in config.ports if each.address)
