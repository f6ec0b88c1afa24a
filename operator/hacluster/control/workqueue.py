"""The queue of resources to reconcile: `WorkQueue` computes when each is due, `Worker` runs the tasks that process them.

It works like client-go's rate-limiting work queue: a key that is added several times is processed once, a key is processed by one
task at a time, and a key whose processing failed is retried after a growing delay. `WorkQueue` reads no clock: it takes every time
as an argument, so it can be tested without waiting.
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
"""Resources that are processed at the same time."""
RESYNC = 300.0
"""Seconds until all objects are listed again. A longer delay that the processing of a resource asks for is shortened to this."""
K = TypeVar("K")

FIRST_BACKOFF, LONGEST_BACKOFF = 0.2, 60.0
"""Seconds until the first retry, and the longest delay, both before jitter. Each retry waits twice as long as the one before."""
MIN_RETRY_PAUSE = 1.0
"""Seconds in which events do not make a failed key due: its own processing may have caused them, and would then repeat without pause."""


class WorkQueue(Generic[K]):
    """Keys with the time at which each is due. All times are seconds of one monotonic clock."""

    def __init__(self, jitter: Callable[[], float]) -> None:
        """`jitter` returns factors around 1, so that many failing keys do not retry at the same moment."""
        self._jitter = jitter
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0
        self._running: set[K] = set()
        self._failures: dict[K, int] = {}
        self._not_before: dict[K, float] = {}

    def add(self, key: K, at: float) -> None:
        """Makes the key due at `at`, or leaves it due sooner. After a failure it is due after the pause at the earliest."""
        at = max(at, self._not_before.get(key, at))
        if key in self._due and self._due[key] <= at:
            return
        self._due[key] = at
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, key))

    def take(self, now: float) -> K | None:
        """Takes a key that is due and not being processed; None: there is none. It is being processed until `done` or `failed`."""
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
        """The key was processed. It is due again at `again` even without an event; None: only when it is added."""
        self._running.discard(key)
        self._failures.pop(key, None)
        self._not_before.pop(key, None)
        if again is not None:
            self.add(key, again)

    def failed(self, key: K, now: float, at_least: float = 0.0) -> float:
        """Processing the key failed. Returns the delay until the retry in seconds, not less than `at_least`."""
        self._running.discard(key)
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = max(min(FIRST_BACKOFF * 2.0 ** min(failures, 20), LONGEST_BACKOFF) * self._jitter(), at_least)
        self._not_before[key] = now + min(delay, max(MIN_RETRY_PAUSE, at_least))
        if key in self._due:  # added while it was processed: not before the pause either
            at = self._due.pop(key)
            self.add(key, at)
        self.add(key, now + delay)
        return delay

    def next_due(self) -> float | None:
        """When the next key that is not being processed is due; None: there is none."""
        times = [at for key, at in self._due.items() if key not in self._running]
        return min(times, default=None)

    @property
    def busy(self) -> bool:
        """Whether any key is being processed."""
        return bool(self._running)


class RetryLater(Exception):
    """Processing failed in an expected way: try again after `after` seconds at the earliest. Logged without a traceback."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class Worker:
    """Calls `work` for each key that is added.

    `work` returns in how many seconds the key is due again; None: only when it is added again. An exception means a retry.
    """

    def __init__(self, work: Callable[[Key], Awaitable[float | None]], *, clock: Callable[[], float] | None = None) -> None:
        self._work = work
        self._clock = clock or asyncio.get_running_loop().time
        self._queue: WorkQueue[Key] = WorkQueue(lambda: random.uniform(0.8, 1.2))  # noqa: S311 - jitter, no secret
        self._changed = asyncio.Event()
        self._stopping = False

    def add(self, key: Key) -> None:
        """Makes the resource due now."""
        self._queue.add(key, self._clock())
        self._changed.set()

    async def run(self) -> None:
        """Processes keys until `stop`. Keys that are being processed then are finished."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(self._take_and_process())

    def stop(self) -> None:
        """Takes no more keys. `run` returns when the running ones are finished."""
        self._stopping = True
        self._changed.set()

    async def _take_and_process(self) -> None:
        while not self._stopping:
            key = self._queue.take(self._clock())
            if key is None:
                await self._wait_until_due()
                continue
            await self._process(key)
            self._changed.set()

    async def _wait_until_due(self) -> None:
        self._changed.clear()
        due = self._queue.next_due()
        timeout = None if due is None else max(due - self._clock(), 0)
        try:
            async with asyncio.timeout(timeout):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def _process(self, key: Key) -> None:
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
