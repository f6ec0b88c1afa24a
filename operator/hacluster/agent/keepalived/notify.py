"""What keepalived notifies: lines such as `INSTANCE "VI_1" MASTER 100` in a FIFO. Parsing is pure, the part reads."""

import asyncio
import logging
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hacluster.agent.keepalived.process import Keepalived
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState, Instance, holds
from hacluster.agent.system.network import Network
from hacluster.api.status import VrrpState
from hacluster.nodeconfig import AgentConfig, Router

log = logging.getLogger(__name__)

_LINE: Final = re.compile(r'INSTANCE "(?P<name>[^"]+)" (?P<state>[A-Z_]+)(?: (?P<priority>\d+))?')
_STATES: Final = {
    "MASTER": VrrpState.MASTER,
    "MASTER_PRIORITY": VrrpState.MASTER,
    "MASTER_RX_LOWER_PRI": VrrpState.MASTER,
    "BACKUP": VrrpState.BACKUP,
    "BACKUP_PRIORITY": VrrpState.BACKUP,
    "FAULT": VrrpState.FAULT,
    "STOP": VrrpState.STOPPED,
}
_MAX_LINE: Final = 4096
_CHECK: Final = 1.0
_TRIES: Final = 3
_AGAIN: Final = 0.2


@dataclass
class LineBuffer:
    """Whole lines out of a stream that comes in pieces."""

    _rest: bytes = field(default=b"", init=False)

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes. A line that never ends is dropped."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _MAX_LINE:
            self._rest = b""
        return [line.decode(errors="replace") for line in whole]


@dataclass(frozen=True)
class Notification:
    """One notification; `instance` is None when keepalived forgot it."""

    name: str
    instance: Instance | None


def parse_notification(line: str) -> Notification | None:
    """None for lines about groups and for events that say nothing about the state."""
    found = _LINE.fullmatch(line.strip())
    if found is None:
        return None
    name, state = found["name"], found["state"]
    if state == "DELETED":
        return Notification(name, None)
    if state not in _STATES:
        return None
    stopped = _STATES[state] is VrrpState.STOPPED
    return Notification(name, Instance(_STATES[state], 0 if stopped else int(found["priority"] or 0)))


def derive(router: Router, network: Network) -> Instance:
    """The state of an instance whose keepalived says nothing: who has an address is Master."""
    return Instance(VrrpState.MASTER if holds(router, network) else VrrpState.BACKUP)


class NotifyReader:
    """The part that knows keepalived's states: from the FIFO, and by asking where no notification can have been heard.

    keepalived says nothing in its FIFO about what a reload changed, nor about what happened before the FIFO was there.
    """

    def __init__(self, paths: Paths, state: AgentState, keepalived: Keepalived) -> None:
        self._paths, self._state, self._keepalived = paths, state, keepalived
        self._lines = LineBuffer()
        self._told: set[str] = set()
        self._asked: tuple[tuple[int, ...], AgentConfig | None] | None = None

    async def run(self) -> None:
        """Never returns."""
        loop = asyncio.get_running_loop()
        while True:
            descriptor = open_fifo(self._paths.notify_fifo)
            loop.add_reader(descriptor, self._read, descriptor)
            try:
                self._read(descriptor)
                await self._follow(descriptor)
            finally:
                loop.remove_reader(descriptor)
                os.close(descriptor)

    async def _follow(self, descriptor: int) -> None:
        """Asks after every start and reload, until the FIFO is another one."""
        while _same(descriptor, self._paths.notify_fifo):
            version, now = self._state.version, self._state.now
            owners = self._keepalived.owners() if now.keepalived else ()
            wanted = (owners, now.installed) if owners else None
            if wanted != self._asked:
                self._asked = wanted
                if wanted is None:
                    self._state.update(learned=False, instances={})
                else:
                    await self._learn()
            try:
                async with asyncio.timeout(_CHECK):
                    await self._state.changed_since(version)
            except TimeoutError:
                pass

    async def _learn(self) -> None:
        """Takes keepalived's own list; what the FIFO said meanwhile is newer."""
        self._told.clear()
        said = await self._ask()
        now = self._state.now
        if said is None:
            routers = now.installed.routers if now.installed else ()
            said = {router.name: derive(router, now.network or Network()) for router in routers}
            log.info("keepalived does not tell its states: the addresses have to do")
        newer = {name: now.instances[name] for name in self._told if name in now.instances}
        self._state.update(instances={**said, **newer}, learned=True)

    async def _ask(self) -> Mapping[str, Instance] | None:
        """One that has just started is not ready to be asked yet."""
        for _ in range(_TRIES):
            said = await self._keepalived.states()
            if said is not None:
                return said
            await asyncio.sleep(_AGAIN)
        return None

    def _read(self, descriptor: int) -> None:
        while True:
            try:
                data = os.read(descriptor, 1 << 16)
            except BlockingIOError:
                return
            for line in self._lines.feed(data):
                notification = parse_notification(line)
                if notification is not None:
                    log.info("keepalived: %s", line.strip())
                    self._told.add(notification.name)
                    self._state.put_instance(notification.name, notification.instance)


def open_fifo(path: Path) -> int:
    """Opens the FIFO, made where it is missing, so that it never ends: the agent is a writer of it as well."""
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(path.stat().st_mode):
            path.unlink()
            os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def _same(descriptor: int, path: Path) -> bool:
    """False once it is replaced: keepalived removes a FIFO that it made itself, and its successor makes another."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
