"""Planned moves: makes this node yield its virtual IPs, and decides when the daemons of a pod that ends may stop.

`Handover.run` is started by `agent/run.py`. There are two causes for yielding: the configuration asks for it (`Router.yields`: a
switchover, or a cordoned node), or the pod is about to end. In that case the containers' preStop hooks create
`names.LEAVE_FILE` and wait for `names.LEFT_FILE`, which this module creates when another node has the virtual IPs and the open
connections are done.

A node yields through a track file of keepalived. With preemption Immediate, keepalived then lowers its priority, and another node
takes over before this one gives the address up. With Delayed or Never a lower priority moves nothing: there the node goes to FAULT
and gives the address up first.
"""

import asyncio
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
"""Seconds between two looks at the preStop hooks' files."""
_COUNT_EVERY: Final = 0.25
"""Seconds between two counts of the open connections: a count reads the kernel's whole list of sockets."""
_SETTLE: Final = 1.0
"""Seconds after a move in which neighbours that missed the gratuitous ARP may still send new connections to this node."""
_MIN_TIMEOUT: Final = 1.0
_CREDENTIALS: Final = struct.Struct("3i")
"""`struct ucred` of unix(7): process, user and group id."""


class LeavePhase(Enum):
    """How far a pod that ends has come. The values are written to the log."""

    STAYING = "the pod stays"
    MOVING = "waiting for another node to take the virtual IPs"
    DRAINING = "serving the connections that are left"
    DONE = "done, the daemons may stop"


def takeover_timeout(router: Router) -> float:
    """Seconds after which another node would have taken the router's virtual IPs over, if there is one that can."""
    return max(_MIN_TIMEOUT, TAKEOVER * interval_seconds(router))


@dataclass
class YieldFlag:
    """Decides the content of one router's yield track file. Pure: times are arguments, in seconds of a monotonic clock.

    With preemption Immediate (`Router.preempts`), the flag lowers the priority and stays set as long as the node has to yield: a
    node with a higher priority takes the virtual IPs over.

    With Delayed or Never, a lower priority moves nothing, so the flag puts the router into FAULT. There it is set for a limited
    time (`FAULT_PULSE`) only, unless the pod ends. That is enough, as no node preempts the new holder afterwards either; and a node
    that stayed in FAULT could not take over when the others fail.
    """

    router: Router
    _set_at: float | None = None
    _pulse_over: bool = False

    def update(self, yields: bool, leaving: bool, holder: bool, now: float) -> bool:
        """Whether the file has to contain 1 from now on.

        `yields`: the configuration asks for it. `leaving`: the pod ends. `holder`: this node has virtual IPs of the router.
        """
        if not (yields or leaving):
            self._set_at, self._pulse_over = None, False
            return False
        if self.router.preempts or leaving:
            return True
        if holder and not self._pulse_over and self._set_at is None:
            self._set_at = now
        pulse = FAULT_PULSE * interval_seconds(self.router)
        if self._set_at is not None and now - self._set_at >= pulse:
            self._set_at, self._pulse_over = None, True
        return self._set_at is not None


class KeepalivedParent(Protocol):
    """What this module needs to know of keepalived (`agent/keepalived/process.py`)."""

    def parent(self) -> int | None:
        """Process id of keepalived's parent process; None while it does not run."""


