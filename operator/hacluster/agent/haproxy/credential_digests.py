"""Keeps HAProxy's digests of user names and passwords equal to the Secrets, without a reload.

`CredentialDigests.run` is started by `agent/run.py`. Once a second, and after each change of the state, the files and what the running
HAProxy has are compared with the Secrets, and repaired. A Secret that is missing or cannot be used changes neither.
"""

import asyncio
import logging
from datetime import datetime
from typing import Final

from hacluster.agent.haproxy.commands import ask
from hacluster.agent.paths import Paths
from hacluster.agent.secrets import credential_commands as commands
from hacluster.agent.secrets.credential_files import CredentialFiles
from hacluster.agent.secrets.credentials import BadSecret, digest
from hacluster.agent.secrets.store import SecretStore
from hacluster.agent.state import AgentState
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import AgentConfig

log = logging.getLogger(__name__)

_INTERVAL: Final = 1.0
"""Seconds between two comparisons."""
_DEADLINE: Final = 2.0
"""Seconds for one command to HAProxy."""


class CredentialDigests:
    """Use `run` from one task only."""

    def __init__(self, paths: Paths, state: AgentState, store: SecretStore) -> None:
        self._paths, self._state, self._store = paths, state, store
        self._files = CredentialFiles(paths.credentials)
        self._good: dict[str, str] = {}
        """Name of each Secret → the last good digest of it that this agent has seen."""

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            version = self._state.version
            await self._compare()
            await self._state.wait_for_change(version, within=_INTERVAL)

    def problems(self, config: AgentConfig | None, _: datetime) -> tuple[NodeProblem, ...]:
        """Secrets that are missing or cannot be used."""
        found = []
        for each in config.credentials if config else ():
            if not self._store.is_known(each.name) or not (wrong := self._wrong(each.name)):
                continue
            reason, why = wrong
            effect = "The last good one stays in force" if self._files.read(each.name) else "Until then nobody is let in"
            found.append(NodeProblem(reason=reason, message=f"{each.field}: Secret {each.name}: {why}. {effect}"))
        return tuple(found)

    def _wrong(self, name: str) -> tuple[Reason, str] | None:
        seen = self._store.get(name)
        if seen.data is None:
            return seen.reason, seen.error
        try:
            digest(seen.data)
        except BadSecret as error:
            return Reason.SECRET_INVALID, f"{error}"
        return None

    async def _compare(self) -> None:
        """Puts files and HAProxy right. A restarted agent that has not seen a Secret yet goes by the file."""
        configs = (self._state.now.installed, self._state.now.offered)
        names = {each.name for config in configs if config for each in config.credentials}
        self._good = {name: good for name, good in self._good.items() if name in names}
        for name in sorted(names):
            data = self._store.get(name).data
            if data is not None and not self._wrong(name):
                self._good[name] = digest(data)
            known, present = self._good.get(name), self._files.read(name)
            if known is not None and known != present:
                self._files.write(name, known)
                log.info("the credentials of the Secret %s are written", name)
            if (right := known or present) is not None:
                await self._load(name, right)
        if self._state.now.offered is not None:
            self._files.keep_only(names)

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
