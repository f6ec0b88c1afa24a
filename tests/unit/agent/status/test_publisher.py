"""The publisher: one report after a burst of changes, always the newest entry, and again after failures."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hacluster.agent.state import AgentState
from hacluster.agent.status import publisher
from hacluster.agent.status.entry import build_entry
from hacluster.agent.status.publisher import FileReporter, Publisher, ReportFailed, ResourceGone, Stored, load_entry
from hacluster.agent.system.network import IFF_LOOPBACK, Link, Network
from hacluster.api.status import Health, NodeStatus
from hacluster.timestamps import format_timestamp
from tests.waiting import eventually_async

NOON = datetime(2026, 1, 2, 12, 0, 0, 5, tzinfo=UTC)


class RecordingReporter:
    """Records what it gets. Each exception in `failures` is raised once; `gate` blocks `apply` until it is set."""

    def __init__(self) -> None:
        self.entries: list[NodeStatus] = []
        self.times: list[float] = []
        self.failures: list[Exception] = []
        self.events: asyncio.Queue[Stored | Exception] = asyncio.Queue()
        self.gate: asyncio.Event | None = None

    async def apply(self, entry: NodeStatus) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.entries.append(entry)
        self.times.append(asyncio.get_running_loop().time())

    async def read(self, node: str) -> NodeStatus | None:
        raise NotImplementedError

    async def watch(self) -> AsyncIterator[Stored]:
        while True:
            event = await self.events.get()
            if isinstance(event, Exception):
                raise event
            yield event

    async def close(self) -> None:
        pass


@dataclass
class Running:
    """A publisher that runs, with its state and its reporter."""

    state: AgentState
    reporter: RecordingReporter

    async def wait_for(self, version: str) -> NodeStatus:
        """Waits until the last published entry has this agent version (see `change`)."""
        await eventually_async(lambda: bool(self.reporter.entries) and self.reporter.entries[-1].agent_version == version)
        return self.reporter.entries[-1]


@contextlib.asynccontextmanager
async def run_publisher(
    entry_file: Path, *, settled: bool = True, reporter: RecordingReporter | None = None
) -> AsyncIterator[Running]:
    state = AgentState()
    reporter = reporter or RecordingReporter()

    def build(previous: NodeStatus | None) -> NodeStatus:
        version = str(len(state.now.network.links) if state.now.network else "")
        return build_entry("node1", version, state.now, previous, format_timestamp(NOON))

    if settled:
        settle(state)
    made = Publisher(state, reporter, build, entry_file)
    tasks = {asyncio.create_task(made.run()), asyncio.create_task(made.follow())}
    try:
        yield Running(state, reporter)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def settle(state: AgentState) -> None:
    """Makes the state as complete as it is after every part has observed the node once."""
    state.update(network=Network(), keepalived=False)


def change(state: AgentState, number: int) -> None:
    """Changes the entry: its agent version is the number of links."""
    state.update(network=Network(tuple(Link(n, f"l{n}", flags=IFF_LOOPBACK) for n in range(1, number + 1))))


def edit(file: Path, change_text: Callable[[str], str]) -> None:
    file.write_text(change_text(file.read_text()))


@pytest.fixture
def entry_file(tmp_path: Path) -> Path:
    return tmp_path / "entry.json"


async def test_the_first_change_is_reported_at_once(entry_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "MIN_INTERVAL", 1.0)
    async with run_publisher(entry_file) as running:
        await running.wait_for("0")
        await asyncio.sleep(1.1)
        started = asyncio.get_running_loop().time()
        change(running.state, 1)
        await running.wait_for("1")
        assert running.reporter.times[-1] - started < 0.5


async def test_many_changes_become_few_reports_and_the_last_one_is_never_lost(entry_file: Path) -> None:
    async with run_publisher(entry_file) as running:
        await running.wait_for("0")
        for number in range(1, 101):
            change(running.state, number)
            await asyncio.sleep(0.002)
        await running.wait_for("100")
        duration = running.reporter.times[-1] - running.reporter.times[0]
        assert len(running.reporter.entries) <= duration / publisher.MIN_INTERVAL + 2


async def test_a_change_that_is_not_in_the_entry_is_not_reported(entry_file: Path) -> None:
    async with run_publisher(entry_file) as running:
        await running.wait_for("0")
        running.state.update(started=True, haproxy=Health.UNKNOWN)
        running.state.update(states_known=True)
        await asyncio.sleep(0.2)
        assert len(running.reporter.entries) == 1


async def test_after_failures_the_newest_entry_is_reported(entry_file: Path) -> None:
    reporter = RecordingReporter()
    reporter.failures = [ReportFailed("unreachable"), ReportFailed("unreachable")]
    async with run_publisher(entry_file, reporter=reporter) as running:
        await asyncio.sleep(0.05)
        change(running.state, 7)
        assert (await running.wait_for("7")) is reporter.entries[0]  # the older entry is not reported any more


async def test_changes_during_a_slow_report_are_in_the_next_one(entry_file: Path) -> None:
    reporter = RecordingReporter()
    reporter.gate = asyncio.Event()
    async with run_publisher(entry_file, reporter=reporter) as running:
        await asyncio.sleep(0.02)
        change(running.state, 1)
        change(running.state, 2)
        reporter.gate.set()
        await running.wait_for("2")


async def test_a_missing_resource_is_tried_again_after_a_long_wait_only(entry_file: Path) -> None:
    reporter = RecordingReporter()
    reporter.failures = [ResourceGone("there is no HACluster web")] * 50
    async with run_publisher(entry_file, reporter=reporter):
        await asyncio.sleep(0.5)
        assert len(reporter.failures) == 49


async def test_the_first_report_waits_until_the_state_is_complete(entry_file: Path) -> None:
    async with run_publisher(entry_file, settled=False) as running:
        await asyncio.sleep(0.1)
        assert running.reporter.entries == []
        settle(running.state)
        await running.wait_for("0")


async def test_the_first_report_waits_no_longer_than_the_timeout(entry_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "SETTLE_TIMEOUT", 0.1)
    async with run_publisher(entry_file, settled=False) as running:
        await running.wait_for("")


async def test_the_operators_question_is_answered_at_once_and_once(entry_file: Path) -> None:
    async with run_publisher(entry_file) as running:
        first = await running.wait_for("0")
        for _ in range(3):
            running.reporter.events.put_nowait(Stored(first, "77"))
        await eventually_async(lambda: running.reporter.entries[-1].liveness_response == "77", within=0.5)
        running.reporter.events.put_nowait(Stored(running.reporter.entries[-1], "77"))
        await asyncio.sleep(0.1)
        assert len(running.reporter.entries) == 2


async def test_an_entry_that_another_client_has_changed_is_written_again(
    entry_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "REPAIR_PAUSE", 0.05)
    async with run_publisher(entry_file) as running:
        first = await running.wait_for("0")
        for changed in (NodeStatus(name="node1"), None):
            before = len(running.reporter.entries)
            running.reporter.events.put_nowait(Stored(changed))
            await eventually_async(lambda before=before: len(running.reporter.entries) > before)  # type: ignore[misc]
            assert running.reporter.entries[-1] == first
            running.reporter.events.put_nowait(Stored(first))


async def test_an_event_about_an_older_entry_of_its_own_causes_no_write(
    entry_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "REPAIR_PAUSE", 0.05)
    async with run_publisher(entry_file) as running:
        first = await running.wait_for("0")
        change(running.state, 1)
        second = await running.wait_for("1")
        running.reporter.events.put_nowait(Stored(first))
        running.reporter.events.put_nowait(Stored(second))
        await asyncio.sleep(0.2)
        assert running.reporter.entries == [first, second]


async def test_the_watch_is_opened_again_after_a_failure(entry_file: Path) -> None:
    async with run_publisher(entry_file) as running:
        first = await running.wait_for("0")
        running.reporter.events.put_nowait(ReportFailed("unreachable"))
        running.reporter.events.put_nowait(Stored(first, "78"))
        await eventually_async(lambda: running.reporter.entries[-1].liveness_response == "78")


async def test_a_restarted_agent_goes_on_with_the_saved_entry(entry_file: Path) -> None:
    async with run_publisher(entry_file) as running:
        first = await running.wait_for("0")
    assert load_entry(entry_file) == first
    edit(entry_file, lambda text: text.replace(format_timestamp(NOON), "2020-01-01T00:00:00.000000Z"))
    async with run_publisher(entry_file) as running:
        assert (await running.wait_for("0")).since == "2020-01-01T00:00:00.000000Z"
    edit(entry_file, lambda _: "broken")
    assert load_entry(entry_file) is None


async def test_the_file_reporter_writes_one_json_line_for_each_entry(tmp_path: Path) -> None:
    reporter = FileReporter(tmp_path / "lines")
    for name in ("a", "b"):
        await reporter.apply(NodeStatus(name=name))
    assert [json.loads(line)["name"] for line in (tmp_path / "lines").read_text().splitlines()] == ["a", "b"]
