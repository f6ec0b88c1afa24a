"""HAProxy's health: when checks count as down, pure; and the checks themselves, over one standing connection.

HAProxy closes the standing connection when it ends: a refused connection after that means that nobody listens any more. When
it reloads, the old worker closes it as well, and the new one answers the next.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Final, Protocol

from hacluster import names
from hacluster.agent.haproxy.holddown import HoldDown
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.api.reasons import Reason
from hacluster.api.status import Health, NodeProblem
from hacluster.nodeconfig import AgentConfig

log = logging.getLogger(__name__)

INTERVAL: Final = 0.1
DEADLINE: Final = 0.2
FAILURES: Final = 2
PATIENCE: Final = 10.0
"""Seconds that a HAProxy that never answered yet may take to start before it counts as down."""

_SHORTEST: Final = 0.1
_SPOKE: Final = 5
"""Advertisement intervals: whoever last_sender within so many holds virtual IPs."""
PART: Final = "health"

_REQUEST: Final = f"GET {names.HEALTH_PATH} HTTP/1.1\r\nHost: haproxy\r\nUser-Agent: hacluster-agent\r\n\r\n".encode()
_MAX_ANSWER: Final = 8192


class Result(Enum):
    """One check."""

    ANSWERED = "answered"
    REFUSED = "nobody listens"
    SILENT = "no answer in time"
    WRONG = "an answer other than 200"
    CLOSED = "closed before an answer"


# Seconds before the second look of a HAProxy that may be down: one that hangs has used its deadline already, and one that is
# just ending closes its connections a moment before its listener.
_PAUSES: Final = {Result.SILENT: 0.0, Result.CLOSED: 0.02}


def deadline_of(config: AgentConfig | None) -> float:
    """Seconds that HAProxy has for an answer: who asks for quick advertisements wants a hanging HAProxy found sooner as well."""
    if config is None or not config.routers:
        return DEADLINE
    quickest = min(router.advertisement_interval_ms for router in config.routers) / 1000
    return min(DEADLINE, max(_SHORTEST, 4 * quickest))


class HealthJudge:
    """Turns checks into a health. A refused connection is certain; anything else has to fail twice in a row."""

    def __init__(self, resumed: bool, now: float) -> None:
        """`resumed`: HAProxy had been started before this agent, so that it has no time to start."""
        self.health = Health.UNKNOWN
        self._failures = 0
        self._patient_until = now if resumed else now + PATIENCE

    def hear(self, result: Result, now: float) -> Health:
        """The health after one more check at `now`, in seconds of a monotonic clock."""
        if result is Result.ANSWERED:
            self._failures = 0
            self.health = Health.UP
            return self.health
        self._failures += 1
        certain = result is Result.REFUSED or self._failures >= FAILURES
        starting = self.health is Health.UNKNOWN and now < self._patient_until
        if certain and not starting:
            self.health = Health.DOWN
        return self.health


def parse_answer(data: bytes) -> tuple[int, bool] | None:
    """Status and whether the server keeps the connection; None while the answer is not whole. The body has to be empty.

    Raises ValueError for anything that is not such an answer.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        if len(data) > _MAX_ANSWER:
            raise ValueError("too long an answer")
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise ValueError("not HTTP")
    fields = {name.strip().lower(): value.strip().lower() for name, _, value in (line.partition(":") for line in lines)}
    length = int(fields.get("content-length", "0"))
    if len(body) < length:
        return None
    keeps = version == "HTTP/1.1" and fields.get("connection") != "close" and "content-length" in fields
    return int(rest[:3]), keeps


