"""Keeps the kernel's forwarding (`rules.py`) equal to the configuration, and the earlier holders in it current.

`SecondChance.run` is started by `agent/run.py`. It reads the configuration and the node's addresses from the agent's state, and
gets every VRRP advertisement of another member from `LastAdverts`:

- While this node is a backup, it writes the senders of the last advertisements into the kernel, as holders to which packets of
  unknown connections are passed on. The entries are there before this node takes over, so nothing has to be done in time then.
- When this node has taken over, it keeps only those holders that are still alive. The connections of a dead one are reset at
  once, so that clients can connect again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hacluster.agent.handover.netfilter import Netfilter
from hacluster.agent.handover.rules import MAX_HOLDERS, Forwarding, ports, recent_holders, routes, rules
from hacluster.agent.neighbours.sockets import is_alive
from hacluster.agent.state import AgentState, holds
from hacluster.agent.vrrp.adverts import LastAdverts, ReceivedAdvert
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig, Router
from hacluster.timing import ALIVE_AT_MOVE, interval_seconds

log = logging.getLogger(__name__)

PART: Final = "secondChance"
"""Under this key the problems of this module are stored in the agent's state."""
_POLL: Final = 0.5
"""Seconds: the longest time between two rounds."""
_BACKUP_ENTRY: Final = 10.0
"""Seconds until a backup's entry for a holder expires if it is not renewed. So an agent that dies leaves no entries behind for long."""
_RENEW_AFTER: Final = 3.0
"""Seconds after which a backup renews its entries."""

Ask = Callable[[str, str], Awaitable[bool]]
"""Takes an interface and an address; returns whether a host on that segment answers for the address (ARP, neighbour discovery)."""


@dataclass
class _RouterRecord:
    """What is known of one virtual router. Times are seconds of the event loop's clock."""

    senders: dict[str, float] = field(default_factory=dict)
    """The other members that advertised lately, the last one first, with the time of their last advertisement."""
    installed: tuple[str, ...] = ()
    """The holders that this node, as a backup, has written into the kernel."""
    installed_at: float = 0.0
    holder: bool | None = None
    """Whether this node has virtual IPs of the router; None before the first round."""

    def add_advert(self, source: str, at: float) -> bool:
        """Records an advertisement; returns whether its sender differs from the last one's."""
        changed = next(iter(self.senders), None) != source
        self.senders = {source: at, **{each: time for each, time in self.senders.items() if each != source}}
        return changed

    def recent(self, seconds: float, now: float) -> list[tuple[str, float]]:
        """The members that advertised within so many seconds, each with the seconds since then; at most `MAX_HOLDERS`, the last first.

        Older ones are removed from the record.
        """
        self.senders = {each: at for each, at in self.senders.items() if now - at < seconds}
        return [(each, now - at) for each, at in self.senders.items()][:MAX_HOLDERS]


