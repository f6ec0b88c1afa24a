"""The leader election's own connection shows dead connections, too."""

import asyncio
from typing import Any

import pytest
from kubernetes.aio.client import Configuration

from hacluster.control import leader
from hacluster.control.leader import Leader
from hacluster.kube.client import ApiError, Client


async def test_the_first_renewal_without_an_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later ones are not: an API server that is slow with everything would have all watches started anew every few seconds."""
    client = Client(Configuration(host="http://127.0.0.1:1"), manager="test")
    made, told = Leader(client, "ns", "lease", "me"), list[float]()
    made.unanswered = told.append
    answers = iter(["silence", "silence", "refused", "answer", "silence", "refused", "answer", "refused"])
    ended = asyncio.Event()

    async def look() -> None:
        match next(answers, "end"):
            case "silence":
                await asyncio.Event().wait()
            case "refused":
                raise ApiError("GET lease", 0, "Unreachable", "connection refused")
            case "end":
                ended.set()

    monkeypatch.setattr(leader, "REQUEST_TIMEOUT", 0.01)
    monkeypatch.setattr(leader, "RETRY", 0.001)
    monkeypatch.setattr(made, "_look", look)
    running: asyncio.Task[Any] = asyncio.create_task(made.run())
    try:
        async with asyncio.timeout(5):
            await ended.wait()
        assert told == [0.01, 0.01], "once for the first two, once after the answer in between"
    finally:
        running.cancel()
        await client.close()
