"""Runs the agent's parts side by side: one that fails is logged and started again, the others go on."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from hacluster.agent.system.backoff import Backoff

log = logging.getLogger(__name__)

Part = Callable[[], Awaitable[None]]
"""Starts a part; it is not expected to return."""

_CALM: Final = 30.0


async def supervise(name: str, part: Part) -> None:
    """Never returns: one part, with 0.1 to 5 seconds between its failures. A part that ran for long starts afresh."""
    loop = asyncio.get_running_loop()
    backoff = Backoff(first=0.1, most=5.0)
    while True:
        started = loop.time()
        try:
            await part()
            log.error("%s returned", name)
        except Exception as error:
            log.exception("%s failed: %s", name, error)
        if loop.time() - started > _CALM:
            backoff.reset()
        await asyncio.sleep(backoff.next())


async def run_parts(parts: Mapping[str, Part], stop: asyncio.Event) -> None:
    """Runs all parts until `stop` is set."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(supervise(name, part), name=name) for name, part in parts.items()]
        await stop.wait()
        for task in tasks:
            task.cancel()


async def heartbeat(file: Path) -> None:
    """Never returns: touches the file every second, for as long as this process gets anything done."""
    while True:
        with contextlib.suppress(OSError):
            file.touch()  # noqa: ASYNC240 - in memory
        await asyncio.sleep(1)
