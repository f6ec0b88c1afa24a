"""keepalived's processes: which of them live, reloading them, and asking for a dump of their states.

`Keepalived` is made once by agent/run.py. Everything is found anew by the pid file and /proc at each call, because keepalived
runs in another container of the pod and may end or restart at any time.
"""

import asyncio
import contextlib
import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hacluster.agent.keepalived.dump import Description, parse_description
from hacluster.agent.paths import Paths
from hacluster.agent.state import Instance
from hacluster.agent.system import processes
from hacluster.agent.system.commands import run
from hacluster.api.status import VrrpState

NAME: Final = "keepalived"
_STATES: Final = {0: VrrpState.UNKNOWN, 1: VrrpState.BACKUP, 2: VrrpState.MASTER, 3: VrrpState.FAULT}
_DUMP_DEADLINE: Final = 1.0
_DESCRIPTION_WAIT: Final = 0.3
"""Seconds in which keepalived writes its dump in words: the file has no end from which one could tell that it is complete."""
_RELOAD_WATCH: Final = 0.3
"""Seconds after a reload in which an end of keepalived is taken for its consequence."""


class Keepalived:
    """The keepalived whose pid file is in the run directory."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._dump_signal: int | None = None
        self._owners: tuple[int, ...] = ()
        self._dumping = asyncio.Lock()

    def parent(self) -> int | None:
        """Id of the parent process, if it lives."""
        pid = processes.read_pid(self._paths.keepalived_pid)
        return pid if pid is not None and processes.alive(pid, NAME) else None

    def owners(self) -> tuple[int, ...]:
        """Ids of the processes that may own virtual IPs: the living children of the parent. VRRP runs in a child.

        A parent starts another child when one was killed, and the new child first removes the addresses of the old one.
        Until then, no process owns them. A child whose parent was killed owns them until it has ended as well.
        """
        parent = self.parent()
        found = processes.children(parent) if parent is not None else ()
        self._owners = tuple(pid for pid in dict.fromkeys((*found, *self._owners)) if processes.alive(pid, NAME))
        return self._owners

    def stopped(self) -> bool:
        """Whether keepalived is stopped: it neither advertises nor gives its virtual IPs up."""
        owners = self.owners()
        return bool(owners) and all(map(processes.stopped, owners))

    def end(self) -> None:
        """Ends keepalived in order: it gives its virtual IPs up. Nothing happens where it does not run."""
        if (parent := self.parent()) is not None:
            processes.send(parent, signal.SIGTERM)

    async def reload(self) -> bool | None:
        """Sends SIGHUP. True: keepalived goes on running; False: it ended within 0.3 s; None: nothing was sent.

        Nothing is sent when keepalived does not run, or does not handle SIGHUP yet: the signal would end it.
        """
        parent, owners = self.parent(), self.owners()
        if parent is None or not owners or not all(processes.handles_signal(pid, signal.SIGHUP) for pid in (parent, *owners)):
            return None
        if not processes.send(parent, signal.SIGHUP):
            return None
        return not await processes.any_ends((parent, *owners), within=_RELOAD_WATCH)

    async def states(self) -> Mapping[str, Instance] | None:
        """The present state of each VRRP instance, by name. None without an answer (not running, or built without JSON)."""
        try:
            return parse_dump(await self.dump())
        except (KeyError, TypeError):
            return None

    async def dump(self) -> Any:
        """The JSON dump: settings and states of its instances. None without an answer."""
        async with self._dumping:
            return await self._dump()

    async def _dump(self) -> Any:
        number = await self._signal_for_dump()
        parent = self.parent()
        if number is None or parent is None or not all(processes.handles_signal(pid, number) for pid in (parent, *self.owners())):
            return None
        dump = self._paths.keepalived_dump
        dump.unlink(missing_ok=True)
        if not processes.send(parent, number):
            return None
        try:
            async with asyncio.timeout(_DUMP_DEADLINE):
                return await _read_json(dump)
        except TimeoutError:
            return None
        finally:
            dump.unlink(missing_ok=True)

    async def describe(self) -> Description | None:
        """What keepalived says about its states and what it tracks, in words (SIGUSR1). None without an answer."""
        parent, file = self.parent(), self._paths.keepalived_data
        pids = () if parent is None else (parent, *self.owners())
        if parent is None or not all(processes.handles_signal(pid, signal.SIGUSR1) for pid in pids):
            return None
        file.unlink(missing_ok=True)
        processes.send(parent, signal.SIGUSR1)
        await asyncio.sleep(_DESCRIPTION_WAIT)
        try:
            return parse_description(file.read_text(errors="replace"))
        except OSError:
            return None
        finally:
            file.unlink(missing_ok=True)

    async def _signal_for_dump(self) -> int | None:
        """The number of the signal for a JSON dump, as keepalived itself names it (keepalived(8), --signum)."""
        if self._dump_signal is None:
            code, output = await run(NAME, "--signum=JSON")
            if code == 0 and output.strip().isdigit():
                self._dump_signal = int(output)
        return self._dump_signal


def parse_dump(dump: Any) -> dict[str, Instance]:
    """Instances by name, from keepalived's JSON dump. Raises KeyError or TypeError for a document of another shape."""
    found = {}
    for instance in dump if isinstance(dump, list) else dump["vrrp"]:
        data = instance["data"]
        state = _STATES.get(data["state"], VrrpState.UNKNOWN)
        found[str(data["iname"])] = Instance(state, int(data["effective_priority"]))
    return found


def _load(file: Path) -> Any:
    return json.loads(file.read_bytes())


async def _read_json(file: Path) -> Any:
    """Reads a file that keepalived is still writing: tries until it is complete."""
    while True:
        with contextlib.suppress(OSError, ValueError):
            return _load(file)
        await asyncio.sleep(0.005)
