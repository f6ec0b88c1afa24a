"""When the kernel received a packet, on the clock by which the agent measures durations. Pure.

A busy agent reads a packet later than it arrived. An advertisement that the previous holder sent before this node took over would then
look like one that it sent afterwards, and whoever asks "is there another holder" would get the wrong answer.

The kernel stamps packets with the wall clock (socket(7), SO_TIMESTAMPNS). Only the difference to the wall clock's time at the reading is
used, so that it does not matter how the clock is set.
"""

import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

SO_TIMESTAMPNS: Final = 35
"""The socket option, and the type of its control message (asm-generic/socket.h: x86 and ARM). All kernels have it, also before 5.1."""
SOL_SOCKET: Final = 1
_TIMESPEC: Final = struct.Struct("@ll")  # seconds, nanoseconds
_LONGEST: Final = 60.0
"""No packet waits longer than this many seconds: the wall clock was set between the arrival and the reading."""


class Now(NamedTuple):
    """The time of the reading: seconds of the monotonic clock, and nanoseconds of the wall clock since 1970."""

    monotonic: float
    wall_ns: int


def arrival(control: Iterable[tuple[int, int, bytes]], now: Now) -> float:
    """When the packet with these control messages arrived: seconds of the monotonic clock. Without a stamp, when it is read."""
    for level, kind, value in control:
        if (level, kind, len(value)) == (SOL_SOCKET, SO_TIMESTAMPNS, _TIMESPEC.size):
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            waited = (now.wall_ns - seconds * 1_000_000_000 - nanoseconds) / 1e9
            return now.monotonic - waited if 0 <= waited < _LONGEST else now.monotonic
    return now.monotonic
