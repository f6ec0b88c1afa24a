"""What the nodes report is written into status at once, even while objects are being applied. Only the API server is simulated."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hacluster.control import status_writer
from hacluster.kube.kinds import CONFIG_MAP
from tests.unit.control.running import RunningOperator, run_operator
from tests.waiting import eventually_async


@pytest.fixture
async def running() -> AsyncIterator[RunningOperator]:
    async with run_operator() as running:
        yield running


async def test_a_move_is_reported_while_an_object_is_being_applied(running: RunningOperator) -> None:
    running.api.held = CONFIG_MAP
    config = running.operator.reconciler._applier._store.get(CONFIG_MAP, "ns", "web-config")  # type: ignore[attr-defined]
    assert config is not None
    running.operator.informer.remove(CONFIG_MAP, config)  # it was deleted, and applying it again takes long
    async with asyncio.timeout(5):
        await running.api.waiting.wait()
    running.nodes_report(node1=False, node2=True)
    await eventually_async(lambda: running.api.shown[-1] == "node2")
    assert not running.api.gate.is_set()
    running.api.gate.set()


async def test_a_gap_of_some_milliseconds_between_two_holders_is_not_written(running: RunningOperator) -> None:
    """The gap is in the order of the reports, not on the network."""
    running.nodes_report(node1=False)
    await asyncio.sleep(0.05)
    running.nodes_report(node2=True)
    await eventually_async(lambda: running.api.shown[-1] == "node2")
    assert "" not in running.api.shown
    running.nodes_report(node2=False)
    await eventually_async(lambda: running.api.shown[-1] == "")


async def test_the_gap_ends_as_soon_as_the_new_holder_has_reported(
    running: RunningOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status must not wait for the longest gap: with one of a minute, the move is shown all the same."""
    monkeypatch.setattr(status_writer, "BETWEEN_HOLDERS", 60.0)
    running.nodes_report(node1=False)
    await asyncio.sleep(0.02)
    running.nodes_report(node2=True)
    await eventually_async(lambda: running.api.shown[-1] == "node2", within=5)
