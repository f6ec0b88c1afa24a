"""The queue at work: takes due keys from the schedule, a few at a time, and never dies of one key's failure."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from hacluster.control.workqueue import Schedule

log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name of a resource."""

WORKERS = 4
RESYNC = 300.0
"""Every resource is looked at this often, in seconds, though nothing happened."""


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
        self._schedule: Schedule[Key] = Schedule(lambda: random.uniform(0.8, 1.2))  # noqa: S311 - jitter, no secret
        self._changed = asyncio.Event()
        self._stopping = False

    def ring(self, key: Key) -> None:
        """The resource has to be looked at now."""
        self._schedule.ring(key, self._clock())
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
            key = self._schedule.take(self._clock())
            if key is None:
                await self._wait()
                continue
            await self._handle(key)
            self._changed.set()

    async def _wait(self) -> None:
        self._changed.clear()
        due = self._schedule.next_due()
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
            delay = self._schedule.failed(key, self._clock(), retry.after)
            log.warning("%s: %s; trying again in %.1f s", name, retry, delay)
        except Exception:
            delay = self._schedule.failed(key, self._clock())
            log.exception("%s: unexpected error; trying again in %.1f s", name, delay)
        else:
            self._schedule.done(key, None if again is None else self._clock() + min(again, RESYNC))
