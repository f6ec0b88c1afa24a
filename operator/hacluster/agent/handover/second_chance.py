"""Keeps the kernel's forwarding as the configuration and the holder before this node ask for it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hacluster.agent.handover.netfilter import Netfilter
from hacluster.agent.handover.rules import MOST, Forwarding, ports, remember, routes, rules
from hacluster.agent.neighbours.sockets import is_alive
from hacluster.agent.state import AgentState, holds
from hacluster.agent.vrrp.adverts import LastAdverts, ReceivedAdvert
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig, Router
from hacluster.timing import ALIVE_AT_MOVE, interval_seconds

log = logging.getLogger(__name__)

PART: Final = "secondChance"
_POLL: Final = 0.5
_FRESH: Final = 10.0
"""Seconds that a backup's memory of the holder lasts without being renewed: an agent that dies leaves nothing behind for long."""
_RENEW: Final = 3.0


Ask = Callable[[str, str], Awaitable[bool]]
"""Interface and address → whether a station answers for it."""


@dataclass
class _Memory:
    """What is known of one router: who held it lately, the last one first, with the time of its last word."""

    recent: dict[str, float] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    told_at: float = 0.0
    holder: bool | None = None

    def hear(self, source: str, at: float) -> bool:
        """Takes in an advertisement; whether it is another's than the one before."""
        news = next(iter(self.recent), None) != source
        self.recent = {source: at, **{each: time for each, time in self.recent.items() if each != source}}
        return news

    def within(self, seconds: float, now: float) -> list[tuple[str, float]]:
        """Who advertised within so many seconds, and how long ago; no more than are asked."""
        self.recent = {each: at for each, at in self.recent.items() if now - at < seconds}
        return [(each, now - at) for each, at in self.recent.items()][:MOST]


class SecondChance:
    """The part that runs `ip` and `nft`."""

    def __init__(
        self,
        state: AgentState,
        adverts: LastAdverts,
        kept: Path,
        ask: Ask = is_alive,
        netfilter: Netfilter | None = None,
    ) -> None:
        """`kept` remembers what is installed, across this agent's restarts: drains go on."""
        self._state, self._kept, self._ask = state, kept, ask
        self._netfilter = netfilter or Netfilter()
        self._memories: dict[str, _Memory] = {}
        self._forwarding: Forwarding | None = None
        self._news = asyncio.Event()
        adverts.subscribe(self._hear)

    async def run(self) -> None:
        """Never returns."""
        loop = asyncio.get_running_loop()
        while True:
            version = self._state.version
            await self._install(self._state.now.installed)
            if self._forwarding is not None:
                for index, router in enumerate(self._forwarding.config.routers):
                    await self._follow(self._forwarding, index, router, loop.time())
            await self._wait(version)

    async def finish(self) -> None:
        """Takes everything away: this pod ends, and perhaps none follows."""
        if self._forwarding is not None:
            await self._netfilter.remove(self._forwarding)
        self._kept.unlink(missing_ok=True)

    def _hear(self, router: str, heard: ReceivedAdvert) -> None:
        """Another holder than before: that cannot wait."""
        memory = self._memories.setdefault(router, _Memory())
        if memory.hear(heard.advert.source, heard.at) and not memory.holder:
            self._news.set()

    async def _wait(self, version: int) -> None:
        news = asyncio.ensure_future(self._news.wait())
        change = asyncio.ensure_future(self._state.changed_since(version))
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
                await self._netfilter.remove(before or Forwarding(config))
                self._kept.unlink(missing_ok=True)
            return
        kept = self._kept.read_text() if self._kept.exists() else ""
        if kept == _text(wanted):
            return
        if kept.startswith(_frame(wanted)):
            failure = await self._netfilter.nft(ports(wanted))
        else:
            for memory in self._memories.values():
                memory.told = ()
            failure = await self._netfilter.install(wanted)
        if failure:
            log.warning("no second chance for connections: %s", failure)
            cure = "load the kernel modules nft_dup_ipv4, nft_dup_ipv6, nft_socket and nft_fib_inet, or set vrrp.handover.drain to 0s"
            self._state.put_problems(
                PART,
                NodeProblem(reason=Reason.NO_SECOND_CHANCE, message=f"a planned move breaks open connections: {failure}; {cure}"),
            )
        else:
            self._state.put_problems(PART)
            self._kept.write_text(_text(wanted))

    async def _follow(self, forwarding: Forwarding, index: int, router: Router, now: float) -> None:
        """A backup knows the holders before it; who becomes the holder goes on asking those that live."""
        memory = self._memories.setdefault(router.name, _Memory())
        was, memory.holder = memory.holder, holds(router, self._state.now.network)
        if memory.holder:
            if was is False and memory.told:
                await self._took_over(forwarding, index, memory, now)
            return
        recent = [old for old, _ in memory.within(forwarding.config.drain_seconds, now)]
        if recent and (was or tuple(recent) != memory.told or now - memory.told_at > _RENEW):
            memory.told, memory.told_at = tuple(recent), now
            await self._tell(remember(forwarding, index, [(old, _FRESH) for old in recent]))

    async def _took_over(self, forwarding: Forwarding, index: int, memory: _Memory, now: float) -> None:
        router, drain = forwarding.config.routers[index], forwarding.config.drain_seconds
        memory.told = ()
        before = memory.within(drain, now)
        # Until it is known who is gone, everybody's connections go on.
        lives = await asyncio.gather(*(self._lives(router, old, silent) for old, silent in before))
        alive: list[tuple[str, float]] = []
        for (old, silent), there in zip(before, lives, strict=True):
            if there:
                alive.append((old, drain - (silent if alive else 0.0)))
        await self._tell(remember(forwarding, index, alive))
        who = ", ".join(old for old, _ in alive)
        log.info(
            "%s: open connections may go on with %s", router.name, f"{who} for {drain:g} s" if alive else "nobody: they are reset"
        )

    async def _lives(self, router: Router, old: str, silent: float) -> bool:
        """Who has said nothing for a while may have lost its keepalived only, or be gone with all that it served."""
        interval = interval_seconds(router)
        return silent <= max(ALIVE_AT_MOVE * interval, interval + 0.1) or await self._ask(router.interface, old)

    async def _tell(self, script: str) -> None:
        if failure := await self._netfilter.nft(script):
            log.warning("%s", failure)


def _frame(forwarding: Forwarding) -> str:
    """What cannot change without forgetting whom to ask."""
    return "\n".join(" ".join(command) for command in routes(forwarding)) + "\n" + rules(forwarding)


def _text(forwarding: Forwarding) -> str:
    return _frame(forwarding) + ports(forwarding)
