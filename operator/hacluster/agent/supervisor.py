"""Runs the agent's parts side by side.

`run_parts` gets every part as a function that starts it. A part that raises an exception or returns is logged and started
again; the other parts go on meanwhile.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from hacluster.agent.system.backoff import Backoff

log = logging.getLogger(__name__)

Part = Callable[[], Awaitable[None]]
"""Starts a part, which runs until it is cancelled."""

_RESET_AFTER: Final = 30.0
"""Seconds that a part has to run before the next failure counts as its first again."""


async def supervise(name: str, part: Part) -> None:
    """Runs one part until cancelled. After a failure it waits 0.1 to 5 seconds, longer each time, and starts the part again."""
    loop = asyncio.get_running_loop()
    backoff = Backoff(first=0.1, most=5.0)
    while True:
        started = loop.time()
        try:
            await part()
            log.error("%s returned", name)
        except Exception as error:
            log.exception("%s failed: %s", name, error)
        if loop.time() - started > _RESET_AFTER:
            backoff.reset()
        await asyncio.sleep(backoff.next())


async def run_parts(parts: Mapping[str, Part], stop: asyncio.Event) -> None:
    """Runs all parts until `stop` is set, then cancels them. The keys are the parts' names in the log."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(supervise(name, part), name=name) for name, part in parts.items()]
        await stop.wait()
        for task in tasks:
            task.cancel()


async def touch_alive_file(file: Path) -> None:
    """Runs until cancelled: touches the file every second, as long as this event loop makes progress.

    A script of keepalived reads the file's age: where it is too old, the script checks HAProxy in the agent's place.
    """
    while True:
        with contextlib.suppress(OSError):
            file.touch()  # noqa: ASYNC240 - in memory
        await asyncio.sleep(1)
