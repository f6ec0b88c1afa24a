"""Waiting for a change of the state: no change is missed, a wait ends at its deadline, and a cancelled wait ends as cancelled."""

import asyncio

import pytest

from hacluster.agent.state import AgentState


async def test_a_change_ends_the_wait() -> None:
    state = AgentState()
    waiting = asyncio.ensure_future(state.wait_for_change(state.version, 5))
    await asyncio.sleep(0)
    assert not waiting.done()
    state.update(leaving=True)
    assert await waiting


async def test_a_change_before_the_wait_is_not_missed() -> None:
    state = AgentState()
    version = state.version
    state.update(leaving=True)
    async with asyncio.timeout(1):
        assert await state.wait_for_change(version, 60)


async def test_every_waiter_sees_a_change() -> None:
    state = AgentState()
    waiting = [asyncio.ensure_future(state.wait_for_change(state.version)) for _ in range(3)]
    await asyncio.sleep(0)
    state.update(leaving=True)
    async with asyncio.timeout(5):
        assert await asyncio.gather(*waiting) == [True, True, True]


async def test_an_update_without_a_difference_is_no_change() -> None:
    state = AgentState()
    assert not state.update(leaving=False)
    assert not await state.wait_for_change(state.version, 0.01)


async def test_a_wait_inside_another_deadline_ends_with_that_deadline() -> None:
    """The publisher waits like this for the first complete observation."""
    state = AgentState()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await state.wait_for_change(state.version)


async def test_a_cancelled_wait_is_cancelled() -> None:
    state = AgentState()
    waiting = asyncio.ensure_future(state.wait_for_change(state.version, 5))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
