"""Planned moves: makes this node yield its virtual IPs, and decides when the daemons of a pod that ends may stop.

`Handover.run` is started by `agent/run.py`. There are two causes for yielding: the configuration asks for it (`Router.yields`: a
switchover, or a cordoned node), or the pod is about to end. In that case the containers' preStop hooks create
`names.LEAVE_FILE` and wait for `names.LEFT_FILE`, which this module creates when another node has the virtual IPs and the open
connections are done. While no other node has them, this one goes on serving, also new connections, until its time is over.

A node yields through a track file of keepalived (`yielding.py`).
"""

import asyncio
import logging
from enum import Enum
from typing import Final

from hacluster.agent.handover.leave_record import LeaveRecord, LeaveTimes
from hacluster.agent.handover.soft_stop import SoftStop
from hacluster.agent.handover.superseded import KeepalivedParent, Superseded
from hacluster.agent.handover.together import Together
from hacluster.agent.handover.unserved import down_listeners, report
from hacluster.agent.handover.yielding import YieldFlag, takeover_timeout
from hacluster.agent.keepalived.track_file import ensure_track
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState, holds
from hacluster.agent.system.tcp_sockets import count_open, read_open
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.api.status import Health
from hacluster.nodeconfig import Router
from hacluster.timing import SERVES, interval_seconds

log = logging.getLogger(__name__)

_POLL: Final = 0.05
"""Seconds between two looks at the preStop hooks' files."""
_COUNT_EVERY: Final = 0.25
"""Seconds between two counts of the open connections: a count reads the kernel's list of them."""
_SETTLE: Final = 1.0
"""Seconds after a move in which neighbours that missed the gratuitous ARP may still send new connections to this node."""
_IDLE: Final = 10.0
"""A holder from which nobody takes over ends earlier if it has had no client for these seconds. New pods start in less."""
_UNSERVED: Final = 3
"""A node that has no virtual IP is done after this many takeover timeouts, although no other node advertises them."""


class LeavePhase(Enum):
    """How far a pod that ends has come. The values are written to the log."""

    STAYING = "the pod stays"
    MOVING = "waiting for another node to take the virtual IPs"
    DRAINING = "serving the connections that are left"
    DONE = "done, the daemons may stop"