class Handover:
    """Writes the yield track files, and answers the preStop hooks."""

    def __init__(self, paths: Paths, state: AgentState, keepalived: KeepalivedParent) -> None:
        """Times are seconds of the event loop's clock. After a restart while the pod ends, the hooks' files tell the phase."""
        self._paths, self._state, self._keepalived = paths, state, keepalived
        self._flags: dict[str, YieldFlag] = {}
        self._written: dict[str, bool] = {}
        self._phase = LeavePhase.STAYING
        if paths.left.exists():
            self._phase = LeavePhase.DONE
        elif paths.leave.exists():
            self._phase = LeavePhase.MOVING
        self._leave_began = 0.0
        self._drain_began = 0.0
        self._last_count = 0.0
        self._soft_stopped = False
        self._haproxy_was_down = False
        self._parent_before: int | None = None

    async def run(self) -> None:
        """Runs until cancelled: acts at every change of the agent's state, and looks at the hooks' files 20 times a second."""
        loop = asyncio.get_running_loop()
        while True:
            self._advance_leaving(loop.time())
            self._write_flags(loop.time())
            await self._state.wait_for_change(self._state.version, _POLL)

    # ── yielding ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _write_flags(self, now: float) -> None:
        observation = self._state.now
        routers = observation.installed.routers if observation.installed else ()
        self._flags = {router.name: self._flags.get(router.name) or YieldFlag(router) for router in routers}
        leaving = self._phase is not LeavePhase.STAYING
        for router in routers:
            flag = self._flags[router.name]
            flag.router = router
            is_set = flag.update(router.yields, leaving, holds(router, observation.network), now)
            before = self._written.get(router.name)
            if before is not is_set:
                write_track(self._paths.track_yield(router.name), is_set)
                if is_set or before:
                    log.info("router %s: %s", router.name, "yielding" if is_set else "no longer yielding")
                self._written[router.name] = is_set

    # ── leaving ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _advance_leaving(self, now: float) -> None:
        """Goes to the next phase when its condition holds, or back to STAYING if the pod turns out to stay."""
        before = self._phase
        if self._phase is LeavePhase.STAYING and self._paths.leave.exists():
            self._phase, self._leave_began, self._soft_stopped, self._haproxy_was_down = LeavePhase.MOVING, now, False, False
            self._parent_before = self._keepalived.parent()
        elif self._phase is not LeavePhase.STAYING and self._pod_stays():
            self._cancel_leaving()
        elif self._phase is LeavePhase.MOVING and self._has_moved(now):
            self._phase, self._drain_began, self._last_count = LeavePhase.DRAINING, now, now
        elif self._phase is LeavePhase.DRAINING and self._has_drained(now):
            self._phase = LeavePhase.DONE
            self._paths.left.touch()
        if self._phase is not before:
            log.info("leaving: %s", self._phase.value)
        self._state.update(leaving=self._phase is not LeavePhase.STAYING)

    def _pod_stays(self) -> bool:
        """Whether only a container was restarted: HAProxy was down and answers again, or keepalived has another parent process.

        The kubelet runs the preStop hooks in that case too, when a liveness probe fails.
        """
        if self._state.now.haproxy is Health.DOWN:
            self._haproxy_was_down = True
        haproxy_restarted = self._haproxy_was_down and self._state.now.haproxy is Health.UP
        parent = self._keepalived.parent()
        return haproxy_restarted or (parent is not None and self._parent_before is not None and parent != self._parent_before)

    def _cancel_leaving(self) -> None:
        for file in (self._paths.leave, self._paths.left):
            file.unlink(missing_ok=True)
        self._phase = LeavePhase.STAYING

    def _has_moved(self, now: float) -> bool:
        """Whether this node has no virtual IP any more, or no other node has taken one over in time."""
        observation = self._state.now
        routers = observation.installed.routers if observation.installed else ()
        held = [router for router in routers if holds(router, observation.network)]
        return not held or now - self._leave_began >= max(map(takeover_timeout, held))

    def _has_drained(self, now: float) -> bool:
        """Whether no connection to a virtual IP is open any more, or the drain is over.

        After `_SETTLE` HAProxy is stopped softly: it closes its listeners and adds `Connection: close` to its answers, so that
        clients connect again, to the new holder.
        """
        observation = self._state.now
        drain = observation.installed.drain_seconds if observation.installed else 0.0
        if now - self._drain_began >= drain:
            return True
        if observation.haproxy is Health.DOWN and not self._soft_stopped:
            return True  # it has failed and serves no connection; after the soft stop it does not answer checks, but still serves
        if now - self._drain_began < _SETTLE:
            return False
        if not self._soft_stopped:
            self._soft_stopped = True
            self._soft_stop()
        if now - self._last_count < _COUNT_EVERY:
            return False
        self._last_count = now
        return haproxy_master(self._paths.haproxy_master) is None or not count_open(read_sockets(), observation.virtual_ips)

    def _soft_stop(self) -> None:
        """SIGUSR1 to the master process: soft stop (HAProxy's Management Guide, "Stopping and restarting HAProxy")."""
        if (pid := haproxy_master(self._paths.haproxy_master)) is not None:
            processes.send(pid, signal.SIGUSR1)


def haproxy_master(path: Path) -> int | None:
    """Process id of the process that listens on HAProxy's master socket; None if there is none.

    The kernel gives it for a connected unix socket (SO_PEERCRED, unix(7)). So no pid file is needed, which could be out of date.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(0.2)
        try:
            connection.connect(str(path))
            pid, _, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        except OSError:
            return None
    return int(pid) or None
