"""Records when the pod began to end and when the drain began, so that an agent that is restarted meanwhile goes on with them.

Everything else about the end of a pod is found anew: the hooks' files, the virtual IPs, whether HAProxy was stopped softly. The times are
seconds of CLOCK_MONOTONIC, which is that of the event loop and the same for all processes until the node starts again; then the run
directory is empty as well. No wall clock is used: it may have been set since.
"""

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from hacluster.agent.system.files import replace_file


@dataclass(frozen=True)
class LeaveTimes:
    """`drain_began` is None before the drain."""

    leave_began: float
    drain_began: float | None = None


class LeaveRecord:
    """The record in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self, now: float) -> LeaveTimes | None:
        """The recorded times; None where there are none that lie before `now`."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            document = json.loads(self._file.read_text())
            drain = document["drain_began"]
            times = LeaveTimes(float(document["leave_began"]), None if drain is None else float(drain))
            if times.leave_began <= (times.leave_began if times.drain_began is None else times.drain_began) <= now:
                return times
        return None

    def write(self, times: LeaveTimes) -> None:
        """Replaces the record. Raises OSError."""
        replace_file(self._file, json.dumps(asdict(times)))

    def remove(self) -> None:
        """The pod stays."""
        self._file.unlink(missing_ok=True)
