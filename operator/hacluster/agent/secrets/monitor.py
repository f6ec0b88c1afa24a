"""Follows the Secrets that the configuration names, and keeps HAProxy's digests of credentials equal to them.

`SecretMonitor` is a part of the agent. Once a second, and after each change, the files and what the running HAProxy has are compared
with the Secrets, and repaired. A Secret that is missing or cannot be used changes neither: what was last good stays in force.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing
from typing import Final

from hacluster.agent.haproxy.commands import ask
from hacluster.agent.paths import Paths
from hacluster.agent.secrets import commands
from hacluster.agent.secrets.credentials import BadSecret, digest
from hacluster.agent.secrets.files import CredentialFiles
from hacluster.agent.secrets.source import Data, SecretForbidden, SecretSource, SourceFailed
from hacluster.agent.state import AgentState
from hacluster.agent.system.backoff import Backoff
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem

log = logging.getLogger(__name__)

PART: Final = "Secrets"
"""The key of this part's problems in the state."""
_INTERVAL: Final = 1.0
"""Seconds between two comparisons."""
_DEADLINE: Final = 2.0
"""Seconds for one command to HAProxy."""
_PAUSE: Final = 0.2
"""Seconds between two watches."""


class SecretMonitor:
    """Use it from one task only."""

    def __init__(self, paths: Paths, state: AgentState, source: SecretSource) -> None:
        self._paths, self._state, self._source = paths, state, source
        self._files = CredentialFiles(paths.credentials)
        self._digests: dict[str, str] = {}
        """Name of each Secret → the last good digest of it that this agent read."""
        self._wrong: dict[str, tuple[Reason, str]] = {}
        """Name of each Secret that cannot be used now → why, and what to do."""
        self._followed: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Runs until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    version = self._state.version
                    wanted = self._wanted()
                    self._follow(wanted, group)
                    await self._compare(wanted)
                    self._report(wanted)
                    await self._state.wait_for_change(version, within=_INTERVAL)
        finally:
            self._followed.clear()

    def _wanted(self) -> Mapping[str, str]:
        """Name of each Secret → the field that names it, in the files that run and in those that are offered."""
        configs = (self._state.now.installed, self._state.now.offered)
        return {each.name: each.field for config in configs if config for each in config.credentials}

    def _follow(self, wanted: Mapping[str, str], group: asyncio.TaskGroup) -> None:
        for name in self._followed.keys() - wanted.keys():
            self._followed.pop(name).cancel()
            self._digests.pop(name, None)
            self._wrong.pop(name, None)
        for name in wanted.keys() - self._followed.keys():
            self._followed[name] = group.create_task(self._follow_one(name))

    async def _follow_one(self, name: str) -> None:
        """Runs until cancelled: reads the Secret after each change."""
        backoff, logged = Backoff(first=_PAUSE, most=5.0), ""
        while True:
            try:
                async with aclosing(self._source.follow(name)) as found:
                    async for data in found:
                        backoff.reset()
                        logged = ""
                        self._take(name, data)
                await asyncio.sleep(_PAUSE)
            except SourceFailed as error:
                if isinstance(error, SecretForbidden):
                    self._refuse(name, Reason.SECRET_FORBIDDEN, f"{error}")
                if str(error) != logged:
                    log.warning("the Secret %s is not seen: %s", name, error)
                logged = str(error)
                await asyncio.sleep(backoff.next())

    def _take(self, name: str, data: Data | None) -> None:
        if data is None:
            self._refuse(name, Reason.SECRET_MISSING, f"there is no Secret {name} in the namespace of the resource; create it")
            return
        try:
            self._digests[name] = digest(data)
        except BadSecret as error:
            self._refuse(name, Reason.SECRET_INVALID, f"the Secret {name} cannot be used: {error}")
            return
        self._wrong.pop(name, None)
        self._state.update(secrets_read=self._state.now.secrets_read + 1)

    def _refuse(self, name: str, reason: Reason, message: str) -> None:
        self._wrong[name] = reason, message
        self._state.update(secrets_read=self._state.now.secrets_read + 1)

    def _report(self, wanted: Mapping[str, str]) -> None:
        problems = []
        for name, (reason, message) in sorted(self._wrong.items()):
            effect = "what it said before stays in force" if self._files.read(name) else "until then the page lets nobody in"
            problems.append(NodeProblem(reason=reason, message=f"{wanted[name]}: {message}; {effect}"))
        self._state.put_problems(PART, *problems)

    async def _compare(self, wanted: Mapping[str, str]) -> None:
        """Puts files and HAProxy right. A restarted agent that cannot read a Secret yet goes by the file."""
        for name in wanted:
            known, present = self._digests.get(name), self._files.read(name)
            if known is not None and known != present:
                self._files.write(name, known)
                log.info("the credentials of the Secret %s are written", name)
            if (right := known or present) is not None:
                await self._load(name, right)
        if self._state.now.offered is not None:
            self._files.keep_only(wanted)

    async def _load(self, name: str, right: str) -> None:
        """Makes the running HAProxy accept these credentials and no others, if it asks for this Secret's at all."""
        file, socket = self._paths.credentials / name, self._paths.haproxy_admin
        try:
            async with asyncio.timeout(_DEADLINE):
                present = commands.parse_patterns(await ask(socket, commands.show(file)))
                if present is None or present == (right,):
                    return
                version = commands.parse_version(await ask(socket, commands.prepare(file)))
                if version is not None:
                    await ask(socket, commands.replace(file, version, right))
                    log.info("HAProxy has the credentials of the Secret %s", name)
        except (OSError, TimeoutError):
            return  # HAProxy does not run, or is busy: it is asked again
