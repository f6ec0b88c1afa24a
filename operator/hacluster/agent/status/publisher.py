"""Publishes the node's entry, and follows what is stored.

`Publisher.run` and `Publisher.follow` are started by `agent/run.py` and use a `Reporter`: `kube.KubernetesReporter` in a pod,
`FileReporter` in a rehearsal without an API server.

The publisher sends the entry after every change, but no more often than every 50 ms: a burst of changes becomes one request.
Only one request is under way at any time and each has the newest entry, so an older entry never replaces a newer one.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from pydantic import ValidationError

from hacluster.agent.state import AgentState
from hacluster.agent.system.backoff import Backoff
from hacluster.agent.system.files import replace_file
from hacluster.api.status import NodeStatus

log = logging.getLogger(__name__)

COALESCE: Final = 0.005
"""Seconds from a change to its report: an address and keepalived's notification of it arrive within a millisecond."""
MIN_INTERVAL: Final = 0.05
"""Seconds between two reports at least."""
SETTLE_TIMEOUT: Final = 2.0
"""Seconds that the first report waits at most for every part to observe the node once."""
REPAIR_PAUSE: Final = 1.0
"""Seconds from noticing that another client has overwritten the entry to sending it again: two clients must not take turns faster."""


class ReportFailed(Exception):
    """The report was not accepted; it has to be sent again. The message is for the log."""


class ResourceGone(ReportFailed):
    """The HACluster does not exist: it is being deleted, or not created yet."""


@dataclass(frozen=True)
class Stored:
    """What the API server stores for this node."""

    entry: NodeStatus | None
    """None: nothing, or nothing that can be read."""
    request: str = ""
    """The operator's last question whether the agent still runs; empty: there was none."""


class Reporter(Protocol):
    """Where the node reports to."""

    async def apply(self, entry: NodeStatus) -> None:
        """Publishes the entry in place of the previous one. Raises ReportFailed."""

    async def read(self, node: str) -> NodeStatus | None:
        """The entry of another node; None: there is none, or it cannot be read now."""

    def watch(self) -> AsyncIterator[Stored]:
        """What is stored, first as it is and then after each change. May end at any time. Raises ReportFailed."""

    async def close(self) -> None:
        """Closes the connections."""


class Publisher:
    """Keeps the published entry equal to the state."""

    def __init__(
        self, state: AgentState, reporter: Reporter, build: Callable[[NodeStatus | None], NodeStatus], entry_file: Path
    ) -> None:
        """`build` makes the new entry from the previous one; `entry_file` keeps the entry across restarts of the agent."""
        self._state, self._reporter, self._build, self._entry_file = state, reporter, build, entry_file
        self._entry = load_entry(entry_file)
        self._sent: NodeStatus | None = None
        self._stored: NodeStatus | None = None
        self._repair: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Runs until cancelled: publishes the entry after every change, and tries again with backoff after a failure."""
        await self._settle()
        backoff = Backoff(first=0.1, most=5.0)
        logged_error = ""
        while True:
            version = self._state.version
            try:
                await self.publish()
            except ReportFailed as error:
                if str(error) != logged_error:
                    log.warning("status not published: %s", error)
                logged_error = str(error)
                await asyncio.sleep(backoff.most if isinstance(error, ResourceGone) else backoff.next())
                continue
            if logged_error:
                log.info("status published again")
            logged_error = ""
            backoff.reset()
            await asyncio.sleep(MIN_INTERVAL)
            await self._state.wait_for_change(version)
            await asyncio.sleep(COALESCE)

    async def follow(self) -> None:
        """Runs until cancelled: answers the operator's questions, and sends the entry again if another client has overwritten it."""
        backoff = Backoff(first=0.5, most=10.0)
        logged_error = ""
        while True:
            try:
                async for stored in self._reporter.watch():
                    backoff.reset()
                    logged_error = ""
                    self._compare(stored)
            except ReportFailed as error:
                if str(error) != logged_error:
                    log.warning("the stored status is not seen: %s", error)
                logged_error = str(error)
            await asyncio.sleep(backoff.next())

    async def publish(self) -> None:
        """Builds the entry from the current state and sends it, unless it was sent already. Raises ReportFailed."""
        entry = self._build(self._entry)
        if entry != self._entry:
            self._entry = entry
            save_entry(self._entry_file, entry)
        if entry != self._sent:
            await self._reporter.apply(entry)
            self._sent = entry

    async def _settle(self) -> None:
        """Waits until the state is as complete as before a restart of the agent, at most `SETTLE_TIMEOUT` seconds."""
        try:
            async with asyncio.timeout(SETTLE_TIMEOUT):
                while not self._state.now.complete:
                    await self._state.wait_for_change(self._state.version)
        except TimeoutError:
            log.info("publishing the status before all parts have observed the node")

    def _compare(self, stored: Stored) -> None:
        """Acts on what is stored. An event may be about an earlier entry of this agent, so a difference has to last."""
        if stored.request:
            self._state.update(liveness_request=stored.request)
        self._stored = stored.entry
        if self._stored != self._sent and self._repair is None:
            self._repair = asyncio.get_running_loop().call_later(REPAIR_PAUSE, self._send_again)

    def _send_again(self) -> None:
        self._repair = None
        if self._sent is not None and self._stored != self._sent:
            log.warning("another client has changed the stored status: it is written again")
            self._sent = None
            self._state.update(repairs=self._state.now.repairs + 1)


def load_entry(file: Path) -> NodeStatus | None:
    """The entry that an earlier agent saved; None when there is none, or it cannot be read."""
    try:
        return NodeStatus.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def save_entry(file: Path, entry: NodeStatus) -> None:
    """Saves the entry for the next agent. An error is only logged: without the file, a restart loses `since` and nothing else."""
    try:
        replace_file(file, entry.model_dump_json(by_alias=True, exclude_none=True))
    except OSError as error:
        log.warning("cannot write %s: %s", file, error)


class OneWayReporter:
    """What reporters have in common that only pass entries on: nothing is stored where an agent could read it."""

    async def read(self, node: str) -> NodeStatus | None:
        """Nothing."""
        return None

    async def watch(self) -> AsyncIterator[Stored]:
        """Waits for ever."""
        await asyncio.Event().wait()
        yield Stored(None)

    async def close(self) -> None:
        """Does nothing: no connection is kept."""


class FileReporter(OneWayReporter):
    """Appends every entry to a file of JSON lines: for rehearsals without an API server."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def apply(self, entry: NodeStatus) -> None:
        """Appends the entry as one line."""
        line = entry.model_dump_json(by_alias=True, exclude_none=True)
        with self._file.open("a") as opened:
            opened.write(f"{line}\n")
