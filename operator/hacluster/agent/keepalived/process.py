"""keepalived as the agent meets it: which of its processes live, its reload, and the dump of its state."""

import asyncio
import contextlib
import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hacluster.agent.paths import Paths
from hacluster.agent.state import Instance
from hacluster.agent.system import processes
from hacluster.agent.system.commands import run
from hacluster.api.status import VrrpState

NAME: Final = "keepalived"
_STATES: Final = {0: VrrpState.UNKNOWN, 1: VrrpState.BACKUP, 2: VrrpState.MASTER, 3: VrrpState.FAULT}
_DUMP_DEADLINE: Final = 1.0
_RELOAD_WATCH: Final = 0.3


class Keepalived:
    """The keepalived whose pid file lies in the run directory."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._dump_signal: int | None = None

    def parent(self) -> int | None:
        """Its parent process, if it lives."""
        pid = processes.read_pid(self._paths.keepalived_pid)
        return pid if pid is not None and processes.alive(pid, NAME) else None

    def owners(self) -> tuple[int, ...]:
        """The processes that may hold virtual IPs: the parent's child is the one that speaks VRRP.

        A parent whose child was killed starts another, which drops the addresses first: until then nobody owns them.
        """
        parent = self.parent()
        return () if parent is None else tuple(pid for pid in processes.children(parent) if processes.alive(pid, NAME))

    async def reload(self) -> bool | None:
        """SIGHUP. None when nobody is there who would take it as one; False when keepalived ended over it."""
        parent, owners = self.parent(), self.owners()
        if parent is None or not owners or not all(processes.handles(pid, signal.SIGHUP) for pid in (parent, *owners)):
            return None
        if not processes.send(parent, signal.SIGHUP):
            return None
        return not await processes.any_ends((parent, *owners), within=_RELOAD_WATCH)

    async def states(self) -> Mapping[str, Instance] | None:
        """What keepalived says of its instances now; None when it does not answer (not running, or built without JSON)."""
        number = await self._signal_for_dump()
        parent = self.parent()
        if number is None or parent is None or not all(processes.handles(pid, number) for pid in (parent, *self.owners())):
            return None
        dump = self._paths.keepalived_dump
        dump.unlink(missing_ok=True)
        if not processes.send(parent, number):
            return None
        try:
            async with asyncio.timeout(_DUMP_DEADLINE):
                return parse_dump(await _read_json(dump))
        except (TimeoutError, KeyError, TypeError):
            return None
        finally:
            dump.unlink(missing_ok=True)

    async def _signal_for_dump(self) -> int | None:
        if self._dump_signal is None:
            code, said = await run(NAME, "--signum=JSON")
            if code == 0 and said.strip().isdigit():
                self._dump_signal = int(said)
        return self._dump_signal


def parse_dump(dump: Any) -> dict[str, Instance]:
    """Instances by name, from keepalived's JSON. Raises KeyError or TypeError for another document."""
    found = {}
    for instance in dump if isinstance(dump, list) else dump["vrrp"]:
        data = instance["data"]
        state = _STATES.get(data["state"], VrrpState.UNKNOWN)
        found[str(data["iname"])] = Instance(state, int(data["effective_priority"]))
    return found


def _load(file: Path) -> Any:
    return json.loads(file.read_bytes())


async def _read_json(file: Path) -> Any:
    """Waits for a file that somebody is writing to be whole."""
    while True:
        with contextlib.suppress(OSError, ValueError):
            return _load(file)
        await asyncio.sleep(0.005)
