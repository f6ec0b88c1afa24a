"""Follows the Secrets that the configuration names, and reports what is wrong with them.

`SecretMonitor.run` is started by `agent/run.py`. What was last seen stays in force while the source cannot be reached.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Final, Protocol

from hacluster.agent.secrets.source import SecretForbidden, SecretSource, SourceFailed
from hacluster.agent.secrets.store import SecretStore, Seen
from hacluster.agent.state import AgentState
from hacluster.agent.system.backoff import Backoff
from hacluster.agent.system.clock import Clock
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig

log = logging.getLogger(__name__)

PART: Final = "Secrets"
"""The key of this part's problems in the state."""
_EVERY: Final = 1.0
"""Seconds between two looks at the problems."""
_PAUSE: Final = 0.2
"""Seconds between two watches of a Secret."""


class Uses(Protocol):
    """What Secrets are used for: `CertificateFiles` and `CredentialDigests`."""

    def problems(self, config: AgentConfig | None, now: datetime) -> tuple[NodeProblem, ...]:
        """What is wrong with the Secrets that this configuration names for it."""


class SecretMonitor:
    """Keeps the store current, and the problems in the state."""

    def __init__(self, state: AgentState, source: SecretSource, store: SecretStore, uses: Sequence[Uses], clock: Clock) -> None:
        self._state, self._source, self._store, self._uses, self._clock = state, source, store, uses, clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._read_at: dict[str, float] = {}

    async def run(self) -> None:
        """Runs until cancelled. Follows the Secrets of the offered configuration, too: they have to be known before it is loaded."""
        try:
            while True:
                version = self._state.version
                self._follow_all(self._wanted())
                installed, now = self._state.now.installed, self._clock()
                self._state.put_problems(PART, *(each for use in self._uses for each in use.problems(installed, now)))
                await self._state.wait_for_change(version, _EVERY)
        finally:
            tasks, self._tasks = self._tasks, {}
            for task in tasks.values():
                task.cancel()
            for task in tasks.values():
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

    def read_again(self, name: str) -> None:
        """Reads the Secret again, at most once a second: its watch may not tell what happens."""
        now = asyncio.get_running_loop().time()
        if name in self._tasks and now - self._read_at.get(name, -_EVERY) >= _EVERY:
            self._read_at[name] = now
            self._tasks[name].cancel()
            self._tasks[name] = asyncio.create_task(self._follow(name))

    def _wanted(self) -> frozenset[str]:
        configs = (config for config in (self._state.now.installed, self._state.now.offered) if config)
        return frozenset(each.name for config in configs for each in config.secrets)

    def _follow_all(self, names: frozenset[str]) -> None:
        for name in self._tasks.keys() - names:
            self._tasks.pop(name).cancel()
        self._store.keep_only(names)
        for name in names:
            if name not in self._tasks or self._tasks[name].done():
                self._tasks[name] = asyncio.create_task(self._follow(name))

    async def _follow(self, name: str) -> None:
        backoff, logged = Backoff(first=_PAUSE, most=5.0), ""
        while True:
            try:
                async with aclosing(self._source.follow(name)) as found:
                    async for data in found:
                        backoff.reset()
                        logged = ""
                        self._store.put(name, Seen(data) if data is not None else Seen(error="there is none; create it"))
                await asyncio.sleep(_PAUSE)
            except SourceFailed as error:
                if isinstance(error, SecretForbidden):
                    self._store.put(name, Seen(reason=Reason.SECRET_FORBIDDEN, error=str(error)))
                if str(error) != logged:
                    log.warning("Secret %s is not seen: %s", name, error)
                logged = str(error)
                await asyncio.sleep(backoff.next())
