"""The queue of resources that have to be reconciled: when each is due (pure), and the workers that take them.

Like client-go's rate-limiting work queue: a key that is added several times is worked on once, one worker at a time works on
a key, and a key whose work failed is retried after a growing delay. `WorkQueue` knows no clock; `Worker` brings one.
"""

import asyncio
import heapq
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name of a resource."""

WORKERS = 4
RESYNC = 300.0
"""Every resource is looked at this often, in seconds, though nothing happened."""
K = TypeVar("K")

FIRST_BACKOFF, LONGEST_BACKOFF = 0.2, 60.0
"""Seconds until the first retry, and at most; each retry waits twice as long as the one before."""
FAILING_PAUSE = 1.0
"""A key that failed is not tried again sooner than this because of an event: its own retry may be what caused it."""


class WorkQueue(Generic[K]):
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

    def add(self, key: K, at: float) -> None:
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
            self.add(key, again)

    def failed(self, key: K, now: float, at_least: float = 0.0) -> float:
        """The key has to be tried again; the delay in seconds, not less than `at_least`."""
        self._running.discard(key)
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = max(min(FIRST_BACKOFF * 2.0 ** min(failures, 20), LONGEST_BACKOFF) * self._jitter(), at_least)
        self._not_before[key] = now + min(delay, max(FAILING_PAUSE, at_least))
        if key in self._due:  # rung meanwhile: not sooner than that either
            at = self._due.pop(key)
            self.add(key, at)
        self.add(key, now + delay)
        return delay

    def next_due(self) -> float | None:
        """When the next key that is not being worked on is due; None: never."""
        times = [at for key, at in self._due.items() if key not in self._running]
        return min(times, default=None)

    @property
    def busy(self) -> bool:
        """Whether any key is being worked on."""
        return bool(self._running)


class RetryLater(Exception):
    """The work could not be done, and that was dealt with: try again, at the earliest after so many seconds."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class Worker:
    """Calls `work` for each key that is rung; `work` returns in how many seconds to look again, None: not before a ring."""

    def __init__(self, work: Callable[[Key], Awaitable[float | None]], *, clock: Callable[[], float] | None = None) -> None:
        self._work = work
        self._clock = clock or asyncio.get_running_loop().time
        self._queue: WorkQueue[Key] = WorkQueue(lambda: random.uniform(0.8, 1.2))  # noqa: S311 - jitter, no secret
        self._changed = asyncio.Event()
        self._stopping = False

    def add(self, key: Key) -> None:
        """The resource has to be looked at now."""
        self._queue.add(key, self._clock())
        self._changed.set()

    async def run(self) -> None:
        """Works until `stop`; what was begun is finished."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._serve())

    def stop(self) -> None:
        """No new work from now on."""
        self._stopping = True
        self._changed.set()

    async def _serve(self) -> None:
        while not self._stopping:
            key = self._queue.take(self._clock())
            if key is None:
                await self._wait()
                continue
            await self._handle(key)
            self._changed.set()

    async def _wait(self) -> None:
        self._changed.clear()
        due = self._queue.next_due()
        timeout = None if due is None else max(due - self._clock(), 0)
        try:
            async with asyncio.timeout(timeout):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def _handle(self, key: Key) -> None:
        name = "/".join(key)
        try:
            again = await self._work(key)
        except RetryLater as retry:
            delay = self._queue.failed(key, self._clock(), retry.after)
            log.warning("%s: %s; trying again in %.1f s", name, retry, delay)
        except Exception:
            delay = self._queue.failed(key, self._clock())
            log.exception("%s: unexpected error; trying again in %.1f s", name, delay)
        else:
            self._queue.done(key, None if again is None else self._clock() + min(again, RESYNC))
