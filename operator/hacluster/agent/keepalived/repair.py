"""Compares keepalived's states with everything that should decide them, and repairs what contradicts it.

`KeepalivedCheck.run` is started by agent/run.py and never returns. `expectation.py` decides what is wrong and what to do about it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from hacluster.agent.keepalived.dump import Description
from hacluster.agent.keepalived.expectation import Contradiction, Flags, Repair, RepairPlan, contradictions
from hacluster.agent.keepalived.removal import LastSender, RemovalWatch
from hacluster.agent.keepalived.track_file import read_track, write_track
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem
from hacluster.nodeconfig import Router

log = logging.getLogger(__name__)

PART: Final = "keepalived"
"""The key of this part's problems in the state."""
REMOVALS: Final = "removals"
"""The key of the problems about removed virtual IPs."""
_CHECK: Final = 0.2
"""Seconds between two comparisons at most."""
_NOT_HEARD: Final = frozenset({Reason.CANNOT_LISTEN, Reason.FOREIGN_ROUTER, Reason.ADVERT_MISMATCH})
"""While an agent has one of these problems, it does not hear what keepalived hears."""


class Daemon(Protocol):
    """What this module needs of `Keepalived`."""

    async def reload(self) -> bool | None:
        """Sends SIGHUP."""

    async def describe(self) -> Description | None:
        """What keepalived says about its states; None without an answer."""


class KeepalivedCheck:
    """Finds contradictions, repairs them, and reports those that stay."""

    def __init__(
        self, paths: Paths, state: AgentState, keepalived: Daemon, refresh: Callable[[], Awaitable[None]], last_sender: LastSender
    ) -> None:
        """`refresh` asks keepalived for its states and puts them into `state` (notify.py)."""
        self._paths, self._state, self._keepalived = paths, state, keepalived
        self._refresh, self._last_sender = refresh, last_sender
        self._plan, self._removals = RepairPlan(), RemovalWatch()
        self._started = 0.0

    async def run(self) -> None:
        """Runs until cancelled: compares after every change of the state, and five times a second."""
        loop = asyncio.get_running_loop()
        self._started = loop.time()
        while True:
            version = self._state.version
            self._state.put_problems(REMOVALS, *self._find_removals(loop.time()))
            found = self._contradictions(loop.time())
            if not found:
                self._state.put_problems(PART)
            if repair := self._plan.update(found, loop.time()):
                await self._repair(repair, self._plan.lasting(loop.time()))
            await self._state.wait_for_change(version, _CHECK)

    def _find_removals(self, now: float) -> tuple[NodeProblem, ...]:
        seen = self._state.now
        routers = seen.installed.routers if seen.installed and seen.keepalived else ()
        return self._removals.update(routers, seen.instances, self._last_sender, now)

    def _contradictions(self, now: float) -> Mapping[str, Contradiction]:
        seen = self._state.now
        routers = seen.installed.routers if seen.installed else ()
        yields = {router.name: read_track(self._paths.track_yield(router.name)) for router in routers}
        flags = Flags(read_track(self._paths.track_haproxy), yields)
        return contradictions(seen, flags, lambda router: self._last_heard(router, now))

    def _last_heard(self, router: Router, now: float) -> float | None:
        problems = (each.reason for part in self._state.now.problems.values() for each in part)
        if not _NOT_HEARD.isdisjoint(problems):
            return None
        last = self._last_sender(router.name)
        return now - max(self._started, last[1] if last else 0.0)

    async def _repair(self, repair: Repair, lasting: Mapping[str, Contradiction]) -> None:
        what = "; ".join(f"{name}: {each.value}" for name, each in lasting.items())
        log.warning("keepalived contradicts what the agent knows (%s): %s", what, repair.value)
        match repair:
            case Repair.ASK:
                await self._refresh()
            case Repair.WRITE:
                self._write_track_files()
            case Repair.RELOAD:
                await self._keepalived.reload()
                await self._refresh()
            case Repair.REPORT:
                await self._report(lasting)

    def _write_track_files(self) -> None:
        """Writes each file with the value that it has: keepalived reads it then. The parts that own them correct wrong values."""
        installed = self._state.now.installed
        routers = [router.name for router in installed.routers] if installed else []
        files = [file(router) for router in routers for file in (self._paths.track_yield, self._paths.track_step)]
        for file in (self._paths.track_haproxy, *files):
            flag = read_track(file)
            if flag is not None:
                write_track(file, flag)

    async def _report(self, lasting: Mapping[str, Contradiction]) -> None:
        description = await self._keepalived.describe()
        self._state.put_problems(PART, *(self._problem(name, each, description) for name, each in lasting.items()))

    @staticmethod
    def _problem(router: str, found: Contradiction, description: Description | None) -> NodeProblem:
        says = description.of(router) if description else "nothing: it does not answer"
        message = (
            f"keepalived's virtual router {router} is stuck: {found.value}. keepalived says: {says}. Reloading it has not helped; "
            "restart the container keepalived, and look at its log"
        )
        return NodeProblem(reason=Reason.ROUTER_STUCK, message=message)