class SecondChance:
    """Installs the forwarding and updates the earlier holders."""

    def __init__(
        self,
        state: AgentState,
        adverts: LastAdverts,
        record: Path,
        ask: Ask = is_alive,
        netfilter: Netfilter | None = None,
    ) -> None:
        """`record`: the file with the installed text. A restarted agent that finds the same text there leaves the kernel as it is."""
        self._state, self._record, self._ask = state, record, ask
        self._netfilter = netfilter or Netfilter()
        self._routers: dict[str, _RouterRecord] = {}
        self._forwarding: Forwarding | None = None
        self._sender_changed = asyncio.Event()
        adverts.subscribe(self._on_advert)

    async def run(self) -> None:
        """Runs until cancelled: one round at every change of the state, when another member begins to advertise, and every 0.5 s."""
        loop = asyncio.get_running_loop()
        while True:
            version = self._state.version
            await self._install(self._state.now.installed)
            if self._forwarding is not None:
                for index, router in enumerate(self._forwarding.config.routers):
                    await self._update_holders(self._forwarding, index, router, loop.time())
            await self._wait_for_change(version)

    async def finish(self) -> None:
        """Removes routes and rules from the kernel. The agent calls it when it ends: no other agent may follow on this node."""
        if self._forwarding is not None:
            await self._netfilter.remove(self._forwarding)
        self._record.unlink(missing_ok=True)

    def _on_advert(self, router: str, received: ReceivedAdvert) -> None:
        """Starts a round at once when the holder has changed: this node may be the next one to take over."""
        record = self._routers.setdefault(router, _RouterRecord())
        if record.add_advert(received.advert.source, received.at) and not record.holder:
            self._sender_changed.set()

    async def _wait_for_change(self, version: int) -> None:
        sender_changed = asyncio.ensure_future(self._sender_changed.wait())
        state_changed = asyncio.ensure_future(self._state.wait_for_change(version))
        await asyncio.wait({sender_changed, state_changed}, timeout=_POLL, return_when=asyncio.FIRST_COMPLETED)
        for each in (sender_changed, state_changed):
            each.cancel()
        self._sender_changed.clear()

    async def _install(self, config: AgentConfig | None) -> None:
        """Brings routes, rules and ports into the kernel if they differ from what is there, and reports a refusal."""
        wanted = Forwarding(config) if config and config.drain_seconds > 0 and config.routers else None
        before, self._forwarding = self._forwarding, wanted
        if config is None or (before and wanted and _text(before) == _text(wanted)):
            return
        if wanted is None:
            if before or self._record.exists():
                await self._netfilter.remove(before or Forwarding(config))
                self._record.unlink(missing_ok=True)
            return
        recorded = self._record.read_text() if self._record.exists() else ""
        if recorded == _text(wanted):
            return
        if recorded.startswith(_text_without_ports(wanted)):
            failure = await self._netfilter.nft(ports(wanted))
        else:
            for record in self._routers.values():
                record.installed = ()  # the new tables have empty maps
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
            self._record.write_text(_text(wanted))

    async def _update_holders(self, forwarding: Forwarding, index: int, router: Router, now: float) -> None:
        """One round for one router: a backup renews the holders in the kernel; a node that has just taken over checks them."""
        record = self._routers.setdefault(router.name, _RouterRecord())
        was_holder, record.holder = record.holder, holds(router, self._state.now.network)
        if record.holder:
            if was_holder is False and record.installed:
                await self._take_over(forwarding, index, record, now)
            return
        senders = tuple(sender for sender, _ in record.recent(forwarding.config.drain_seconds, now))
        if senders and (was_holder or senders != record.installed or now - record.installed_at > _RENEW_AFTER):
            record.installed, record.installed_at = senders, now
            await self._run_script(recent_holders(forwarding, index, [(sender, _BACKUP_ENTRY) for sender in senders]))

    async def _take_over(self, forwarding: Forwarding, index: int, record: _RouterRecord, now: float) -> None:
        """Keeps the entries of living holders for the drain, and removes those of dead ones."""
        router, drain = forwarding.config.routers[index], forwarding.config.drain_seconds
        record.installed = ()
        before = record.recent(drain, now)
        # While the holders are asked, the backup's entries stay in the kernel: packets are passed on to all of them.
        answers = await asyncio.gather(*(self._is_alive(router, holder, silent) for holder, silent in before))
        alive: list[tuple[str, float]] = []
        for (holder, silent), answered in zip(before, answers, strict=True):
            if answered:
                # The drain of the last holder begins now. An earlier one has been draining since its last advertisement.
                alive.append((holder, drain - (silent if alive else 0.0)))
        await self._run_script(recent_holders(forwarding, index, alive))
        holders = ", ".join(holder for holder, _ in alive)
        log.info(
            "router %s: open connections %s",
            router.name,
            f"are passed on to {holders} for {drain:g} s" if alive else "are reset: no earlier holder is alive",
        )

    async def _is_alive(self, router: Router, holder: str, silent: float) -> bool:
        """Whether the earlier holder still serves its connections. `silent`: seconds since its last advertisement.

        One that advertised until the move was alive then. One that was silent has either lost only its keepalived and still serves,
        or it is a lost node: ARP or neighbour discovery decides.
        """
        interval = interval_seconds(router)
        return silent <= max(ALIVE_AT_MOVE * interval, interval + 0.1) or await self._ask(router.interface, holder)

    async def _run_script(self, script: str) -> None:
        if failure := await self._netfilter.nft(script):
            log.warning("%s", failure)


def _text_without_ports(forwarding: Forwarding) -> str:
    """The part of the text whose change needs new tables, in which the entries of the earlier holders are lost."""
    return "\n".join(" ".join(command) for command in routes(forwarding)) + "\n" + rules(forwarding)


def _text(forwarding: Forwarding) -> str:
    """Everything that is installed, as it is compared and recorded."""
    return _text_without_ports(forwarding) + ports(forwarding)
