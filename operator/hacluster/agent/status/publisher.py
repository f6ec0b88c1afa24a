"""Publishing the node's entry: on every change, never more often than needed, and never an older one after a newer."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from pydantic import ValidationError

from hacluster.agent.state import AgentState
from hacluster.agent.system.backoff import Backoff
from hacluster.agent.system.files import replace_file
from hacluster.api.status import NodeStatus
from hacluster.timing import LEASE_RENEWAL

log = logging.getLogger(__name__)

TOGETHER: Final = 0.005
"""What belongs together (an address, and keepalived's word for it) comes within a millisecond."""
GATHER: Final = 0.05
SETTLE: Final = 2.0
AGAIN: Final = 60.0


class ReportFailed(Exception):
    """Nobody took the report; it is sent again."""


class ResourceGone(ReportFailed):
    """The resource does not exist: it is being deleted, or not made yet."""


class Reporter(Protocol):
    """Who hears of the node."""

    async def apply(self, entry: NodeStatus) -> None:
        """Publishes the entry in place of the one before. Raises ReportFailed."""

    async def renew_lease(self) -> None:
        """Says that the agent lives. Raises ReportFailed."""

    async def close(self) -> None:
        """Lets go of connections."""


class Publisher:
    """The part that keeps the published entry equal to what the state says."""

    def __init__(
        self, state: AgentState, reporter: Reporter, build: Callable[[NodeStatus | None], NodeStatus], kept: Path
    ) -> None:
        """`build` makes the entry from the one before; `kept` is the file that remembers it across the agent's restarts."""
        self._state, self._reporter, self._build, self._kept = state, reporter, build, kept
        self._entry = load_entry(kept)
        self._sent: NodeStatus | None = None

    async def run(self) -> None:
        """Never returns."""
        await self._settle()
        backoff = Backoff(first=0.1, most=5.0)
        complained = ""
        while True:
            version = self._state.version
            try:
                await self.publish()
            except ReportFailed as error:
                if str(error) != complained:
                    log.warning("not reported: %s", error)
                complained = str(error)
                await asyncio.sleep(backoff.most if isinstance(error, ResourceGone) else backoff.next())
                continue
            if complained:
                log.info("reported again")
            complained = ""
            backoff.reset()
            await asyncio.sleep(GATHER)
            await self._news(version)
            await asyncio.sleep(TOGETHER)

    async def publish(self) -> None:
        """Sends the newest entry unless it was sent already. Raises ReportFailed."""
        entry = self._build(self._entry)
        if entry != self._entry:
            self._entry = entry
            save_entry(self._kept, entry)
        if entry != self._sent:
            await self._reporter.apply(entry)
            self._sent = entry

    async def _settle(self) -> None:
        """An agent that has just started waits until it knows as much as the one before it."""
        try:
            async with asyncio.timeout(SETTLE):
                while not self._state.now.settled:
                    await self._state.changed_since(self._state.version)
        except TimeoutError:
            log.info("some parts have not had their first look yet")

    async def _news(self, version: int) -> None:
        """A change, or the time to repeat what may have been undone by others."""
        try:
            async with asyncio.timeout(AGAIN):
                await self._state.changed_since(version)
        except TimeoutError:
            self._sent = None


async def renew_lease_forever(reporter: Reporter) -> None:
    """Never returns: the sign of life, every three seconds."""
    loop = asyncio.get_running_loop()
    complained = ""
    while True:
        started = loop.time()
        try:
            await reporter.renew_lease()
            complained = ""
        except ReportFailed as error:
            if str(error) != complained:
                log.warning("no sign of life: %s", error)
            complained = str(error)
        await asyncio.sleep(max(0.5, started + LEASE_RENEWAL - loop.time()))


def load_entry(file: Path) -> NodeStatus | None:
    """The entry that an earlier agent kept."""
    try:
        return NodeStatus.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def save_entry(file: Path, entry: NodeStatus) -> None:
    """Best effort: without it, only `since` is lost on a restart."""
    try:
        replace_file(file, entry.model_dump_json(by_alias=True, exclude_none=True))
    except OSError as error:
        log.warning("%s could not be kept: %s", file, error)


class FileReporter:
    """Appends every entry to a file of JSON lines: for rehearsals without an API server."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def apply(self, entry: NodeStatus) -> None:
        """One line."""
        line = entry.model_dump_json(by_alias=True, exclude_none=True)
        with self._file.open("a") as opened:
            opened.write(f"{line}\n")

    async def renew_lease(self) -> None:
        """Nobody listens."""

    async def close(self) -> None:
        """Nothing is held open."""
