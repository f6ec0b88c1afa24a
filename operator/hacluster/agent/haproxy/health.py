"""When HAProxy counts as up or down, and how long it may take to answer. Pure: results and times are arguments."""

from typing import Final

from hacluster.agent.haproxy.probe import DEADLINE, Result
from hacluster.api.status import Health
from hacluster.nodeconfig import AgentConfig
from hacluster.timing import HEALTH_DEADLINE, interval_seconds

FAILURES: Final = 2
PATIENCE: Final = 10.0
"""Seconds that a HAProxy that never answered yet may take to start before it counts as down."""
_SHORTEST: Final = 0.1


def deadline_of(config: AgentConfig | None) -> float:
    """Seconds that HAProxy has for an answer: who asks for quick advertisements wants a hanging HAProxy found sooner as well."""
    if config is None or not config.routers:
        return DEADLINE
    quickest = min(map(interval_seconds, config.routers))
    return min(DEADLINE, max(_SHORTEST, HEALTH_DEADLINE * quickest))


class HealthJudge:
    """Turns checks into a health. A refused connection is certain; anything else has to fail twice in a row."""

    def __init__(self, resumed: bool, now: float) -> None:
        """`resumed`: HAProxy had been started before this agent, so that it has no time to start."""
        self.health = Health.UNKNOWN
        self._failures = 0
        self._patient_until = now if resumed else now + PATIENCE

    def hear(self, result: Result, now: float) -> Health:
        """The health after one more check at `now`, in seconds of a monotonic clock."""
        if result is Result.ANSWERED:
            self._failures = 0
            self.health = Health.UP
            return self.health
        self._failures += 1
        certain = result is Result.REFUSED or self._failures >= FAILURES
        starting = self.health is Health.UNKNOWN and now < self._patient_until
        if certain and not starting:
            self.health = Health.DOWN
        return self.health
