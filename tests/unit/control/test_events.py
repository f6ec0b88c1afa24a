"""Notes that the API server takes, and that nobody waits for."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from hacluster.control.events import MAX_NOTE, MAX_WAITING, EventRecorder, fit
from hacluster.kube.client import ApiError
from hacluster.kube.kinds import EVENT, Kind
from hacluster.plan.status import Event


@pytest.mark.parametrize("letter", ["a", "Đ", "界"])
def test_a_long_note_fits_in_bytes(letter: str) -> None:
    note = fit(letter * 2000)
    assert MAX_NOTE - 4 <= len(note.encode()) <= MAX_NOTE
    assert note == letter * (len(note) - 1) + "…"


def test_a_note_that_fits_is_left_alone() -> None:
    assert fit("a" * MAX_NOTE) == "a" * MAX_NOTE
    assert fit("") == ""


class Api:
    """Takes Events, once `open` is set."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.taken: list[str] = []
        self.refuse: set[str] = set()

    async def create(self, kind: Kind, manifest: Any) -> Any:
        assert kind is EVENT
        await self.open.wait()
        if manifest["reason"] in self.refuse:
            raise ApiError("POST", 403, "Forbidden", "no")
        self.taken.append(manifest["reason"])


RESOURCE = {"metadata": {"name": "web", "namespace": "ns", "uid": "u1", "resourceVersion": "7"}}


def post(recorder: EventRecorder, *reasons: str) -> None:
    recorder.post(RESOURCE, "7", [Event(reason, "said") for reason in reasons], datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
async def api() -> Api:
    return Api()


async def test_nobody_waits_for_an_event_and_none_overtakes(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    recorder = EventRecorder(api, "here")  # type: ignore[arg-type]
    task = asyncio.create_task(recorder.run())
    post(recorder, "One", "Two")
    post(recorder, "Three")
    await recorder.flush(0.01)
    assert api.taken == [] and "events were not posted" in caplog.text
    api.refuse = {"Two"}
    api.open.set()
    await recorder.flush(5)
    task.cancel()
    assert api.taken == ["One", "Three"]
    assert "event Two was not posted" in caplog.text


async def test_an_api_server_that_does_not_answer_costs_events_not_memory(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    recorder = EventRecorder(api, "here")  # type: ignore[arg-type]
    post(recorder, *(f"E{number}" for number in range(MAX_WAITING + 5)))
    assert caplog.text.count("was not posted") == 5
    task = asyncio.create_task(recorder.run())
    api.open.set()
    await recorder.flush(5)
    task.cancel()
    assert len(api.taken) == MAX_WAITING
