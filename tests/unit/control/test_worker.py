"""`Worker` processes a key once at a time, again after a delay or a failure, and never lets another key wait for it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from hacluster.control.workqueue import Key, RetryLater, Worker

A, B = ("ns", "a"), ("ns", "b")


@asynccontextmanager
async def running_worker(work: Callable[[Key], Awaitable[float | None]]) -> AsyncIterator[Worker]:
    worker = Worker(work)
    task = asyncio.create_task(worker.run())
    yield worker
    worker.stop()
    async with asyncio.timeout(5):
        await task


class RecordedWork:
    """A work function that records its calls. Each call waits for `gate` if there is one, and returns or raises the next of `answers`."""

    def __init__(self) -> None:
        self.calls: list[Key] = []
        self.running: set[Key] = set()
        self.changed = asyncio.Condition()
        self.gate: asyncio.Event | None = None
        self.answers: list[float | Exception | None] = []

    async def work(self, key: Key) -> float | None:
        assert key not in self.running, "the same key twice at once"
        self.running.add(key)
        async with self.changed:
            self.calls.append(key)
            self.changed.notify_all()
        if self.gate:
            await self.gate.wait()
        self.running.discard(key)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: len(self.calls) >= count)


async def test_an_added_key_is_processed() -> None:
    recorded = RecordedWork()
    async with running_worker(recorded.work) as worker:
        worker.add(A)
        await recorded.until(1)
    assert recorded.calls == [A]


async def test_many_adds_during_processing_lead_to_one_more_call() -> None:
    recorded = RecordedWork()
    recorded.gate = asyncio.Event()
    async with running_worker(recorded.work) as worker:
        worker.add(A)
        await recorded.until(1)
        for _ in range(50):
            worker.add(A)
        worker.add(B)
        await recorded.until(2)  # another key does not wait
        assert recorded.calls == [A, B]
        recorded.gate.set()
        await recorded.until(3)
    assert recorded.calls == [A, B, A]


async def test_a_key_is_processed_again_after_the_returned_delay() -> None:
    recorded = RecordedWork()
    recorded.answers = [0.01, 0.01]
    async with running_worker(recorded.work) as worker:
        worker.add(A)
        await recorded.until(3)


async def test_a_failure_is_retried_and_logged_once_each_time(caplog: pytest.LogCaptureFixture) -> None:
    recorded = RecordedWork()
    recorded.answers = [RetryLater("no luck"), ValueError("a bug")]
    with caplog.at_level(logging.WARNING):
        async with running_worker(recorded.work) as worker:
            worker.add(A)
            await recorded.until(3)
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    assert "ns/a: no luck; trying again in" in caplog.records[0].getMessage()


async def test_stop_finishes_running_work_and_takes_no_more() -> None:
    recorded = RecordedWork()
    recorded.gate = asyncio.Event()
    worker = Worker(recorded.work)
    task = asyncio.create_task(worker.run())
    worker.add(A)
    await recorded.until(1)
    worker.stop()
    worker.add(B)
    recorded.gate.set()
    async with asyncio.timeout(5):
        await task
    assert recorded.calls == [A]
    assert not recorded.running
