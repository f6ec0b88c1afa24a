"""When each key is due: coalescing, one at a time per key, back-off after failures. Pure: the time is an argument."""

import heapq
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")

FIRST_BACKOFF, LONGEST_BACKOFF = 0.2, 60.0
"""Seconds until the first retry, and at most; each retry waits twice as long as the one before."""
FAILING_PAUSE = 1.0
"""A key that failed is not tried again sooner than this because of an event: its own retry may be what caused it."""


class Schedule(Generic[K]):
    """Keys with the earliest time at which each has to be looked at. Times are seconds of any one monotonic clock."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        """`jitter` gives factors around 1, so that many failing keys do not retry in step."""
        self._jitter = jitter
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0
        self._running: set[K] = set()
        self._failures: dict[K, int] = {}
        self._not_before: dict[K, float] = {}

    def ring(self, key: K, at: float) -> None:
        """The key is due at `at`, or sooner if it already was."""
        at = max(at, self._not_before.get(key, at))
        if key in self._due and self._due[key] <= at:
            return
        self._due[key] = at
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, key))

    def take(self, now: float) -> K | None:
        """A key that is due and not being worked on; it is from now on, until `done` or `failed`."""
        put_back = []
        taken: K | None = None
        while self._heap and self._heap[0][0] <= now:
            entry = heapq.heappop(self._heap)
            at, _, key = entry
            if self._due.get(key) != at:
                continue
            if key in self._running:
                put_back.append(entry)
                continue
            del self._due[key]
            self._running.add(key)
            taken = key
            break
        for entry in put_back:
            heapq.heappush(self._heap, entry)
        return taken

    def done(self, key: K, again: float | None) -> None:
        """The key was dealt with; look again at `again`, whatever happens."""
        self._running.discard(key)
        self._failures.pop(key, None)
        self._not_before.pop(key, None)
        if again is not None:
            self.ring(key, again)

    def failed(self, key: K, now: float, at_least: float = 0.0) -> float:
        """The key has to be tried again; the delay in seconds, not less than `at_least`."""
        self._running.discard(key)
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = max(min(FIRST_BACKOFF * 2.0 ** min(failures, 20), LONGEST_BACKOFF) * self._jitter(), at_least)
        self._not_before[key] = now + min(delay, max(FAILING_PAUSE, at_least))
        if key in self._due:  # rung meanwhile: not sooner than that either
            at = self._due.pop(key)
            self.ring(key, at)
        self.ring(key, now + delay)
        return delay

    def next_due(self) -> float | None:
        """When the next key that is not being worked on is due; None: never."""
        times = [at for key, at in self._due.items() if key not in self._running]
        return min(times, default=None)

    @property
    def busy(self) -> bool:
        """Whether any key is being worked on."""
        return bool(self._running)
