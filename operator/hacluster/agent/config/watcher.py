"""Watches the mounted ConfigMap, and lets the installer make it true."""

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
_POLL: Final = 0.1
_PORT_POLL: Final = 1.0


class Configuration:
    """The part that keeps the daemons' configuration as the operator wants it."""

    def __init__(self, paths: Paths, node: str, state: AgentState, installer: Installer) -> None:
        self._paths, self._node, self._state, self._installer = paths, node, state, installer
        self._backoff = Backoff(first=0.5, most=30.0)
        self._publish()

    async def run(self) -> None:
        """Never returns. Unchanged files are not judged twice, unless what was in the way may have gone."""
        while True:
            stamp = fingerprint(self._paths.config, self._node)
            outcome = await self._follow()
            self._report(outcome)
            await self._wait(stamp, outcome.retry)

    async def _follow(self) -> Outcome:
        """Reads what is wanted and installs it."""
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
        before = self._installer.good
        outcome = _about(offered.config.revision, await self._installer.install(offered))
        if self._installer.good is not before:
            log.info("revision %s is loaded", offered.config.revision)
        self._publish()
        return outcome

    def _publish(self) -> None:
        good = self._installer.good
        self._state.update(installed=good.config if good else None, started=self._installer.started)

    def _report(self, outcome: Outcome) -> None:
        if outcome.problems != self._state.now.problems.get(PART, ()):
            for problem in outcome.problems:
                log.warning("%s: %s", problem.reason, problem.message)
        self._state.put_problems(PART, *outcome.problems)

    async def _wait(self, stamp: tuple[object, ...], retry: Retry) -> None:
        """Until the files change, or it is time to try again."""
        loop = asyncio.get_running_loop()
        again = None
        if retry is Retry.LATER:
            again = loop.time() + self._backoff.next()
        else:
            self._backoff.reset()
            if retry is Retry.PORT:
                again = loop.time() + _PORT_POLL
        while fingerprint(self._paths.config, self._node) == stamp and (again is None or loop.time() < again):  # noqa: ASYNC110
            await asyncio.sleep(_POLL)


def _about(revision: str, outcome: Outcome) -> Outcome:
    """Says which revision the problems are about: the operator offers others, and has to know which of them was refused."""
    problems = tuple(problem.model_copy(update={"revision": revision}) for problem in outcome.problems)
    return replace(outcome, problems=problems)
