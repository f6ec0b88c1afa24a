"""Events: they fit the API server's limits, and the caller does not wait for them."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from hacluster.control.events import MAX_NOTE, MAX_QUEUED, EventRecorder, truncate
from hacluster.kube.client import ApiError
from hacluster.kube.kinds import EVENT, Kind
from hacluster.plan.status import Event


@pytest.mark.parametrize("letter", ["a", "Đ", "界"])
def test_a_long_note_is_cut_to_the_limit_in_bytes(letter: str) -> None:
    note = truncate(letter * 2000)
    assert MAX_NOTE - 4 <= len(note.encode()) <= MAX_NOTE
    assert note == letter * (len(note) - 1) + "…"


def test_a_short_note_is_unchanged() -> None:
    assert truncate("a" * MAX_NOTE) == "a" * MAX_NOTE
    assert truncate("") == ""


class Api:
    """An API server that stores Events once `open` is set, and refuses the reasons in `refuse`."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.stored: list[str] = []
        self.refuse: set[str] = set()

    async def create(self, kind: Kind, manifest: Any) -> Any:
        assert kind is EVENT
        await self.open.wait()
        if manifest["reason"] in self.refuse:
            raise ApiError("POST", 403, "Forbidden", "no")
        self.stored.append(manifest["reason"])


RESOURCE = {
    "apiVersion": "hacluster.dev/v1alpha1",
    "kind": "HACluster",
    "metadata": {"name": "web", "namespace": "ns", "uid": "u1", "resourceVersion": "7"},
}


def post(recorder: EventRecorder, *reasons: str) -> None:
    recorder.post(RESOURCE, "7", [Event(reason, "message") for reason in reasons], datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
async def api() -> Api:
    return Api()


async def test_post_does_not_wait_and_events_keep_their_order(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    recorder = EventRecorder(api, "operator-pod")  # type: ignore[arg-type]
    task = asyncio.create_task(recorder.run())
    post(recorder, "One", "Two")
    post(recorder, "Three")
    await recorder.flush(0.01)
    assert api.stored == [] and "events were not posted" in caplog.text
    api.refuse = {"Two"}
    api.open.set()
    await recorder.flush(5)
    task.cancel()
    assert api.stored == ["One", "Three"]
    assert "event Two was not posted" in caplog.text


async def test_events_beyond_the_limit_of_the_queue_are_dropped(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    recorder = EventRecorder(api, "operator-pod")  # type: ignore[arg-type]
    post(recorder, *(f"E{number}" for number in range(MAX_QUEUED + 5)))
    assert caplog.text.count("was not posted") == 5
    task = asyncio.create_task(recorder.run())
    api.open.set()
    await recorder.flush(5)
    task.cancel()
    assert len(api.stored) == MAX_QUEUED