class _Connection(asyncio.Protocol):
    """One connection; `changed` is called on data and at the end."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.data = b""
        self.closed = False
        self._changed = changed
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        self._changed()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._changed()


class Probe:
    """Checks one unix socket; `lost` is set while the standing connection is gone."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._connection: _Connection | None = None
        self._event = asyncio.Event()

    async def check(self, deadline: float = DEADLINE) -> Result:
        """One request; an idle connection that the server had closed is opened anew."""
        if self._connection is not None:
            result = await self._ask(self._connection, deadline)
            if result is not Result.CLOSED:
                return result
        self.close()
        try:
            async with asyncio.timeout(deadline):
                _, self._connection = await asyncio.get_running_loop().create_unix_connection(
                    lambda: _Connection(self._event.set), str(self._socket)
                )
        except TimeoutError:
            return Result.SILENT
        except (BlockingIOError, PermissionError) as error:  # a full backlog: nobody accepts
            log.debug("health socket: %s", error)
            return Result.SILENT
        except OSError:
            return Result.REFUSED
        return await self._ask(self._connection, deadline)

    async def idle(self, seconds: float) -> None:
        """Waits, or returns at once when the server closes the standing connection."""
        connection = self._connection
        if connection is None:
            await asyncio.sleep(seconds)
            return
        if not connection.closed:
            self._event.clear()
            await self._wait(seconds)

    def close(self) -> None:
        """Drops the standing connection."""
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.abort()
        self._connection = None

    async def _ask(self, connection: _Connection, deadline: float) -> Result:
        assert connection.transport is not None
        connection.data = b""
        if connection.closed:
            return Result.CLOSED
        connection.transport.write(_REQUEST)
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline
        while True:
            self._event.clear()
            try:
                answer = parse_answer(connection.data)
            except ValueError:
                self.close()
                return Result.WRONG
            if answer is not None:
                if not answer[1]:
                    self.close()
                return Result.ANSWERED if answer[0] == 200 else Result.WRONG
            if connection.closed:
                return Result.CLOSED
            if not await self._wait(until - loop.time()):
                self.close()  # its answer would be taken for the next one's
                return Result.SILENT

    async def _wait(self, seconds: float) -> bool:
        """For news of the connection. News that came in while this process itself was kept waiting count."""
        waiting = asyncio.ensure_future(self._event.wait())
        done, _ = await asyncio.wait({waiting}, timeout=max(0.0, seconds))
        waiting.cancel()
        return bool(done) or self._event.is_set()


def write_track(file: Path, flag: bool) -> None:
    """Writes in place: keepalived watches the file itself."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(descriptor, b"1" if flag else b"0", 0)
    finally:
        os.close(descriptor)


class Hears(Protocol):
    """Who advertises a router."""

    def last_sender(self, router: str) -> tuple[str, float] | None:
        """Address of the last other node that did, and when, by the event loop's clock."""


class HAProxyMonitor:
    """The part that knows whether HAProxy answers, and tells keepalived."""

    def __init__(self, paths: Paths, state: AgentState, hears: Hears | None = None) -> None:
        """`hears`: with it, a HAProxy that keeps dying is held down while another node has the virtual IPs."""
        self._paths, self._state, self._hears = paths, state, hears
        self._resumed = paths.track_haproxy.exists()
        self._hold = HoldDown()
        self._told: bool | None = None
        if not self._resumed:  # nothing is known yet: no virtual IP before HAProxy has answered
            write_track(paths.track_haproxy, flag=True)

    async def run(self) -> None:
        """Never returns."""
        while not self._state.now.started:
            await self._state.changed_since(self._state.version)
        loop = asyncio.get_running_loop()
        judge = HealthJudge(self._resumed, loop.time())
        probe = Probe(self._paths.haproxy_health)
        try:
            while True:
                health = judge.hear(result := await probe.check(deadline_of(self._state.now.installed)), loop.time())
                self._follow(health, result, loop.time())
                await probe.idle(_PAUSES.get(result, INTERVAL) if health is Health.UP else INTERVAL)
        finally:
            probe.close()

    def _follow(self, health: Health, result: Result, now: float) -> None:
        """First keepalived: it is the one in a hurry."""
        if health is Health.UNKNOWN:
            return
        self._hold.hear(health is Health.UP, now)
        held = self._hold.remaining(now) if self._somebody_else_serves(now) else 0.0
        fit = health is Health.UP and held <= 0
        config = self._state.now.installed
        if fit is not self._told and (config is None or config.http_check):
            write_track(self._paths.track_haproxy, flag=not fit)
        self._told = fit
        if health is not self._state.now.haproxy:
            log.warning("HAProxy is %s: %s", health.value, result.value)
            self._state.update(haproxy=health)
        self._tell(held)

    def _tell(self, held: float) -> None:
        if held <= 0:
            self._state.put_problems(PART)
        elif PART not in self._state.now.problems:
            message = (
                f"HAProxy ended {self._hold.failures} times lately: the node stays out for {held:.0f} s in which it has to answer, "
                "as another node serves; see its log for why it ends"
            )
            log.warning("held down: %s", message)
            self._state.put_problems(PART, NodeProblem(reason=Reason.HELD_DOWN, message=message))

    def _somebody_else_serves(self, now: float) -> bool:
        """Who holds down the only node that is left helps nobody."""
        config = self._state.now.installed
        if self._hears is None or config is None:
            return False
        heard = ((router, self._hears.last_sender(router.name)) for router in config.routers)
        return any(
            said is not None and now - said[1] < _SPOKE * router.advertisement_interval_ms / 1000 for router, said in heard
        )
