"""Watches the mounted ConfigMap and has changed files installed.

`ConfigWatcher.run` is started by `agent/run.py`. It writes the offered and the installed configuration, and the problems of the
installation, to the state. Polling is used because it costs one `readlink` in 100 ms, and needs no inotify watch that would have to
follow the kubelet's symbolic link.
"""

import asyncio
import logging
from dataclasses import replace
from typing import Any, Final

from hacluster.agent.config.bundle import BadBundle, Bundle, fingerprint, read_offered
from hacluster.agent.config.deviations import Deviations
from hacluster.agent.config.install import Installer
from hacluster.agent.config.outcome import Outcome, Retry
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.agent.system.backoff import Backoff
from hacluster.api.reasons import Reason
from hacluster.api.status import Health, NodeProblem

log = logging.getLogger(__name__)

PART: Final = "configuration"
"""The key of this part's problems in the state."""
DEVIATIONS: Final = "deviations"
"""The key of the problems about what somebody else has changed."""
_POLL: Final = 0.1
"""Seconds between two looks at the files."""
_CHECK: Final = 0.8
"""Seconds between two comparisons of the installed files with the good ones, and of the daemons with these files."""
_PORT_RETRY: Final = 1.0
"""Seconds between two tries while a port or an address is in use."""


class ConfigWatcher:
    """Keeps the daemons' configuration equal to the mounted ConfigMap."""

    def __init__(self, paths: Paths, node: str, state: AgentState, installer: Installer) -> None:
        self._paths, self._node, self._state, self._installer = paths, node, state, installer
        self._backoff = Backoff(first=0.5, most=30.0)
        self._deviations = Deviations()
        self._record_installed()

    async def run(self) -> None:
        """Runs until cancelled: installs the files, and again when they change or when the outcome asks for another try."""
        while True:
            if self._paths.leave.exists():
                # The pod ends, and its daemons are told to stop: a reload would start them anew, or look like a refusal when they end.
                # The next pod's agent installs the files, or this one, if the pod turns out to stay.
                await asyncio.sleep(_POLL)
                continue
            stamp = fingerprint(self._paths.config, self._node)
            outcome = await self._apply_offered(stamp)
            self._record_problems(outcome)
            await self._wait(stamp, outcome.retry)

    async def _apply_offered(self, stamp: tuple[object, ...]) -> Outcome:
        """Reads the mounted files, whose fingerprint is `stamp`, and installs them."""
        try:
            offered = read_offered(self._paths.config, self._node)
            if offered is None:
                return Outcome()
            self._state.update(offered=offered.config)
            return await self._install(offered, stamp)
        except BadBundle as error:
            return Outcome((NodeProblem(reason=Reason.CONFIGURATION_REFUSED, message=str(error)),))
        except OSError as error:
            return Outcome((NodeProblem(reason=Reason.NOT_LOADED, message=f"{error}"),), Retry.LATER)

    async def _install(self, offered: Bundle, stamp: tuple[object, ...]) -> Outcome:
        good_before = self._installer.good
        installed = await self._installer.install(offered, lambda: self._is_superseded(stamp))
        outcome = _with_revision(offered.config.revision, installed)
        if self._installer.good is not good_before:
            log.info("revision %s is loaded", offered.config.revision)
        self._record_installed()
        return outcome

    def _is_superseded(self, stamp: tuple[object, ...]) -> bool:
        return self._paths.leave.exists() or fingerprint(self._paths.config, self._node) != stamp

    def _record_installed(self) -> None:
        good = self._installer.good
        before, config = self._state.now.installed, good.config if good else None
        # Whether Apache answers on the new address and port is not known yet: the old result must not be reported with the new revision.
        moved = config is not None and before is not None and before.apache is not None and before.apache != config.apache
        changes: dict[str, Any] = {"apache": Health.UNKNOWN if config and config.apache else None} if moved else {}
        self._state.update(installed=config, started=self._installer.started, **changes)

    def _record_problems(self, outcome: Outcome) -> None:
        if outcome.problems != self._state.now.problems.get(PART, ()):
            for problem in outcome.problems:
                log.warning("%s: %s", problem.reason, problem.message)
        self._state.put_problems(PART, *outcome.problems)

    async def _wait(self, stamp: tuple[object, ...], retry: Retry) -> None:
        """Waits until the files differ from `stamp` or a Secret changes, until it is time for another try, or until the pod ends."""
        loop = asyncio.get_running_loop()
        retry_at = None
        if retry is Retry.LATER:
            retry_at = loop.time() + self._backoff.next()
        else:
            self._backoff.reset()
            if retry is Retry.PORT:
                retry_at = loop.time() + _PORT_RETRY
        check_at = loop.time() + _CHECK
        changed = self._installer.certificates
        while not (self._is_superseded(stamp) or changed.changed) and (retry_at is None or loop.time() < retry_at):
            await asyncio.sleep(_POLL)
            if loop.time() >= check_at:
                check_at = loop.time() + _CHECK
                if await self._restore(loop.time()):
                    return

    async def _restore(self, now: float) -> bool:
        """Repairs what somebody else has changed of the files or of what the daemons run with; returns whether there was something."""
        try:
            due = self._deviations.update(await self._installer.find_deviations(), now)
            self._state.put_problems(DEVIATIONS, *self._deviations.problems())
            if due and not self._paths.leave.exists():
                log.warning("%s", "; ".join(sorted(each.value for each in due)))
                await self._installer.restore(due)
        except OSError as error:
            log.warning("the installed files cannot be compared: %s", error)
            return False
        return bool(due)


def _with_revision(revision: str, outcome: Outcome) -> Outcome:
    """Adds the revision to the problems: the operator may offer another one meanwhile, and has to know which one was refused."""
    problems = tuple(problem.model_copy(update={"revision": revision}) for problem in outcome.problems)
    return replace(outcome, problems=problems)
