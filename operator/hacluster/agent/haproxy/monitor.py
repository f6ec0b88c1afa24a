"""Watches HAProxy's health and tells keepalived: the part that runs the checks and writes the track file."""

import asyncio
import logging
from typing import Final

from hacluster.agent.haproxy.health import HealthJudge, deadline_of
from hacluster.agent.haproxy.holddown import HoldDown
from hacluster.agent.haproxy.probe import Probe, Result
from hacluster.agent.keepalived.track_file import write_track
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.api.reasons import Reason
from hacluster.api.status import Health, NodeProblem
from hacluster.timing import SERVES, interval_seconds

log = logging.getLogger(__name__)

INTERVAL: Final = 0.1
PART: Final = "health"
# Seconds before the second look of a HAProxy that may be down: one that hangs has used its deadline already, and one that is
# just ending closes its connections a moment before its listener.
_PAUSES: Final = {Result.SILENT: 0.0, Result.CLOSED: 0.02}


class HAProxyMonitor:
    """The part that knows whether HAProxy answers, and tells keepalived."""

    def __init__(self, paths: Paths, state: AgentState, adverts: LastAdverts | None = None) -> None:
        """`adverts`: with it, a HAProxy that keeps dying is held down while another node has the virtual IPs."""
        self._paths, self._state, self._adverts = paths, state, adverts
        self._resumed = paths.track_haproxy.exists()
        self._hold = HoldDown()
        self._told: bool | None = None
        if not self._resumed:  # nothing is known yet: no virtual IP before HAProxy has answered
            write_track(paths.track_haproxy, flag=True)

    async def run(self) -> None:
        """Never returns."""
        while not self._state.now.started:
            await self._state.changed_since(self._state.version)
        loop = asyncio.get_running_loop()
        judge = HealthJudge(self._resumed, loop.time())
        probe = Probe(self._paths.haproxy_health)
        try:
            while True:
                health = judge.hear(result := await probe.check(deadline_of(self._state.now.installed)), loop.time())
                self._follow(health, result, loop.time())
                await probe.idle(_PAUSES.get(result, INTERVAL) if health is Health.UP else INTERVAL)
        finally:
            probe.close()

    def _follow(self, health: Health, result: Result, now: float) -> None:
        """First keepalived: it is the one in a hurry."""
        if health is Health.UNKNOWN:
            return
        self._hold.hear(health is Health.UP, now)
        held = self._hold.remaining(now) if self._somebody_else_serves(now) else 0.0
        fit = health is Health.UP and held <= 0
        config = self._state.now.installed
        if fit is not self._told and (config is None or config.http_check):
            write_track(self._paths.track_haproxy, flag=not fit)
        self._told = fit
        if health is not self._state.now.haproxy:
            log.warning("HAProxy is %s: %s", health.value, result.value)
            self._state.update(haproxy=health)
        self._tell(held)

    def _tell(self, held: float) -> None:
        if held <= 0:
            self._state.put_problems(PART)
        elif PART not in self._state.now.problems:
            message = (
                f"HAProxy ended {self._hold.failures} times lately: the node stays out for {held:.0f} s in which it has to answer, "
                "as another node serves; see its log for why it ends"
            )
            log.warning("held down: %s", message)
            self._state.put_problems(PART, NodeProblem(reason=Reason.HELD_DOWN, message=message))

    def _somebody_else_serves(self, now: float) -> bool:
        """Who holds down the only node that is left helps nobody."""
        config = self._state.now.installed
        if self._adverts is None or config is None:
            return False
        heard = ((router, self._adverts.last_sender(router.name)) for router in config.routers)
        return any(said is not None and now - said[1] < SERVES * interval_seconds(router) for router, said in heard)
