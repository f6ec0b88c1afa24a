"""A part that fails is started again, and the others go on."""

import asyncio

import pytest

from hacluster.agent.supervisor import run_parts


async def test_a_failing_part_is_started_again_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    starts, ticks, stop = [0], [0], asyncio.Event()

    async def failing() -> None:
        starts[0] += 1
        if starts[0] == 3:
            stop.set()
        raise RuntimeError("broken part")

    async def working() -> None:
        while True:
            ticks[0] += 1
            await asyncio.sleep(0.01)

    async with asyncio.timeout(5):
        await run_parts({"failing": failing, "working": working}, stop)
    assert starts[0] == 3 and ticks[0] > 5
    assert "broken part" in caplog.text
