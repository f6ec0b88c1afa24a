"""Decides when a router's track files for yielding contain 1. Pure: times are arguments, in seconds of a monotonic clock.

`handover.py` writes the files. With preemption Immediate, a 1 in the yield file lowers the priority to 1: another node takes over before
this one gives the virtual IPs up, and where there is no other, this node keeps them. Two others might take over at the same time, so
a 1 in the step file lowers the priority to just below the next node's first. With Delayed or Never a lower priority moves nothing: there
a 1 means FAULT, and the node gives the virtual IPs up first.
"""

from dataclasses import dataclass
from typing import Final

from hacluster.nodeconfig import Router
from hacluster.timing import FAULT_PULSE, TAKEOVER, YIELD_STEP, interval_seconds

_MIN_TIMEOUT: Final = 1.0
_MIN_STEP: Final = 0.3
"""Seconds: on a busy node, a takeover needs longer than four very short intervals."""
_TRY_AGAIN: Final = 10.0
"""Seconds after which a holder whose pod ends, and from which nobody took over, gives the virtual IPs up once more."""


def takeover_timeout(router: Router) -> float:
    """Seconds after which another node would have taken the router's virtual IPs over, if there is one that can."""
    return max(_MIN_TIMEOUT, TAKEOVER * interval_seconds(router)) + _step_seconds(router)


def _step_seconds(router: Router) -> float:
    """Seconds in which only the node with the next priority can take over."""
    return max(_MIN_STEP, YIELD_STEP * interval_seconds(router)) if router.yields_in_steps else 0.0


@dataclass
class YieldFlag:
    """The content of one router's yield track file; `step` is that of its step file.

    With preemption Immediate (`Router.preempts`), the flag stays set as long as the node has to yield; where the node has the virtual
    IPs, the step comes first. Otherwise it puts the router into FAULT, for a limited time (`FAULT_PULSE`): that is enough, as no node
    preempts the new holder afterwards, and a node that stayed in FAULT could not take over when the others fail.
    """

    router: Router
    step: bool = False
    _step_until: float | None = None
    """When the step is over; None: the node does not yield."""
    _set_at: float | None = None
    _pulse_over: bool = False
    _tried_at: float | None = None
    """When the holder of a pod that ends last gave the virtual IPs up; None while the pod stays."""

    def update(self, yields: bool, leaving: bool, holder: bool, served: bool, now: float) -> bool:
        """Whether the file has to contain 1 from now on.

        `yields`: the configuration asks for it. `leaving`: the pod ends. `holder`: this node has virtual IPs of the router. `served`:
        another node advertises them.
        """
        if not leaving:
            self._tried_at = None
        if not (yields or leaving):
            self._set_at, self._pulse_over = None, False
            self._step_until, self.step = None, False
            return False
        if self.router.preempts:
            return self._lowers_to_one(holder, now)
        return self._leaves(holder, served, now) if leaving else self._yields(holder, now)

    def _lowers_to_one(self, holder: bool, now: float) -> bool:
        """At once, or after the step where this node begins to yield as the holder. The step stays: the lower priority counts."""
        if self._step_until is None:
            self.step = holder and self.router.yields_in_steps
            self._step_until = now + _step_seconds(self.router) if self.step else now
        if not holder:
            self._step_until = now  # where it has to take the virtual IPs back, it does not begin again
        return now >= self._step_until

    def _yields(self, holder: bool, now: float) -> bool:
        """One pulse: if no other node took over, it is not tried again."""
        if holder and not self._pulse_over and self._set_at is None:
            self._set_at = now
        if self._set_at is not None and not self._in_pulse(now):
            self._set_at, self._pulse_over = None, True
        return self._set_at is not None

    def _leaves(self, holder: bool, served: bool, now: float) -> bool:
        """FAULT while another node serves. The holder gives up for one pulse, and takes the virtual IPs back if nobody else can.

        So where the pods of all nodes end together, one of them goes on serving. It tries again later: by then new pods may run.
        A node that took over only because nobody else did waits as long as after a try.
        """
        if self._tried_at is None:
            self._tried_at = now - _TRY_AGAIN if holder else now
            self._set_at = None
        if served and not holder:
            return True
        if holder and self.router.neighbours and self._set_at is None and now - self._tried_at >= _TRY_AGAIN:
            self._set_at = self._tried_at = now
        if self._set_at is not None and not self._in_pulse(now):
            self._set_at, self._tried_at = None, now
        return self._set_at is not None

    def _in_pulse(self, now: float) -> bool:
        return self._set_at is not None and now - self._set_at < FAULT_PULSE * interval_seconds(self.router)
