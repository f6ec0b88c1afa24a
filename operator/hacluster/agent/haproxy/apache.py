"""Checks whether this node's Apache answers, by one small HTTP request every two seconds, and that it is Apache that answers.

Another program may have the port: then Apache could not bind it, and HAProxy would get that program's pages. The kernel's list of
sockets says which user listens there.

`watch_apache` is started by `agent/run.py` and writes the result to the agent's state. The result is only reported in the
status: HAProxy has checks of its own and decides by them which servers get requests.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from ipaddress import ip_address
from typing import Final

from hacluster import names
from hacluster.agent.state import AgentState
from hacluster.agent.system.tcp_sockets import Listener, read_listeners
from hacluster.api.status import Health
from hacluster.nodeconfig import Apache

_INTERVAL: Final = 2.0
"""Seconds between two checks."""
_FIRST_INTERVAL: Final = 0.5
"""Seconds between two checks after a change of the address or port, until one result is clear."""
_DEADLINE: Final = 1.0
"""Seconds for one check, from the connection to the first line of the answer."""
_FAILURES: Final = 2
"""So many failed checks in a row make Apache count as down."""
_FIRST_FAILURES: Final = 20
"""So many after a change of the address or port: the kubelet delivers it to Apache's pod, which looks every second."""


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


def listens(apache: Apache, sockets: Iterable[Listener]) -> bool:
    """Whether the socket on this address and port is that of Apache's user."""
    return Listener(ip_address(apache.address), apache.port, "TCP", names.APACHE_USER) in sockets


async def watch_apache(state: AgentState, read: Callable[[], Collection[Listener]] = read_listeners) -> None:
    """Runs until cancelled: checks Apache and writes its health to the state; None where the configuration has no Apache."""
    failures, checked = 0, None
    while True:
        config = state.now.installed
        apache = config.apache if config else None
        if apache != checked:
            failures, checked = 0, apache
        if apache is None:
            failures = 0
            state.update(apache=None)
        elif listens(apache, read()) and await check(apache):
            failures = 0
            state.update(apache=Health.UP)
        else:
            failures += 1
            if failures >= (_FIRST_FAILURES if state.now.apache is Health.UNKNOWN else _FAILURES):
                state.update(apache=Health.DOWN)
            elif state.now.apache is None:
                state.update(apache=Health.UNKNOWN)
        await _wait(state)


async def _wait(state: AgentState) -> None:
    """Until the next check; shorter while it is unknown whether Apache answers: a roll-out waits for that (plan/rollout)."""
    await asyncio.sleep(_INTERVAL if state.now.apache is not Health.UNKNOWN else _FIRST_INTERVAL)
