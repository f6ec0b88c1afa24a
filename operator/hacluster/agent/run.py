"""Puts the agent's parts together."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hacluster import __version__
from hacluster.agent.config.daemons import RealDaemons
from hacluster.agent.config.install import Installer
from hacluster.agent.config.watcher import Configuration
from hacluster.agent.handover.handover import Handover
from hacluster.agent.handover.second_chance import SecondChance
from hacluster.agent.haproxy.apache import watch_apache
from hacluster.agent.haproxy.monitor import HAProxyMonitor
from hacluster.agent.haproxy.peers import PeerMonitor
from hacluster.agent.keepalived.notify import NotifyReader
from hacluster.agent.keepalived.orphans import OrphanCleanup
from hacluster.agent.keepalived.process import Keepalived
from hacluster.agent.neighbours.monitor import SegmentMonitor
from hacluster.agent.neighbours.preflight import Preflight
from hacluster.agent.network_monitor import watch_network
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.agent.status.entry import build_entry
from hacluster.agent.status.publisher import Publisher, Reporter, ReportFailed, renew_lease_forever
from hacluster.agent.supervisor import Part, heartbeat, run_parts
from hacluster.agent.system.clock import Clock, system_clock
from hacluster.agent.system.network import Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.anomalies import Anomalies
from hacluster.agent.vrrp.listener import AdvertListener
from hacluster.agent.vrrp.takeover import TakeoverTimer
from hacluster.api.status import NodeStatus
from hacluster.timestamps import format_timestamp

log = logging.getLogger(__name__)

_FAREWELL: Final = 0.6
"""Seconds for the last report: the pod is being removed."""


@dataclass(frozen=True)
class Settings:
    """Which node this is, and where its files are."""

    node: str
    paths: Paths = field(default_factory=Paths)
    clock: Clock = system_clock
    hold_down: bool = True
    """Whether a HAProxy that keeps dying has to answer for a while before its node is fit again."""


async def run(settings: Settings, reporter: Reporter, stop: asyncio.Event) -> None:
    """Runs the node's agent until `stop` is set, and then leaves no virtual IP without an owner."""
    paths, state = settings.paths, AgentState()
    keepalived = Keepalived(paths)
    cleanup = OrphanCleanup(state, keepalived)
    adverts, anomalies = LastAdverts(), Anomalies()
    takeovers = TakeoverTimer(adverts)

    def entry(previous: NodeStatus | None) -> NodeStatus:
        return build_entry(settings.node, __version__, state.now, previous, format_timestamp(settings.clock()))

    def measure(network: Network) -> Mapping[str, int]:
        config = state.now.installed
        return takeovers.follow(config.routers if config else (), network, asyncio.get_running_loop().time())

    publisher = Publisher(state, reporter, entry, paths.entry)
    installer = Installer(paths, RealDaemons(paths, keepalived), preflight=Preflight(adverts))
    configuration = Configuration(paths, settings.node, state, installer)
    second_chance = SecondChance(state, adverts, paths.forwarding)
    parts: dict[str, Part] = {
        "cleanup": cleanup.run,
        "health": HAProxyMonitor(paths, state, adverts if settings.hold_down else None).run,
        "vrrp": NotifyReader(paths, state, keepalived).run,
        "listen": AdvertListener(state, adverts, anomalies).run,
        "lookout": SegmentMonitor(state, anomalies).run,
        "network": lambda: watch_network(state, measure=measure),
        "configuration": configuration.run,
        "apache": lambda: watch_apache(state),
        "report": publisher.run,
        "second chance": second_chance.run,
        "peers": PeerMonitor(paths, state, adverts).run,
        "handover": Handover(paths, state, keepalived).run,
        "dead man's switch": lambda: heartbeat(paths.alive),
        "heartbeat": lambda: renew_lease_forever(reporter),
    }
    log.info("agent %s of node %s starts", __version__, settings.node)
    try:
        await run_parts(parts, stop)
        await cleanup.finish()
        await second_chance.finish()
        with contextlib.suppress(ReportFailed, TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await publisher.publish()
    finally:
        await reporter.close()
    log.info("agent of node %s ends", settings.node)


async def run_until_signalled(settings: Settings, reporter: Reporter) -> None:
    """As `run`, until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run(settings, reporter, stop)
