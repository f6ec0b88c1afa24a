"""Watches HAProxy's health, and reports it to keepalived (track file) and to the agent's state.

`HAProxyMonitor.run` is started by `agent/run.py`. It runs a check (`probe.py`) every 0.1 s, lets `health.py` decide what the
result means and `holddown.py` whether a HAProxy that answers again may have virtual IPs yet.

The result goes to keepalived by a track file because keepalived reads it at every change (keepalived.conf(5), "track_file"): it
takes effect at once, and no process has to be started for every check. The file is compared with the result after every check,
also while the configuration does not use it (check type Process): so it is right before keepalived loads one that does.
"""

import asyncio
import logging
from typing import Final

from hacluster.agent.haproxy.health import HealthJudge, deadline_of
from hacluster.agent.haproxy.holddown import HoldDown
from hacluster.agent.haproxy.probe import Probe, Result
from hacluster.agent.keepalived.track_file import ensure_track
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.agent.vrrp.adverts import LastAdverts, ReceivedAdvert
from hacluster.api.reasons import Reason
from hacluster.api.status import Health, NodeProblem
from hacluster.nodeconfig import Router
from hacluster.timing import SERVES, SUCCESSOR, interval_seconds

log = logging.getLogger(__name__)

INTERVAL: Final = 0.1
"""Seconds between two checks."""
PART: Final = "health"
"""Under this key the monitor's problems are stored in the agent's state."""
_RETRY_AFTER: Final = {Result.SILENT: 0.0, Result.CLOSED: 0.02}
"""Seconds before the second check of a HAProxy that may be down. After SILENT the deadline was pause enough; after CLOSED there is
a short one, as a HAProxy that ends closes its connections a moment before its listener."""


class HAProxyMonitor:
    """Runs the health checks and writes the track file."""

    def __init__(self, paths: Paths, state: AgentState, adverts: LastAdverts | None = None) -> None:
        """`adverts`: with it, a HAProxy that crashes again and again is held down while another node has the virtual IPs."""
        self._paths, self._state, self._adverts = paths, state, adverts
        self._resumed = paths.track_haproxy.exists()
        self._hold_down = HoldDown()
        if not self._resumed:  # nothing is known yet: no virtual IP before HAProxy has answered
            ensure_track(paths.track_haproxy, flag=True)

    async def run(self) -> None:
        """Runs until cancelled: waits for the first installed configuration, then checks HAProxy for ever."""
        while not self._state.now.started:
            await self._state.wait_for_change(self._state.version)
        loop = asyncio.get_running_loop()
        judge = HealthJudge(self._resumed, loop.time())
        probe = Probe(self._paths.haproxy_health)
        try:
            while True:
                result = await probe.check(deadline_of(self._state.now.installed))
                health = judge.update(result, loop.time())
                self._apply(health, result, loop.time())
                await probe.idle(_RETRY_AFTER.get(result, INTERVAL) if health is Health.UP else INTERVAL)
        finally:
            probe.close()

    def _apply(self, health: Health, result: Result, now: float) -> None:
        """Writes the track file before anything else: the failover waits for it."""
        if health is Health.UNKNOWN:
            return
        self._hold_down.update(health is Health.UP, now)
        remaining = self._hold_down.remaining(now) if self._may_hold_down(now) else 0.0
        fit = health is Health.UP and remaining <= 0
        ensure_track(self._paths.track_haproxy, flag=not fit)
        if health is not self._state.now.haproxy:
            log.warning("HAProxy is %s: %s", health.value, result.value)
            self._state.update(haproxy=health)
        self._report_hold_down(remaining, now)

    def _report_hold_down(self, remaining: float, now: float) -> None:
        """Sets or removes the problem `HeldDown`. `remaining`: seconds."""
        if remaining <= 0:
            self._state.put_problems(PART)
        elif PART not in self._state.now.problems:
            message = (
                f"HAProxy ended {self._hold_down.failures(now)} times within a minute: the node stays out for {remaining:.0f} s in which "
                "it has to answer, as another node serves; see its log for why it ends"
            )
            log.warning("held down: %s", message)
            self._state.put_problems(PART, NodeProblem(reason=Reason.HELD_DOWN, message=message))

    def _may_hold_down(self, now: float) -> bool:
        """Whether keepalived follows the track file, and another node has advertised lately.

        If none has, a hold-down of this node would only make the outage longer.
        """
        config = self._state.now.installed
        if self._adverts is None or config is None or not config.http_check:
            return False
        return any(serves(router, self._adverts.last(router.name), now) for router in config.routers)


def serves(router: Router, last: ReceivedAdvert | None, now: float) -> bool:
    """Whether the sender of the router's last advertisement, or a node that took over from it, has the virtual IPs at `now`."""
    if last is None:
        return False
    intervals = SERVES if last.advert.priority else SUCCESSOR
    return now - last.at < intervals * interval_seconds(router)
