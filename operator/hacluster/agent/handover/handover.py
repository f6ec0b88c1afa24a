"""Planned moves: stepping back so that another takes the virtual IPs, and leaving only when nobody is cut off by it.

Two things make a node step back: its orders (`yields`: a switchover, a cordoned node), and a pod that is about to end, whose
preStop hooks make `names.LEAVE_FILE` and wait for `names.LEFT_FILE`.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import struct
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Protocol

from hacluster.agent.keepalived.track_file import write_track
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState, holds
from hacluster.agent.system import processes
from hacluster.agent.system.tcp_sockets import count_open, read_sockets
from hacluster.api.status import Health
from hacluster.nodeconfig import Router
from hacluster.timing import FAULT_PULSE, TAKEOVER, interval_seconds

log = logging.getLogger(__name__)

_POLL: Final = 0.05
_COUNT_EVERY: Final = 0.25
_SETTLE: Final = 1.0
"""Seconds after a move in which neighbours that missed it may still send new connections here."""
_LEAST_WAIT: Final = 1.0
_CREDENTIALS: Final = struct.Struct("3i")  # process, user, group


class Leaving(Enum):
    """How far a pod is on its way out."""

    NOT = "not"
    MOVING = "waiting for another node to take the virtual IPs"
    DRAINING = "serving the connections that are left"
    LEFT = "done"


def patience(router: Router) -> float:
    """Seconds in which somebody else would have taken over, if there is anybody."""
    return max(_LEAST_WAIT, TAKEOVER * interval_seconds(router))


@dataclass
class StepBack:
    """One router's track file: pure. Where a higher priority takes over from a living holder, stepping back is a state.

    Elsewhere it needs FAULT, and is a pulse: nobody takes the address back from a living holder there either, and a node that
    stayed in FAULT could not help out when the others are gone.
    """

    router: Router
    _since: float | None = None
    _done: bool = False

    def wanted(self, asked: bool, leaving: bool, holder: bool, now: float) -> bool:
        """Whether the file has to say 1."""
        if not (asked or leaving):
            self._since, self._done = None, False
            return False
        if self.router.preempts or leaving:
            return True
        if holder and not self._done and self._since is None:
            self._since = now
        pulse = FAULT_PULSE * interval_seconds(self.router)
        if self._since is not None and now - self._since >= pulse:
            self._since, self._done = None, True
        return self._since is not None


class Owner(Protocol):
    """keepalived, as far as it matters here."""

    def parent(self) -> int | None:
        """Its first process."""


class Handover:
    """The part that steps back and leaves."""

    def __init__(self, paths: Paths, state: AgentState, keepalived: Owner) -> None:
        self._paths, self._state, self._keepalived = paths, state, keepalived
        self._steps: dict[str, StepBack] = {}
        self._written: dict[str, bool] = {}
        self._leaving = Leaving.LEFT if paths.left.exists() else Leaving.MOVING if paths.leave.exists() else Leaving.NOT
        self._since = 0.0
        self._moved = 0.0
        self._counted = 0.0
        self._soft_stopped = False
        self._ended = False
        self._parent: int | None = None

    async def run(self) -> None:
        """Never returns."""
        loop = asyncio.get_running_loop()
        while True:
            self._follow(loop.time())
            self._step_back(loop.time())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL):
                    await self._state.changed_since(self._state.version)

    # ── stepping back ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _step_back(self, now: float) -> None:
        seen = self._state.now
        routers = seen.installed.routers if seen.installed else ()
        self._steps = {router.name: self._steps.get(router.name) or StepBack(router) for router in routers}
        for router in routers:
            step = self._steps[router.name]
            step.router = router
            wanted = step.wanted(router.yields, self._leaving is not Leaving.NOT, holds(router, seen.network), now)
            if self._written.get(router.name) is not wanted:
                write_track(self._paths.track_yield(router.name), wanted)
                if wanted or self._written.get(router.name):
                    log.info("%s: %s", router.name, "stepping back" if wanted else "standing again")
                self._written[router.name] = wanted

    # ── leaving ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _follow(self, now: float) -> None:
        """One step on the way out, or back where the pod turns out to live on."""
        before = self._leaving
        if self._leaving is Leaving.NOT and self._paths.leave.exists():
            self._leaving, self._since, self._soft_stopped, self._ended = Leaving.MOVING, now, False, False
            self._parent = self._keepalived.parent()
        elif self._leaving is not Leaving.NOT and self._lives_on():
            self._withdraw()
        elif self._leaving is Leaving.MOVING and self._has_moved(now):
            self._leaving, self._moved, self._counted = Leaving.DRAINING, now, now
        elif self._leaving is Leaving.DRAINING and self._has_drained(now):
            self._leaving = Leaving.LEFT
            self._paths.left.touch()
        if self._leaving is not before:
            log.info("leaving: %s", self._leaving.value)
        self._state.update(leaving=self._leaving is not Leaving.NOT)

    def _lives_on(self) -> bool:
        """A container was restarted, and the pod stays: HAProxy answers again, or keepalived is another."""
        if self._state.now.haproxy is Health.DOWN:
            self._ended = True
        again = self._ended and self._state.now.haproxy is Health.UP
        parent = self._keepalived.parent()
        return again or (parent is not None and self._parent is not None and parent != self._parent)

    def _withdraw(self) -> None:
        for file in (self._paths.leave, self._paths.left):
            file.unlink(missing_ok=True)
        self._leaving = Leaving.NOT

    def _has_moved(self, now: float) -> bool:
        seen = self._state.now
        held = [router for router in (seen.installed.routers if seen.installed else ()) if holds(router, seen.network)]
        return not held or now - self._since >= max(map(patience, held))

    def _has_drained(self, now: float) -> bool:
        """After a moment for latecomers, HAProxy stops listening and asks every client to come back by another connection."""
        seen = self._state.now
        drain = seen.installed.drain_seconds if seen.installed else 0.0
        if now - self._moved >= drain or (seen.haproxy is Health.DOWN and not self._soft_stopped):
            return True  # who does not answer any more has nobody to serve
        if now - self._moved < _SETTLE:
            return False
        if not self._soft_stopped:
            self._soft_stopped = True
            self._soft_stop()
        if now - self._counted < _COUNT_EVERY:
            return False
        self._counted = now
        return haproxy_master(self._paths.haproxy_master) is None or not count_open(read_sockets(), seen.virtual_ips)

    def _soft_stop(self) -> None:
        if (pid := haproxy_master(self._paths.haproxy_master)) is not None:
            processes.send(pid, signal.SIGUSR1)


def haproxy_master(path: Path) -> int | None:
    """Process id of the HAProxy that listens on its master socket; None where nobody does."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(0.2)
        try:
            connection.connect(str(path))
            pid, _, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        except OSError:
            return None
    return int(pid) or None
