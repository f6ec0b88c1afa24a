"""Watches the mounted ConfigMap and has changed files installed.

`ConfigWatcher.run` is started by `agent/run.py`. It writes the offered and the installed configuration, and the problems of the
installation, to the state. Polling is used because it costs one `readlink` in 100 ms, and needs no inotify watch that would have to
follow the kubelet's symbolic link.
"""

import asyncio
import logging
from dataclasses import replace
from typing import Final

from hacluster.agent.config.bundle import BadBundle, Bundle, fingerprint, read_offered
from hacluster.agent.config.install import Installer, Outcome, Retry
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.agent.system.backoff import Backoff
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem

log = logging.getLogger(__name__)

PART: Final = "configuration"
"""The key of this part's problems in the state."""
_POLL: Final = 0.1
"""Seconds between two looks at the files."""
_PORT_RETRY: Final = 1.0
"""Seconds between two tries while a port or an address is in use."""


class ConfigWatcher:
    """Keeps the daemons' configuration equal to the mounted ConfigMap."""

    def __init__(self, paths: Paths, node: str, state: AgentState, installer: Installer) -> None:
        self._paths, self._node, self._state, self._installer = paths, node, state, installer
        self._backoff = Backoff(first=0.5, most=30.0)
        self._record_installed()

    async def run(self) -> None:
        """Runs until cancelled: installs the files, and again when they change or when the outcome asks for another try."""
        while True:
            stamp = fingerprint(self._paths.config, self._node)
            outcome = await self._apply_offered()
            self._record_problems(outcome)
            await self._wait(stamp, outcome.retry)

    async def _apply_offered(self) -> Outcome:
        """Reads the mounted files and installs them."""
        try:
            offered = read_offered(self._paths.config, self._node)
            if offered is None:
                return Outcome()
            self._state.update(offered=offered.config)
            return await self._install(offered)
        except BadBundle as error:
            return Outcome((NodeProblem(reason=Reason.CONFIGURATION_REFUSED, message=str(error)),))
        except OSError as error:
            return Outcome((NodeProblem(reason=Reason.NOT_LOADED, message=f"{error}"),), Retry.LATER)

    async def _install(self, offered: Bundle) -> Outcome:
        good_before = self._installer.good
        outcome = _with_revision(offered.config.revision, await self._installer.install(offered))
        if self._installer.good is not good_before:
            log.info("revision %s is loaded", offered.config.revision)
        self._record_installed()
        return outcome

    def _record_installed(self) -> None:
        good = self._installer.good
        self._state.update(installed=good.config if good else None, started=self._installer.started)

    def _record_problems(self, outcome: Outcome) -> None:
        if outcome.problems != self._state.now.problems.get(PART, ()):
            for problem in outcome.problems:
                log.warning("%s: %s", problem.reason, problem.message)
        self._state.put_problems(PART, *outcome.problems)

    async def _wait(self, stamp: tuple[object, ...], retry: Retry) -> None:
        """Waits until the files differ from `stamp`, or until it is time for another try."""
        loop = asyncio.get_running_loop()
        retry_at = None
        if retry is Retry.LATER:
            retry_at = loop.time() + self._backoff.next()
        else:
            self._backoff.reset()
            if retry is Retry.PORT:
                retry_at = loop.time() + _PORT_RETRY
        while fingerprint(self._paths.config, self._node) == stamp and (retry_at is None or loop.time() < retry_at):  # noqa: ASYNC110
            await asyncio.sleep(_POLL)


def _with_revision(revision: str, outcome: Outcome) -> Outcome:
    """Adds the revision to the problems: the operator may offer another one meanwhile, and has to know which one was refused."""
    problems = tuple(problem.model_copy(update={"revision": revision}) for problem in outcome.problems)
    return replace(outcome, problems=problems)
