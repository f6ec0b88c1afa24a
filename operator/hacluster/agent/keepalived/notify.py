"""Keeps `AgentState.instances` equal to the states of keepalived's VRRP instances.

`NotifyReader.run` is started by agent/run.py and never returns. keepalived writes every change of state as a line such as
`INSTANCE "VI_1" MASTER 100` into a FIFO (keepalived.conf(5), vrrp_notify_fifo). A line may be missed:
before the FIFO was opened, or during a reload. So after every start and reload the agent also asks it for a dump of its states.
"""

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
_FIFO_CHECK: Final = 1.0
"""Seconds between two checks whether the FIFO was replaced."""
_TRIES: Final = 3
_RETRY_DELAY: Final = 0.2


@dataclass
class LineBuffer:
    """Splits a stream that arrives in pieces into complete lines."""

    _rest: bytes = field(default=b"", init=False)

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes. A line that grows too long is dropped."""
        *complete, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _MAX_LINE:
            self._rest = b""
        return [line.decode(errors="replace") for line in complete]


@dataclass(frozen=True)
class Notification:
    """One notification. `instance` is None when keepalived has deleted the instance."""

    name: str
    instance: Instance | None


def parse_notification(line: str) -> Notification | None:
    """Parses one line. None for lines about groups, and for events that do not name a state."""
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


def infer_instance(router: Router, network: Network) -> Instance:
    """The state of an instance when keepalived gives no dump: Master if the node has a virtual IP of it, else Backup."""
    return Instance(VrrpState.MASTER if holds(router, network) else VrrpState.BACKUP)


class NotifyReader:
    """Reads the notifications, and the dump where notifications may be missing."""

    def __init__(self, paths: Paths, state: AgentState, keepalived: Keepalived) -> None:
        self._paths, self._state, self._keepalived = paths, state, keepalived
        self._lines = LineBuffer()
        self._notified: set[str] = set()
        self._dumped_for: tuple[tuple[int, ...], AgentConfig | None] | None = None

    async def run(self) -> None:
        """Runs until cancelled: opens the FIFO, reads from it, and opens it again when it was replaced."""
        loop = asyncio.get_running_loop()
        while True:
            descriptor = open_fifo(self._paths.notify_fifo)
            loop.add_reader(descriptor, self._read, descriptor)
            try:
                self._read(descriptor)
                await self._load_after_starts(descriptor)
            finally:
                loop.remove_reader(descriptor)
                os.close(descriptor)

    async def _load_after_starts(self, descriptor: int) -> None:
        """Loads the states after every start and reload of keepalived. Returns when the FIFO was replaced."""
        while _is_same_file(descriptor, self._paths.notify_fifo):
            version, now = self._state.version, self._state.now
            owners = self._keepalived.owners() if now.keepalived else ()
            current = (owners, now.installed) if owners else None
            if current != self._dumped_for:
                self._dumped_for = current
                if current is None:
                    self._state.update(states_known=False, instances={})
                else:
                    await self.load_states()
            await self._state.wait_for_change(version, _FIFO_CHECK)

    async def load_states(self) -> None:
        """Replaces all states by keepalived's dump; a notification that arrived meanwhile is newer than the dump."""
        self._notified.clear()
        states = await self._dump()
        now = self._state.now
        if states is None:
            routers = now.installed.routers if now.installed else ()
            states = {router.name: infer_instance(router, now.network or Network()) for router in routers}
            log.info("keepalived gives no dump of its states: they are inferred from the node's addresses")
        newer = {name: now.instances[name] for name in self._notified if name in now.instances}
        self._state.update(instances={**states, **newer}, states_known=True)

    async def _dump(self) -> Mapping[str, Instance] | None:
        """Asks several times, because a keepalived that has just started is not ready to answer. None: no answer."""
        for _ in range(_TRIES):
            states = await self._keepalived.states()
            if states is not None:
                return states
            await asyncio.sleep(_RETRY_DELAY)
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
                    self._notified.add(notification.name)
                    self._state.put_instance(notification.name, notification.instance)


def open_fifo(path: Path) -> int:
    """Opens the FIFO for reading, without blocking, and returns its descriptor. Creates it if it is missing.

    It is opened for writing as well: a FIFO with a writer never reaches its end, also while no keepalived runs.
    """
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(path.stat().st_mode):
            path.unlink()
            os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def _is_same_file(descriptor: int, path: Path) -> bool:
    """Whether `path` is still the open file. keepalived removes a FIFO that it created when it ends, and creates another."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
