"""Whether this operator may act: the pure part of the leader election. Times are seconds of one clock that never goes back.

It works as Kubernetes' own controllers do (client-go's leaderelection): the one whose name is in a Lease acts, and renews it. Another
one takes the Lease when it has not changed for the Lease's duration by the other one's own clock; no clocks are compared. Who cannot
renew stops acting before that, `DEADLINE` after the beginning of its last successful renewal.
"""

from dataclasses import dataclass

DURATION = 15
"""Seconds after which a Lease that does not change may be taken."""
DEADLINE = 10.0
"""Seconds after which an operator that could not renew stops acting. The rest of `DURATION` is for a request that is under way."""


@dataclass(frozen=True)
class Record:
    """The Lease as it was read. A change of any field is a sign of life."""

    holder: str
    renewed: str
    version: str
    duration: float = DURATION
    """Seconds, as its holder wrote it."""


class Election:
    """What one operator knows of the Lease."""

    def __init__(self, identity: str) -> None:
        """`identity` is the name under which it holds the Lease: no two running operators may have the same one."""
        self.identity = identity
        self.record: Record | None = None
        self._changed_at = 0.0
        self._renewed_at: float | None = None

    def observe(self, record: Record | None, now: float) -> None:
        """The Lease was read; None: there is none."""
        if record != self.record:
            self.record, self._changed_at = record, now
        if record is None or record.holder != self.identity:
            self._renewed_at = None

    def may_take(self, now: float) -> bool:
        """Whether it may write its name into the Lease: it is free, its own already, or has not changed for its duration."""
        record = self.record
        return record is None or record.holder in ("", self.identity) or now - self._changed_at >= record.duration

    def took(self, record: Record, started: float) -> None:
        """It has written the Lease, with a request that began at `started`."""
        self.record, self._changed_at, self._renewed_at = record, started, started

    def leads(self, now: float) -> bool:
        """Whether it may act now. To be asked immediately before each write: the process may have been stopped since it last asked."""
        return self._renewed_at is not None and now - self._renewed_at < DEADLINE
