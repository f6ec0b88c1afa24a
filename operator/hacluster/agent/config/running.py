"""Finds out whether the daemons run with what is in their files, from what they themselves say.

`RealDaemons.differs` calls it about once a second. That a reload succeeded once does not tell it: another program may have reloaded a
daemon with another file, and the agent may have ended in the middle of a transaction.

A worker of HAProxy never changes what it has read, so it is asked once. keepalived reads its file again in the same process, but opens
new sockets then: it is asked after each start, and when there are others.
"""

import asyncio
from typing import Any, Final, Protocol

from hacluster.agent.config.settings import from_dump, from_file
from hacluster.agent.haproxy import loaded
from hacluster.agent.haproxy.commands import ask
from hacluster.agent.paths import Paths
from hacluster.agent.services.lines import without_server_lines, without_servers
from hacluster.agent.system.raw_sockets import vrrp_sockets
from hacluster.nodeconfig import File, Port

_DEADLINE: Final = 0.5
"""Seconds for HAProxy to answer."""
_SETTLE: Final = 0.2
"""Seconds after which keepalived is asked once more when it differs: it may be about to read the file."""


class KeepalivedProcess(Protocol):
    """What this module needs of `Keepalived`."""

    def owners(self) -> tuple[int, ...]:
        """Ids of the processes that run VRRP."""

    async def dump(self) -> Any:
        """The JSON dump; None without an answer."""


class Running:
    """Compares each daemon with its installed file. A daemon that does not answer does not differ: its health is checked elsewhere."""

    def __init__(self, paths: Paths, keepalived: KeepalivedProcess) -> None:
        self._paths, self._keepalived = paths, keepalived
        self._same_worker: tuple[int, str] | None = None
        """The worker that was found to have read this text."""
        self._same_keepalived: tuple[tuple[int, ...], frozenset[str], str] | None = None
        """The processes, and the sockets that they had when they were found to run with this text."""

    async def differs(self, file: File) -> bool:
        """Whether the daemon of `file` certainly runs with something else. Raises OSError if the file cannot be read."""
        text = without_servers(self._paths.live(file).read_text())
        return await (self._haproxy_differs(text) if file is File.HAPROXY else self._keepalived_differs(text))

    async def haproxy_ports(self) -> tuple[Port, ...] | None:
        """The ports that the current worker of HAProxy has loaded; None where it does not tell. Raises OSError without a file."""
        command = loaded.lines_command(self._paths.live(File.HAPROXY).read_text())
        if command is None:
            return None
        try:
            async with asyncio.timeout(_DEADLINE):
                lines = loaded.parse_lines(await ask(self._paths.haproxy_master, command, master=True))
        except (OSError, TimeoutError):
            return None
        return loaded.ports(lines) if lines else None

    async def _haproxy_differs(self, text: str) -> bool:
        command, master = loaded.lines_command(text), self._paths.haproxy_master
        if command is None:
            return False
        try:
            async with asyncio.timeout(_DEADLINE):
                worker = loaded.parse_worker(await ask(master, loaded.WORKER, master=True))
                if worker is None or (worker, text) == self._same_worker:
                    return False
                lines = loaded.parse_lines(await ask(master, command, master=True))
        except (OSError, TimeoutError):
            return False
        # Endpoints are compared elsewhere, at run time (haproxy/service_servers.py).
        same = lines is not None and without_server_lines(lines) == loaded.kept_lines(text)
        self._same_worker = (worker, text) if same else None
        return lines is not None and not same

    async def _keepalived_differs(self, text: str) -> bool:
        present = (self._keepalived.owners(), vrrp_sockets(), text)
        if not present[0] or present == self._same_keepalived:
            return False
        for wait in (_SETTLE, 0.0):
            try:
                settings = from_dump(await self._keepalived.dump())
            except (KeyError, TypeError, ValueError):
                return False  # no answer yet: it is asked again
            if settings == from_file(text):
                self._same_keepalived = present
                return False
            await asyncio.sleep(wait)
        return True
