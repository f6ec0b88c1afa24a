"""The queue at work."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from hacluster.control.workqueue import Key, RetryLater, Worker

A, B = ("ns", "a"), ("ns", "b")


@asynccontextmanager
async def working(work: Callable[[Key], Awaitable[float | None]]) -> AsyncIterator[Worker]:
    worker = Worker(work)
    task = asyncio.create_task(worker.run())
    yield worker
    worker.stop()
    async with asyncio.timeout(5):
        await task


class Log:
    """Records calls; each waits for `gate` where there is one."""

    def __init__(self) -> None:
        self.calls: list[Key] = []
        self.running: set[Key] = set()
        self.changed = asyncio.Condition()
        self.gate: asyncio.Event | None = None
        self.answers: list[float | Exception | None] = []

    async def work(self, key: Key) -> float | None:
        assert key not in self.running, "two at once"
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


async def test_a_ring_is_answered() -> None:
    log = Log()
    async with working(log.work) as worker:
        worker.add(A)
        await log.until(1)
    assert log.calls == [A]


async def test_many_rings_during_the_work_are_answered_once_more() -> None:
    log = Log()
    log.gate = asyncio.Event()
    async with working(log.work) as worker:
        worker.add(A)
        await log.until(1)
        for _ in range(50):
            worker.add(A)
        worker.add(B)
        await log.until(2)  # another key need not wait
        assert log.calls == [A, B]
        log.gate.set()
        await log.until(3)
    assert log.calls == [A, B, A]


async def test_it_looks_again_when_asked_to() -> None:
    log = Log()
    log.answers = [0.01, 0.01]
    async with working(log.work) as worker:
        worker.add(A)
        await log.until(3)


async def test_a_failure_is_tried_again_and_told_once_each_time(caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    log.answers = [RetryLater("no luck"), ValueError("a bug")]
    with caplog.at_level(logging.WARNING):
        async with working(log.work) as worker:
            worker.add(A)
            await log.until(3)
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    assert "ns/a: no luck; trying again in" in caplog.records[0].getMessage()


async def test_what_was_begun_is_finished_and_nothing_else_begun() -> None:
    log = Log()
    log.gate = asyncio.Event()
    worker = Worker(log.work)
    task = asyncio.create_task(worker.run())
    worker.add(A)
    await log.until(1)
    worker.stop()
    worker.add(B)
    log.gate.set()
    async with asyncio.timeout(5):
        await task
    assert log.calls == [A]
    assert not log.running
