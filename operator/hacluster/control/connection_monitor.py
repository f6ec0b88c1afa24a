"""Notices within seconds that the API server does not answer any more, although all connections look open.

`run.py` starts `ConnectionMonitor.run`. It asks for the API server's version every second, over a connection of its own. When an answer
is missing, all other connections are shut down: watches and requests on a dead connection then start anew at once, instead of
waiting for their own, longer timeouts. Connections that were made meanwhile may hang, too, so they are shut down once more when an
answer comes.

The connection of the question may be alive while others are dead: it is newer, or a load balancer sent it to another API server. So
another part of the operator whose request got no answer says so, too (`unanswered`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from hacluster.kube.client import ApiError
from hacluster.kube.sockets import Sockets

log = logging.getLogger(__name__)

PROBE_EVERY: Final = 1.0
"""Seconds between an answer and the next question."""
PROBE_TIMEOUT: Final = 3.0
"""Seconds for an answer."""


class ConnectionMonitor:
    """Asks the API server, and shuts the connections down that are dead."""

    def __init__(
        self,
        probe: Callable[[], Awaitable[object]],
        sockets: Sockets,
        monotonic: Callable[[], float],
        restored: Callable[[float], None],
    ) -> None:
        """`probe` asks the API server once, not over `sockets`. `restored` gets the seconds between the last answer before and the
        first answer after a time without answers.
        """
        self._probe, self._sockets, self._monotonic, self._restored = probe, sockets, monotonic, restored
        self._answered = monotonic()
        self._failing = False

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            await asyncio.sleep(PROBE_EVERY)
            await self.look()

    def unanswered(self, seconds: float) -> None:
        """A request of another part of the operator, over a connection of its own, got no answer for `seconds`."""
        if self._failing:
            return
        log.warning("a connection to the API server is dead: a request got no answer within %g s", seconds)
        self._answered = min(self._answered, self._monotonic() - seconds)
        self._failing = True
        self._sockets.shut_down()

    async def look(self) -> None:
        """Asks once."""
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                await self._probe()
        except (ApiError, TimeoutError) as error:
            if not self._failing:
                log.warning("the API server does not answer: %s", str(error) or f"nothing within {PROBE_TIMEOUT:g} s")
                self._failing = True
                self._sockets.shut_down()
            return
        since, self._answered = self._answered, self._monotonic()
        if self._failing:
            self._failing = False
            self._sockets.shut_down()
            log.warning("the API server answers again, after %.0f s", self._answered - since)
            self._restored(self._answered - since)
