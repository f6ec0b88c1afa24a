"""An agent that waits starts nothing, and reports what the agent of the static pod would."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hacluster.agent.state import AgentState
from hacluster.agent.status import standby
from hacluster.agent.status.entry import on_behalf
from hacluster.agent.status.publisher import Stored
from hacluster.agent.status.standby import Behalf, LocalReporter, keep_turn, wait_for_turn
from hacluster.agent.system import only_one
from hacluster.agent.system.only_one import OnlyOne
from hacluster.api.reasons import Reason
from hacluster.api.status import MAX_PROBLEMS, NodeProblem, NodeStatus
from tests.unit.agent.status.test_publisher import RecordingReporter
from tests.waiting import eventually_async


@pytest.fixture
def name() -> str:
    return f"hacluster.dev/test/{uuid.uuid4().hex}"


@contextlib.asynccontextmanager
async def static_agent(name: str) -> AsyncIterator[OnlyOne]:
    """Another process's place: it has the right, and serves."""
    has = OnlyOne(name)
    assert has.take()
    task = asyncio.create_task(keep_turn(has, AgentState()))
    try:
        yield has
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        has.close()


def entry(**changes: object) -> NodeStatus:
    return NodeStatus.model_validate({"name": "node1", "pod": "hacluster-web-node1", "config_revision": "r1", **changes})


async def test_it_reports_each_change_with_its_own_pod_and_answers_the_operator(name: str, tmp_path: Path) -> None:
    reporter, waits = RecordingReporter(), OnlyOne(name)
    async with static_agent(name) as has:
        task = asyncio.create_task(wait_for_turn(waits, Behalf("node1", "web-lb-x", reporter, tmp_path / "entry.json")))
        local = LocalReporter(has)
        await local.apply(entry())
        await eventually_async(lambda: bool(reporter.entries))
        first = reporter.entries[-1]
        assert (first.pod, first.config_revision, [each.reason for each in first.problems]) == (
            "web-lb-x",
            "r1",
            [Reason.STATIC_POD],
        )
        assert "hacluster-web-node1" in first.problems[0].message
        await local.apply(entry(config_revision="r2"))
        await eventually_async(lambda: reporter.entries[-1].config_revision == "r2")
        await reporter.events.put(Stored(reporter.entries[-1], "42"))
        await eventually_async(lambda: reporter.entries[-1].liveness_response == "42")
        assert not task.done() and not waits.taken
    await asyncio.wait_for(task, 5)
    assert waits.taken
    waits.close()


async def test_its_end_is_no_error_in_the_log_of_the_agent_that_is_followed(name: str, caplog: pytest.LogCaptureFixture) -> None:
    waits = OnlyOne(name)
    async with static_agent(name):
        task = asyncio.create_task(wait_for_turn(waits, None))
        await asyncio.sleep(0.2)
    await asyncio.wait_for(task, 5)
    waits.close()
    assert not [each for each in caplog.records if each.levelname in {"WARNING", "ERROR"}]


async def test_an_agent_of_a_static_pod_waits_without_a_report(name: str) -> None:
    waits = OnlyOne(name)
    async with static_agent(name) as has:
        task = asyncio.create_task(wait_for_turn(waits, None))
        has.publish(entry().model_dump_json(by_alias=True))
        await asyncio.sleep(0.2)
        assert not task.done()
    await asyncio.wait_for(task, 5)
    waits.close()


async def test_it_waits_for_an_agent_that_was_killed_while_its_daemons_run(name: str, tmp_path: Path) -> None:
    reporter, waits, serve = RecordingReporter(), OnlyOne(name), [True]
    behalf = Behalf("node1", "web-lb-x", reporter, tmp_path / "entry.json")
    task = asyncio.create_task(wait_for_turn(waits, behalf, lambda: serve[0]))
    await asyncio.wait_for(task, 5)  # whatever listens there: an agent that has followed nobody waits for nobody
    waits.close()
    async with static_agent(name) as has:
        task = asyncio.create_task(wait_for_turn(waits, behalf, lambda: serve[0]))
        await LocalReporter(has).apply(entry())
        await eventually_async(lambda: bool(reporter.entries))
    await asyncio.sleep(0.5)
    assert not task.done() and waits.is_free()
    async with static_agent(name) as has:
        await LocalReporter(has).apply(entry(config_revision="r2"))
        await eventually_async(lambda: reporter.entries[-1].config_revision == "r2")
        assert not waits.is_free()
    serve[0] = False
    await asyncio.wait_for(task, 5)
    assert waits.taken
    waits.close()


async def test_it_waits_no_longer_than_the_kubelet_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "_RESTART", 0.3)
    waits = OnlyOne(name)
    async with static_agent(name):
        task = asyncio.create_task(wait_for_turn(waits, None, lambda: True))
        await asyncio.sleep(0.2)
    await asyncio.wait_for(task, 5)
    assert waits.taken
    waits.close()


async def test_what_another_version_writes_is_passed_over(name: str, tmp_path: Path) -> None:
    reporter, waits = RecordingReporter(), OnlyOne(name)
    async with static_agent(name) as has:
        has.publish('{"routers": 5}')
        task = asyncio.create_task(wait_for_turn(waits, Behalf("node1", "web-lb-x", reporter, tmp_path / "entry.json")))
        await asyncio.sleep(0.2)
        await LocalReporter(has).apply(entry())
        await eventually_async(lambda: bool(reporter.entries))
    await asyncio.wait_for(task, 5)
    waits.close()


async def test_a_program_that_is_no_agent_is_reported_until_it_ends(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(only_one, "_PAUSE", 0.01)
    monkeypatch.setattr(standby, "_TAKE_AGAIN", 0.01)
    foreign, own, state = OnlyOne(name), OnlyOne(name), AgentState()
    foreign.take()
    monkeypatch.setattr(only_one, "_user_of", lambda _: 4711)
    await asyncio.wait_for(wait_for_turn(own, None), 5)
    assert not own.taken
    task = asyncio.create_task(keep_turn(own, state))
    await eventually_async(lambda: standby.PART in state.now.problems)
    assert state.now.problems[standby.PART][0].reason == Reason.AGENT_SOCKET_TAKEN
    foreign.close()
    await eventually_async(lambda: own.taken and not state.now.problems)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    own.close()


def test_the_static_pod_is_named_however_many_problems_there_are() -> None:
    many = tuple(NodeProblem(reason="X", message=f"{number}") for number in range(MAX_PROBLEMS))
    found = on_behalf(entry(problems=many), "node1", "web-lb-x", "", None)
    assert found.problems[0].reason == Reason.STATIC_POD and len(found.problems) == MAX_PROBLEMS
    assert on_behalf(entry(), "node1", "p", "", entry(liveness_response="7")).liveness_response == "7"
