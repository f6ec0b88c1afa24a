"""Asks the endpoints of a node that is silent whether anybody answers at their addresses.

A node is asked on one network, and its pods may be reached over another one that still works. So an endpoint leaves HAProxy's rotation
only if nobody answers at its own address either (`lost_servers.py`). Each is asked by a connection that is closed at once: kernels
answer, however busy the pods are.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Collection
from typing import Final

Place = tuple[str, int]
"""Address and port."""

TIMEOUT: Final = 0.05
"""Seconds for an answer."""
_AGAIN: Final = 0.02
"""Seconds until a second connection is tried beside the first one: a packet may be lost."""
_MOST: Final = 200
"""Endpoints that are asked at a time."""
_SILENT_FOR, _ANSWERED_FOR = 0.25, 5.0
"""Seconds for which an answer stays in force. One that answers is left to HAProxy's checks, and is not to be disturbed each second."""
_SILENCE: Final = frozenset({errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETUNREACH, errno.ETIMEDOUT})
"""What the kernel says where no answer came. Any other failure is either an answer or a fault of this node's own."""


class EndpointProbes:
    """Asks endpoints, and keeps what was found out for a moment."""

    def __init__(self) -> None:
        self._asked: dict[Place, tuple[float, asyncio.Task[bool]]] = {}
        self._slots = asyncio.Semaphore(_MOST)

    def start(self, places: Collection[Place]) -> None:
        """Begins to ask these, whatever is known of them."""
        now = asyncio.get_running_loop().time()
        self._asked = {place: each for place, each in self._asked.items() if now - each[0] < _ANSWERED_FOR or not each[1].done()}
        self._asked |= {place: (now, asyncio.create_task(self._ask(place))) for place in places}

    def renew(self, places: Collection[Place]) -> None:
        """Asks those of these again that have answered: their node is lost now, and may have been alive then."""
        known = {place: self._asked[place][1] for place in places if place in self._asked}
        self.start([place for place, task in known.items() if task.done() and task.result()])

    async def silent(self, places: Collection[Place]) -> frozenset[Place]:
        """Those of these at which nobody answers."""
        self.start([place for place in places if not self._is_fresh(place)])
        tasks = {place: self._asked[place][1] for place in places}
        return frozenset([place for place, task in tasks.items() if not await task])

    def _is_fresh(self, place: Place) -> bool:
        if place not in self._asked:
            return False
        at, task = self._asked[place]
        return not task.done() or asyncio.get_running_loop().time() - at < (_ANSWERED_FOR if task.result() else _SILENT_FOR)

    async def _ask(self, place: Place) -> bool:
        async with self._slots:
            return await answers(*place)


async def answers(address: str, port: int) -> bool:
    """Whether anybody answers there, be it with a refusal. True also where this node cannot ask."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    tried: dict[asyncio.Task[None], socket.socket] = {}
    try:
        for seconds in (_AGAIN, TIMEOUT - _AGAIN):
            connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            tried[asyncio.create_task(asyncio.get_running_loop().sock_connect(connection, (address, port)))] = connection
            done, _ = await asyncio.wait(tried, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if done:
                break
        # After a pause of this program, the event loop sees answers that have arrived before it sees that the time is over.
        return any(map(_is_answered, tried))
    except OSError:  # no socket could be made
        return True
    finally:
        for task, connection in tried.items():
            task.cancel()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await task
            connection.close()


def _is_answered(task: asyncio.Task[None]) -> bool:
    if not task.done():
        return False
    error = task.exception()
    return not isinstance(error, OSError) or error.errno not in _SILENCE
