"""Decides whether HAProxy counts as up or down, and how long it has to answer a check.

`monitor.py` passes the result of each check to `HealthJudge.update`. Pure: results and times are arguments, so that every
sequence of results can be tested without a HAProxy.
"""

from typing import Final

from hacluster.agent.haproxy.probe import DEADLINE, Result
from hacluster.api.status import Health
from hacluster.nodeconfig import AgentConfig
from hacluster.timing import HEALTH_DEADLINE, interval_seconds

FAILURES: Final = 2
"""So many failed checks in a row make HAProxy count as down, where one of them alone is not certain."""
START_TIMEOUT: Final = 10.0
"""Seconds that a HAProxy which has not answered yet may take to start before it counts as down."""
_MIN_DEADLINE: Final = 0.1
"""Seconds: no deadline is shorter, however often advertisements are sent."""


def deadline_of(config: AgentConfig | None) -> float:
    """Seconds that HAProxy has to answer one check.

    Shorter where advertisements are sent more often: a cluster that finds a lost node sooner has to find a hanging HAProxy
    sooner as well.
    """
    if config is None or not config.routers:
        return DEADLINE
    shortest_interval = min(map(interval_seconds, config.routers))
    return min(DEADLINE, max(_MIN_DEADLINE, HEALTH_DEADLINE * shortest_interval))


class HealthJudge:
    """Turns results of checks into a health. One refused connection is enough for "down"; other failures must come twice in a row."""

    def __init__(self, resumed: bool, now: float) -> None:
        """`resumed`: HAProxy was started before this agent, so it gets no time to start. `now`: seconds of a monotonic clock."""
        self.health = Health.UNKNOWN
        self._failures = 0
        self._start_deadline = now if resumed else now + START_TIMEOUT

    def update(self, result: Result, now: float) -> Health:
        """Takes in one more result and returns the health after it. `now`: seconds of a monotonic clock."""
        if result is Result.ANSWERED:
            self._failures = 0
            self.health = Health.UP
            return self.health
        self._failures += 1
        certain = result is Result.REFUSED or self._failures >= FAILURES
        starting = self.health is Health.UNKNOWN and now < self._start_deadline
        if certain and not starting:
            self.health = Health.DOWN
        return self.health
