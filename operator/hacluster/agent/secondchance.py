"""Keeps the kernel's forwarding as the configuration and the holder before this node ask for it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from hacluster.agent.board import Board
from hacluster.agent.forwarding import Forwarding, Kernel, Map, remember, routes, rules
from hacluster.agent.handover import holds
from hacluster.agent.listen import Heard
from hacluster.agent.stations import is_alive
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig, Router

log = logging.getLogger(__name__)

PART: Final = "secondChance"
_POLL: Final = 0.5
_FRESH: Final = 10.0
"""Seconds that a backup's memory of the holder lasts without being renewed: an agent that dies leaves nothing behind for long."""
_RENEW: Final = 3.0
_SPOKE: Final = 2.5
"""Advertisement intervals: who spoke within so many was alive when the address moved."""
_KNOWN: Final = 10.0


Ask = Callable[[str, str], Awaitable[bool]]
"""Interface and address → whether a station answers for it."""


class Hears(Protocol):
    """Who advertises a router."""

    def spoke(self, router: str) -> tuple[str, float] | None:
        """Address of the last other node that did, and when, by the event loop's clock."""

    def subscribe(self, callback: Callable[[str, Heard], None]) -> None:
        """Calls back at every advertisement, with the router's name."""


@dataclass
class _Memory:
    """What the kernel was told for one router."""

    before: str | None = None
    told: float = 0.0
    chain: str | None = None
    holder: bool | None = None


class SecondChance:
    """The part that runs `ip` and `nft`."""

    def __init__(
        self,
        board: Board,
        hears: Hears,
        kept: Path,
        ask: Ask = is_alive,
        kernel: Kernel | None = None,
    ) -> None:
        """`kept` remembers what is installed, across this agent's restarts: drains go on."""
        self._board, self._hears, self._kept, self._ask = board, hears, kept, ask
        self._kernel = kernel or Kernel()
        self._memories: dict[str, _Memory] = {}
        self._forwarding: Forwarding | None = None
        self._news = asyncio.Event()
        hears.subscribe(self._hear)

    async def run(self) -> None:
        """Never returns."""
        loop = asyncio.get_running_loop()
        while True:
            version = self._board.version
            await self._install(self._board.now.installed)
            if self._forwarding is not None:
                for index, router in enumerate(self._forwarding.config.routers):
                    await self._follow(self._forwarding, index, router, loop.time())
            await self._wait(version)

    async def finish(self) -> None:
        """Takes everything away: this pod ends, and perhaps none follows."""
        if self._forwarding is not None:
            await self._kernel.remove(self._forwarding)
        self._kept.unlink(missing_ok=True)

    def _hear(self, router: str, heard: Heard) -> None:
        """Another holder than before: that cannot wait."""
        memory = self._memories.get(router)
        if memory is not None and heard.advert.source != memory.before and not memory.holder:
            self._news.set()

    async def _wait(self, version: int) -> None:
        news = asyncio.ensure_future(self._news.wait())
        change = asyncio.ensure_future(self._board.changed_since(version))
        await asyncio.wait({news, change}, timeout=_POLL, return_when=asyncio.FIRST_COMPLETED)
        for each in (news, change):
            each.cancel()
        self._news.clear()

    async def _install(self, config: AgentConfig | None) -> None:
        wanted = Forwarding(config) if config and config.drain_seconds > 0 and config.routers else None
        before, self._forwarding = self._forwarding, wanted
        if config is None or (before and wanted and _text(before) == _text(wanted)):
            return
        if wanted is None:
            if before or self._kept.exists():
                await self._kernel.remove(before or Forwarding(config))
                self._kept.unlink(missing_ok=True)
            return
        if self._kept.exists() and self._kept.read_text() == _text(wanted):
            return
        self._memories = {}
        failure = await self._kernel.install(wanted)
        if failure:
            log.warning("no second chance for connections: %s", failure)
            cure = "load the kernel modules nft_dup_ipv4, nft_dup_ipv6, nft_ct and nft_fib_inet, or set vrrp.handover.drain to 0s"
            self._board.put_problems(
                PART, NodeProblem(reason="NoSecondChance", message=f"a planned move breaks open connections: {failure}; {cure}")
            )
        else:
            self._board.put_problems(PART)
            self._kept.write_text(_text(wanted))

    async def _follow(self, forwarding: Forwarding, index: int, router: Router, now: float) -> None:
        """A backup knows the holder; who becomes the holder goes on asking the old one if that lives."""
        memory = self._memories.setdefault(router.name, _Memory())
        was, memory.holder = memory.holder, holds(router, self._board.now)
        spoke = self._hears.spoke(router.name)
        if memory.holder:
            if was is False and memory.before is not None:
                await self._took_over(forwarding, index, memory, now - spoke[1] if spoke else float("inf"))
            return
        if spoke is None or now - spoke[1] > _KNOWN:
            return
        if spoke[0] == memory.chain:  # it has the address again, and knows its own: to pass on to it would be a circle
            memory.chain = None
            await self._tell(remember(forwarding, Map.CHAIN, index, None, 0))
        if spoke[0] != memory.before or now - memory.told > _RENEW or was:
            memory.before, memory.told = spoke[0], now
            await self._tell(remember(forwarding, Map.BEFORE, index, spoke[0], _FRESH))

    async def _took_over(self, forwarding: Forwarding, index: int, memory: _Memory, silent: float) -> None:
        router = forwarding.config.routers[index]
        interval = router.advertisement_interval_ms / 1000
        alive = silent <= max(_SPOKE * interval, interval + 0.1)
        old, memory.before = memory.before, None
        if not alive and old is not None:  # its keepalived is gone; perhaps the node is not
            alive = await self._ask(router.interface, old)
        memory.chain = old if alive else None
        drain = forwarding.config.drain_seconds
        await self._tell("".join(remember(forwarding, each, index, memory.chain, drain) for each in Map))
        log.info(
            "%s: connections that %s began %s", router.name, old, f"may go on for {drain:g} s" if alive else "are lost with it"
        )

    async def _tell(self, script: str) -> None:
        if failure := await self._kernel.nft(script):
            log.warning("%s", failure)


def _text(forwarding: Forwarding) -> str:
    return "\n".join(" ".join(command) for command in routes(forwarding)) + "\n" + rules(forwarding)
