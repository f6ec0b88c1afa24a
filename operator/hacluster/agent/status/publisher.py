"""Publishes the node's entry and renews the node's Lease.

`Publisher.run` and `renew_lease_forever` are started by `agent/run.py` and use a `Reporter`: `kube.KubernetesReporter` in a pod,
`FileReporter` in a rehearsal without an API server.

The publisher sends the entry after every change, but no more often than every 50 ms: a burst of changes becomes one request.
Only one request is under way at any time and each has the newest entry, so an older entry never replaces a newer one.
"""

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

COALESCE: Final = 0.005
"""Seconds from a change to its report: an address and keepalived's notification of it arrive within a millisecond."""
MIN_INTERVAL: Final = 0.05
"""Seconds between two reports at least."""
SETTLE_TIMEOUT: Final = 2.0
"""Seconds that the first report waits at most for every part to observe the node once."""
REPEAT_AFTER: Final = 60.0
"""Seconds after which an unchanged entry is sent again, in case another client has overwritten it."""


class ReportFailed(Exception):
    """The report was not accepted; it has to be sent again. The message is for the log."""


class ResourceGone(ReportFailed):
    """The HACluster does not exist: it is being deleted, or not created yet."""


class Reporter(Protocol):
    """Where the node reports to."""

    async def apply(self, entry: NodeStatus) -> None:
        """Publishes the entry in place of the previous one. Raises ReportFailed."""

    async def renew_lease(self) -> None:
        """Renews the Lease by which the operator sees that the agent runs. Raises ReportFailed."""

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
            await self._wait_for_change(version)
            await asyncio.sleep(COALESCE)

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

    async def _wait_for_change(self, version: int) -> None:
        """Waits for a newer state than `version`. Without a change for `REPEAT_AFTER` seconds, the entry is to be sent again."""
        if not await self._state.wait_for_change(version, REPEAT_AFTER):
            self._sent = None


async def renew_lease_forever(reporter: Reporter) -> None:
    """Runs until cancelled: renews the Lease every `LEASE_RENEWAL` seconds. Without it, the operator counts the node as silent."""
    loop = asyncio.get_running_loop()
    logged_error = ""
    while True:
        started = loop.time()
        try:
            await reporter.renew_lease()
            logged_error = ""
        except ReportFailed as error:
            if str(error) != logged_error:
                log.warning("Lease not renewed: %s", error)
            logged_error = str(error)
        await asyncio.sleep(max(0.5, started + LEASE_RENEWAL - loop.time()))


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


class FileReporter:
    """Appends every entry to a file of JSON lines: for rehearsals without an API server."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def apply(self, entry: NodeStatus) -> None:
        """Appends the entry as one line."""
        line = entry.model_dump_json(by_alias=True, exclude_none=True)
        with self._file.open("a") as opened:
            opened.write(f"{line}\n")

    async def renew_lease(self) -> None:
        """Does nothing: there is no Lease."""

    async def close(self) -> None:
        """Does nothing: the file is opened for each line."""
