"""Asks HAProxy for its servers: for the status, and to keep a HAProxy that has not checked them, or that reaches fewer of them than the
holder does, from taking virtual IPs.

`BackendMonitor.run` is started by `agent/run.py`. It writes `listeners` and `held_back` to the state. `handover/handover.py` lowers
the priority of the routers in `held_back`.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from hacluster.agent.haproxy.backends import (
    Proxies,
    all_up,
    falls_behind,
    is_urgent,
    listener_statuses,
    parse_proxies,
    with_endpoints,
)
from hacluster.agent.haproxy.check_gate import CheckGate
from hacluster.agent.haproxy.commands import SERVERS, ask
from hacluster.agent.haproxy.endpoint_lines import EndpointLines
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState, holds
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.api.reasons import Reason
from hacluster.api.status import Health, ListenerStatus, NodeProblem, NodeStatus
from hacluster.nodeconfig import AgentConfig, Router
from hacluster.timing import SERVES, interval_seconds

log = logging.getLogger(__name__)

PART: Final = "backends"
"""Under this key the monitor's problem is stored in the agent's state."""

_INTERVAL: Final = 2.0
"""Seconds between two questions, when every server was checked."""
_FIRST_INTERVAL: Final = 0.1
"""Seconds between two questions until then."""
_SHARE: Final = 20
"""A HAProxy with thousands of servers is asked less often: the pause is at least so many times as long as the answer took."""
_DEADLINE: Final = 2.0
"""Seconds for one answer."""
REPORTS: Final = 3
"""Reports of differences that are not urgent, in `REPORTS_IN` at most.

A server that flaps is missed at once, and found again as often as this: the status is written no oftener. At rest, what is shown is
never older than the pause between two questions.
"""
REPORTS_IN: Final = 30.0
"""Seconds."""


class BackendMonitor:
    """Keeps `listeners` and `held_back` in the state current."""

    def __init__(
        self,
        paths: Paths,
        state: AgentState,
        adverts: LastAdverts,
        read_entry: Callable[[str], Awaitable[NodeStatus | None]],
        lines: EndpointLines | None = None,
    ) -> None:
        """`adverts`: a node waits only while another one advertises. `read_entry` reads another node's report; None: not known.

        `lines` knows the endpoints of Services.
        """
        self._lines = lines or EndpointLines(state)
        self._paths, self._state, self._adverts, self._read_entry = paths, state, adverts, read_entry
        self._gate = CheckGate(resumed=paths.ready.exists())
        self._reported: deque[float] = deque(maxlen=REPORTS)
        """When differences that were not urgent were reported."""

    async def run(self) -> None:
        """Runs until cancelled: asks HAProxy, and at once when its health changes."""
        loop = asyncio.get_running_loop()
        while True:
            health, started = self._state.now.haproxy, loop.time()
            config, overdue = self._state.now.installed, self._gate.is_overdue(started)
            proxies = await self._ask(config) if health is Health.UP else None
            listeners = listener_statuses(proxies, config.listeners, config.services) if config and proxies is not None else ()
            behind = await self._compare_with_holder(config, listeners) if config and overdue else None
            complete = proxies is not None and (config is None or self._lines.all_known(config)) and all_up(proxies)
            waits = self._gate.update(health, complete, behind is not None, loop.time())
            self._state.update(held_back=self._held_back(loop.time()) if waits else frozenset())
            self._report_problem(behind if waits else None)
            if health is not Health.UP:
                self._report(())
            elif proxies is not None and (overdue or not waits):
                self._report(listeners)
            pause = _FIRST_INTERVAL if waits and not overdue else max(_INTERVAL, _SHARE * (loop.time() - started))
            await self._wait(health, pause)

    async def _ask(self, config: AgentConfig | None) -> Proxies | None:
        try:
            async with asyncio.timeout(_DEADLINE):
                found = parse_proxies(await ask(self._paths.haproxy_admin, SERVERS))
                return with_endpoints(found, self._lines.endpoints(config)) if config else found
        except (OSError, TimeoutError, KeyError):
            return None

    def _held_back(self, now: float) -> frozenset[str]:
        """The routers that another node serves now. Only those that preempt: without preemption, a start takes nothing from a holder."""
        config, network = self._state.now.installed, self._state.now.network
        routers = config.routers if config else ()
        return frozenset(
            router.name
            for router in routers
            if router.preempts and not holds(router, network) and self._another_node_serves(router, now)
        )

    async def _compare_with_holder(self, config: AgentConfig, own: tuple[ListenerStatus, ...]) -> NodeProblem | None:
        """The problem that the holder of a router that the node would take reaches more servers; None: it does not, as far as known."""
        held_back = self._held_back(asyncio.get_running_loop().time())
        senders = {sender[0] for name in held_back if (sender := self._adverts.last_sender(name))}
        for node in sorted(node for node, addresses in config.peers.items() if senders & set(addresses)):
            entry = await self._read_entry(node)
            if entry and (difference := falls_behind(own, entry.listeners)):
                return _fewer_servers(node, *difference)
        if held_back and not self._lines.all_known(config):
            return _UNKNOWN_SERVICES
        return None

    def _report_problem(self, problem: NodeProblem | None) -> None:
        if problem and problem not in self._state.now.problems.get(PART, ()):
            log.warning("takes no virtual IP from another node: %s", problem.message)
        self._state.put_problems(PART, *([problem] if problem else []))

    def _another_node_serves(self, router: Router, now: float) -> bool:
        sender = self._adverts.last_sender(router.name)
        return sender is not None and now - sender[1] < SERVES * interval_seconds(router)

    def _report(self, listeners: tuple[ListenerStatus, ...]) -> None:
        """Updates the state, but not more often than `REPORTS` times in `REPORTS_IN` seconds where the difference is not urgent."""
        before, now = self._state.now.listeners, asyncio.get_running_loop().time()
        if listeners == before:
            return
        if not is_urgent(before, listeners):
            if len(self._reported) == REPORTS and now - self._reported[0] < REPORTS_IN:
                return
            self._reported.append(now)
        self._state.update(listeners=listeners)

    async def _wait(self, health: Health, seconds: float) -> None:
        """Waits for so many seconds, or until HAProxy's health is another than `health`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self._state.now.haproxy is health and (left := until - loop.time()) > 0:
            await self._state.wait_for_change(self._state.version, left)


_UNKNOWN_SERVICES: Final = NodeProblem(
    reason=Reason.FEWER_SERVERS,
    message="this node does not know the endpoints of a Service yet, because the API server has not told its agent: it takes no virtual IP "
    "from another node until it does",
)


def _fewer_servers(holder: str, own: ListenerStatus, holders: ListenerStatus) -> NodeProblem:
    message = (
        f"of listener {own.name}, this node reaches {own.servers_up} of {own.servers} servers and {holder} {holders.servers_up}: it takes "
        f"no virtual IP from {holder} until it reaches as many. Its last check: {own.last_check}. "
        "Check the network from this node to the servers"
    )
    return NodeProblem(reason=Reason.FEWER_SERVERS, message=message)
