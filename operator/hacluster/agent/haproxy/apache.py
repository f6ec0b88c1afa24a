"""Whether this node's Apache answers: a small HTTP request every two seconds."""

import asyncio
from typing import Final

from hacluster.agent.state import AgentState
from hacluster.api.status import Health
from hacluster.nodeconfig import Apache

_INTERVAL: Final = 2.0
_DEADLINE: Final = 1.0
_FAILURES: Final = 2


async def check(apache: Apache) -> bool:
    """Any HTTP answer is one: what the page says is the user's business."""
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
    """Never returns. A single lost answer is no outage."""
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
