"""Checks whether this node's Apache answers, by one small HTTP request every two seconds.

`watch_apache` is started by `agent/run.py` and writes the result to the agent's state. The result is only reported in the
status: HAProxy has checks of its own and decides by them which servers get requests.
"""

import asyncio
from typing import Final

from hacluster.agent.state import AgentState
from hacluster.api.status import Health
from hacluster.nodeconfig import Apache

_INTERVAL: Final = 2.0
"""Seconds between two checks."""
_DEADLINE: Final = 1.0
"""Seconds for one check, from the connection to the first line of the answer."""
_FAILURES: Final = 2
"""So many failed checks in a row make Apache count as down."""


async def check(apache: Apache) -> bool:
    """Whether Apache answers in time. Every HTTP status counts as an answer: the content of the pages is the user's business."""
    writer = None
    try:
        async with asyncio.timeout(_DEADLINE):
            reader, writer = await asyncio.open_connection(apache.address, apache.port)
            writer.write(b"OPTIONS / HTTP/1.0\r\nUser-Agent: hacluster-agent\r\n\r\n")
            await writer.drain()
            return (await reader.readline()).startswith(b"HTTP/1.")
    except (OSError, TimeoutError, ValueError):
        return False
    finally:
        if writer is not None:
            writer.close()


async def watch_apache(state: AgentState) -> None:
    """Runs until cancelled: checks Apache and writes its health to the state; None where the configuration has no Apache."""
    failures = 0
    while True:
        config = state.now.installed
        apache = config.apache if config else None
        if apache is None:
            failures = 0
            state.update(apache=None)
        elif await check(apache):
            failures = 0
            state.update(apache=Health.UP)
        else:
            failures += 1
            if failures >= _FAILURES:
                state.update(apache=Health.DOWN)
            elif state.now.apache is None:
                state.update(apache=Health.UNKNOWN)
        await asyncio.sleep(_INTERVAL)
