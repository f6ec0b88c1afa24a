"""How long this machine let a process wait that had something to do: a client's gap of that length says nothing about the product."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

_EVERY: Final = 0.01
"""Seconds between two looks at the clock."""


@dataclass
class Stall:
    """The longest one so far, in seconds."""

    longest: float = 0.0


@contextmanager
def watched_stalls() -> Iterator[Stall]:
    """Looks at the clock all the time while the block runs. A look that comes late is a stall."""
    stall, stop = Stall(), threading.Event()

    def look() -> None:
        last = time.monotonic()
        while not stop.wait(_EVERY):
            now = time.monotonic()
            stall.longest, last = max(stall.longest, now - last - _EVERY), now

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield stall
    finally:
        stop.set()
        thread.join()