class Handover:
    """Writes the yield track files, and answers the preStop hooks."""

    def __init__(self, paths: Paths, state: AgentState, keepalived: KeepalivedParent, adverts: LastAdverts) -> None:
        """Times are seconds of the event loop's clock. After a restart while the pod ends, the files and HAProxy tell the phase."""
        self._paths, self._state, self._keepalived, self._adverts = paths, state, keepalived, adverts
        self._flags: dict[str, YieldFlag] = {}
        self._is_set: dict[str, bool] = {}
        self._yielding: dict[str, bool] = {}
        self._phase = LeavePhase.STAYING
        self._resume = paths.leave.exists()
        self._record = LeaveRecord(paths.leave_record)
        self._leave_began = 0.0
        self._drain_began = 0.0
        self._last_count = 0.0
        self._sessions: int | None = None
        self._busy_at = 0.0
        self._soft_stop = SoftStop(paths)
        self._together = Together(state, adverts)
        self._superseded = Superseded(paths, state, adverts, keepalived)
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

    @property
    def _routers(self) -> tuple[Router, ...]:
        installed = self._state.now.installed
        return installed.routers if installed else ()

    @property
    def _held(self) -> list[Router]:
        """The routers of which this node has virtual IPs."""
        return [router for router in self._routers if holds(router, self._state.now.network)]

    def _is_served(self, router: Router, now: float) -> bool:
        """Whether another node has advertised the router's virtual IPs lately. Priority 0 says that it gives them up."""
        last = self._adverts.last(router.name)
        heard = last is not None and last.advert.priority > 0 and now - last.at < SERVES * interval_seconds(router)
        return heard or self._superseded.serves(router, now)

    # ── yielding ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _write_flags(self, now: float) -> None:
        """Makes every router's file right, whatever it contains now: another program may have changed it."""
        self._flags = {router.name: self._flags.get(router.name) or YieldFlag(router) for router in self._routers}
        leaving = self._phase is not LeavePhase.STAYING
        apart, down = self._together.update(self._is_set, now), down_listeners(self._state)
        report(self._state, down)
        for router in self._routers:
            flag = self._flags[router.name]
            flag.router = router
            yields = router.yields or bool(down) or router.name in self._state.now.held_back | apart
            served = self._is_served(router, now)
            is_set = flag.update(yields, leaving, holds(router, self._state.now.network), served, now) or (
                leaving and self._soft_stopped  # it accepts no connection any more
            )
            written, before = ensure_track(self._paths.track_yield(router.name), is_set), self._is_set.get(router.name)
            ensure_track(self._paths.track_step(router.name), flag.step)
            yielding = is_set or flag.step
            if self._yielding.get(router.name, False) is not yielding:
                log.info("router %s: %s", router.name, "yielding" if yielding else "no longer yielding")
            self._yielding[router.name] = yielding
            if written and before is is_set:
                log.warning("router %s: its yield file was not %d; written again", router.name, is_set)
            self._is_set[router.name] = is_set
        if self._state.now.installed:
            for file in self._paths.other_tracks(self._flags):
                file.unlink(missing_ok=True)

    # ── leaving ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _advance_leaving(self, now: float) -> None:
        """Goes to the next phase when its condition holds, or back to STAYING if the pod turns out to stay."""
        before = self._phase
        if self._phase is LeavePhase.STAYING and self._paths.leave.exists():
            self._begin_leaving(now)
        elif self._phase is not LeavePhase.STAYING and self._pod_stays():
            self._cancel_leaving()
        elif self._phase is LeavePhase.MOVING and self._may_end_while_holding(now):
            self._phase = LeavePhase.DONE
        elif self._phase is LeavePhase.MOVING and self._has_moved(now):
            self._phase, self._drain_began, self._last_count = LeavePhase.DRAINING, now, now
            self._record.write(LeaveTimes(self._leave_began, now))
        elif self._phase is LeavePhase.DRAINING and self._held and not self._soft_stopped:
            self._phase = LeavePhase.MOVING  # nobody else could serve
        elif self._phase is LeavePhase.DRAINING and self._has_drained(now):
            self._phase = LeavePhase.DONE
        if self._phase is not LeavePhase.STAYING:
            self._superseded.end_keepalived(self._routers, now)
        if self._phase is not before:
            log.info("leaving: %s", self._phase.value)
            if self._phase is LeavePhase.DONE:
                self._paths.left.touch()
        self._state.update(leaving=self._phase is not LeavePhase.STAYING)

    def _begin_leaving(self, now: float) -> None:
        """Also goes on from where an agent was that ended meanwhile: as far as the files say, and HAProxy itself."""
        times = (self._record.read(now) if self._resume else None) or LeaveTimes(now)
        self._record.write(times)
        self._soft_stopped = self._resume and self._soft_stop.is_under_way()
        self._leave_began, self._drain_began = times.leave_began, times.drain_began or times.leave_began
        if self._resume and self._paths.left.exists():
            self._phase = LeavePhase.DONE
        else:
            self._phase = LeavePhase.DRAINING if self._soft_stopped else LeavePhase.MOVING
        self._resume, self._haproxy_was_down = False, False
        self._superseded.begin()
        self._parent_before = self._keepalived.parent()
        self._sessions, self._busy_at, self._last_count = None, now, now

    def _pod_stays(self) -> bool:
        """Whether only a container was restarted: HAProxy was down and answers again, or keepalived has another parent process.

        The kubelet runs the preStop hooks in that case too, when a liveness probe fails.
        """
        if self._state.now.haproxy is Health.DOWN:
            self._haproxy_was_down = True
        haproxy_restarted = self._haproxy_was_down and self._state.now.haproxy is Health.UP
        parent = self._keepalived.parent()
        if self._parent_before is None:
            self._parent_before = parent
        return haproxy_restarted or (parent is not None and parent != self._parent_before)

    def _cancel_leaving(self) -> None:
        for file in (self._paths.leave, self._paths.left):
            file.unlink(missing_ok=True)
        self._record.remove()
        self._soft_stop.close()
        self._phase = LeavePhase.STAYING

    def _takeover_timeout(self) -> float:
        return max(map(takeover_timeout, self._routers), default=0.0)

    def _may_end_while_holding(self, now: float) -> bool:
        """Whether this node still has virtual IPs, but may end: its time is over, or it serves nothing."""
        waited = now - self._leave_began
        if not self._held or waited < self._takeover_timeout():
            return False
        if waited >= self._drain_seconds() + self._takeover_timeout() or self._state.now.haproxy is Health.DOWN:
            return True
        return self._is_idle(now)

    def _is_idle(self, now: float) -> bool:
        """Whether no client has come for `_IDLE` seconds: nobody would notice the end, as when the whole resource is deleted."""
        if now - self._last_count < _COUNT_EVERY:
            return False
        self._last_count = now
        sessions = self._soft_stop.sessions()
        if sessions != self._sessions or count_open(read_open(), self._state.now.virtual_ips):
            self._sessions, self._busy_at = sessions, now
        return now - self._busy_at >= _IDLE

    def _has_moved(self, now: float) -> bool:
        """Whether other nodes have all virtual IPs; also when nobody advertises them, but this node should have taken them by now."""
        served = all(self._is_served(router, now) for router in self._routers)
        return not self._held and (served or now - self._leave_began >= self._takeover_timeout())

    def _has_drained(self, now: float) -> bool:
        """Whether no connection to a virtual IP is open any more, or the drain is over.

        After `_SETTLE` HAProxy is stopped softly, so that clients connect again, to the new holder. Not before there is one.
        """
        if now - self._drain_began >= self._drain_seconds():
            return True
        if self._state.now.haproxy is Health.DOWN and not self._soft_stopped:
            # After the soft stop it does not answer checks, but still serves; otherwise it has failed.
            self._soft_stopped = self._soft_stop.is_under_way()
            if not self._soft_stopped:
                return True
        served = all(self._is_served(router, now) for router in self._routers)
        if now - self._drain_began < (_SETTLE if served else _UNSERVED * self._takeover_timeout()):
            return False
        if not self._soft_stopped:
            self._soft_stopped = True
            self._soft_stop.begin()
        return self._no_connection_left(now)

    def _no_connection_left(self, now: float) -> bool:
        if now - self._last_count < _COUNT_EVERY:
            return False
        self._last_count = now
        return not self._soft_stop.runs() or not count_open(read_open(), self._state.now.virtual_ips)

    def _drain_seconds(self) -> float:
        installed = self._state.now.installed
        return installed.drain_seconds if installed else 0.0
