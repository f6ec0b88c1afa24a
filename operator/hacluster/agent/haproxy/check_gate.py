"""Decides how long a HAProxy that has just started must not take virtual IPs from another node. Pure.

HAProxy takes every server for up until its first check, and for down after one failed first check, until several have passed. So a node
that comes back would send requests to servers that it cannot reach, or have none to send them to, while the holder serves.
A node that has checked them and reaches fewer than the holder does goes on waiting.
`backend_monitor.py` passes what it observes to `CheckGate.update`.
"""

from typing import Final

from hacluster.api.status import Health

LONGEST_WAIT: Final = 10.0
"""Seconds after HAProxy's first answer. A server that is still not up then is down for longer, or only this node cannot reach it: what
the holder reports tells which."""


class CheckGate:
    """Closed from a start of HAProxy until every server is up by a check, or after `LONGEST_WAIT` as many as the holder reaches.

    A reload does not close it: HAProxy keeps what it knows.
    """

    def __init__(self, resumed: bool) -> None:
        """`resumed`: HAProxy was started before this agent."""
        self._awaited = not resumed
        self._answers_since: float | None = None

    def is_overdue(self, now: float) -> bool:
        """Whether the node still waits although every server that it can reach should be up: the holder's report is needed."""
        return self._awaited and self._answers_since is not None and now - self._answers_since >= LONGEST_WAIT

    def update(self, health: Health, all_up: bool, reaches_fewer: bool, now: float) -> bool:
        """Returns whether the node has to wait.

        `all_up`: whether HAProxy says that its checks of all servers have passed. `reaches_fewer`: whether the holder is known to reach
        more servers.
        """
        if health is Health.DOWN:  # it is unfit for that reason, and the next HAProxy that answers is a new one, or one that hung
            self._awaited, self._answers_since = True, None
            return False
        if not self._awaited:
            return False
        if health is Health.UNKNOWN:
            return True
        if self._answers_since is None:
            self._answers_since = now
        if all_up or (self.is_overdue(now) and not reaches_fewer):
            self._awaited = False
        return self._awaited
