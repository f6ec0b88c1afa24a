"""Makes HAProxy's servers equal to the endpoints of Services, while it runs.

`ServiceServers.run` is started by `agent/run.py`. After each change of the endpoints it first has haproxy.cfg rewritten, for the next
process of HAProxy, and then tells the running one. HAProxy is asked for its servers each second, too: it may have been restarted or
reloaded, and others may have changed its servers.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from hacluster.agent.haproxy.commands import ask
from hacluster.agent.haproxy.endpoint_lines import EndpointLines
from hacluster.agent.paths import Paths
from hacluster.agent.services import commands
from hacluster.agent.services.endpoints import Endpoints
from hacluster.agent.state import AgentState
from hacluster.api.reasons import Reason
from hacluster.api.status import Health, NodeProblem
from hacluster.nodeconfig import AgentConfig

log = logging.getLogger(__name__)

PART: Final = "services"
"""Under this key the problems are stored in the agent's state."""
_INTERVAL: Final = 1.0
"""Seconds between two comparisons without a change."""
_SHARE: Final = 20
"""A HAProxy with thousands of servers is asked less often: the pause is at least so many times as long as the answer took."""
_RETRY: Final = 0.1
"""Seconds until the next try, while HAProxy does not answer or is being reloaded."""
_DEADLINE: Final = 2.0
"""Seconds for one comparison."""
_PATIENCE: Final = 10.0
"""Seconds until a Service that has not been seen is a problem: the agent may have to wait for its rights first."""


class ConfigurationFile(Protocol):
    """What this module needs of `config/files.ConfigFiles`."""

    loading: bool
    """Whether HAProxy is being reloaded: then it is not known which configuration answers."""

    def refresh(self) -> None:
        """Writes the present endpoints into haproxy.cfg. Raises OSError."""


class ServiceServers:
    """Keeps HAProxy's servers current."""

    def __init__(
        self, paths: Paths, state: AgentState, file: ConfigurationFile, lines: EndpointLines, changed: Callable[[], None]
    ) -> None:
        """`changed` is called when servers have been changed: new ones are up, also those on a lost node."""
        self._paths, self._state, self._file, self._lines, self._changed = paths, state, file, lines, changed
        self._unknown_since: dict[str, float] = {}
        self._shown: Mapping[str, Endpoints] = {}
        self._complained: list[str] = []

    async def run(self) -> None:
        """Runs until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            seen, started = self._relevant(), loop.time()
            config = self._state.now.installed
            pause = await self._compare(config, started) if config and config.services else 0.0
            if config is None or not config.services:
                self._state.put_problems(PART)
                self._unknown_since.clear()
            await self._wait(seen, pause or max(_INTERVAL, _SHARE * (loop.time() - started)))

    async def _compare(self, config: AgentConfig, now: float) -> float:
        """Makes file and HAProxy agree with the endpoints. Returns the seconds until the next try; 0: it succeeded."""
        endpoints = self._lines.endpoints(config)
        self._report(config, endpoints, now)
        self._log(endpoints)
        try:
            self._file.refresh()
            if self._state.now.haproxy is Health.DOWN or not self._state.now.started:
                return 0.0
            if self._file.loading:
                return _RETRY
            async with asyncio.timeout(_DEADLINE):
                await self._tell(config, {proxy: each for proxy, each in endpoints.items() if each.known})
        except (OSError, TimeoutError, ValueError, IndexError) as error:
            log.debug("HAProxy's servers cannot be compared: %s", error)
            return _RETRY
        return 0.0

    async def _tell(self, config: AgentConfig, wanted: Mapping[str, Endpoints]) -> None:
        socket = self._paths.haproxy_admin
        present = commands.parse_states(await ask(socket, commands.STATES))
        if self._file.loading or config is not self._state.now.installed:
            return
        services = commands.followed({proxy: config.services[proxy] for proxy in wanted}, present)
        found: list[str] = []
        for line in commands.in_lines(commands.changes(services, wanted, present)):
            found += commands.complaints(await ask(socket, line))
            self._changed()
        if gone := commands.gone(services, wanted, present):
            busy = commands.busy_servers(await ask(socket, commands.CONNECTIONS))
            for line in commands.in_lines(commands.removals(gone, busy)):
                await ask(socket, line)  # a refusal is a connection that came just now: the next round tries again
        if found and found != self._complained:
            log.warning("HAProxy answered: %s", "; ".join(found))
        self._complained = found

    def _report(self, config: AgentConfig, endpoints: Mapping[str, Endpoints], now: float) -> None:
        unknown = {proxy for proxy, each in endpoints.items() if not each.known}
        self._unknown_since = {proxy: self._unknown_since.get(proxy, now) for proxy in unknown}
        late = {proxy for proxy, since in self._unknown_since.items() if now - since >= _PATIENCE}
        clauses = {proxy: each.problem for proxy, each in endpoints.items() if each.problem}
        clauses |= dict.fromkeys(late, "this node has not seen it yet: the API server does not answer its agent, or refuses to")
        messages = [
            f"{config.services[proxy].field}: Service {config.services[proxy].title}: {clauses[proxy]}" for proxy in clauses
        ]
        self._state.put_problems(PART, *(NodeProblem(reason=Reason.SERVICE_UNUSABLE, message=each) for each in messages))

    def _log(self, endpoints: Mapping[str, Endpoints]) -> None:
        for proxy, each in endpoints.items():
            if each != self._shown.get(proxy):
                log.info("%s: %d endpoints, %d more are ending", proxy, len(each.used), len(each.draining))
        self._shown = endpoints

    def _relevant(self) -> tuple[object, ...]:
        now = self._state.now
        return now.installed, now.services, now.haproxy, now.started

    async def _wait(self, seen: tuple[object, ...], seconds: float) -> None:
        """Waits for so many seconds, or until something that matters here is another than `seen`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self._relevant() == seen and (left := until - loop.time()) > 0:
            await self._state.wait_for_change(self._state.version, left)
