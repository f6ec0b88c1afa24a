"""Creates the agent's parts and runs them until the pod ends.

`hacluster agent` calls `run_until_signalled`. Each part is one task under `supervisor.run_parts`; the parts share one
`AgentState`. When the agent stops, the order matters: the parts end, virtual IPs without an owner are removed, the forwarding
rules are removed, and a last report is sent to the operator.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hacluster import __version__
from hacluster.agent.config.authentication import Passwords
from hacluster.agent.config.daemons import RealDaemons
from hacluster.agent.config.heard_passwords import HeardPasswords
from hacluster.agent.config.install import Installer
from hacluster.agent.config.ports_in_use import others_serve
from hacluster.agent.config.redirects import RedirectMonitor
from hacluster.agent.config.turn import Turn
from hacluster.agent.config.watcher import ConfigWatcher
from hacluster.agent.handover.handover import Handover
from hacluster.agent.handover.second_chance import SecondChance
from hacluster.agent.haproxy.apache import watch_apache
from hacluster.agent.haproxy.backend_monitor import BackendMonitor
from hacluster.agent.haproxy.credential_digests import CredentialDigests
from hacluster.agent.haproxy.endpoint_lines import EndpointLines
from hacluster.agent.haproxy.lost_servers import LostServers
from hacluster.agent.haproxy.monitor import HAProxyMonitor
from hacluster.agent.haproxy.peers import PeerMonitor
from hacluster.agent.haproxy.secret_monitor import SecretMonitor
from hacluster.agent.haproxy.service_monitor import ServiceMonitor
from hacluster.agent.haproxy.service_servers import ServiceServers
from hacluster.agent.keepalived.notify import NotifyReader
from hacluster.agent.keepalived.orphans import OrphanCleanup
from hacluster.agent.keepalived.process import Keepalived
from hacluster.agent.keepalived.remembered import RememberedAddresses
from hacluster.agent.keepalived.repair import KeepalivedCheck
from hacluster.agent.keepalived.scheduling import watch_scheduling
from hacluster.agent.neighbours.monitor import SegmentMonitor
from hacluster.agent.neighbours.preflight import Preflight
from hacluster.agent.network_monitor import watch_network
from hacluster.agent.paths import Paths
from hacluster.agent.secrets.certificate_files import CertificateFiles
from hacluster.agent.secrets.source import SecretSource
from hacluster.agent.secrets.store import SecretStore
from hacluster.agent.services.source import ServiceSource
from hacluster.agent.state import AgentState
from hacluster.agent.status.entry import build_entry
from hacluster.agent.status.publisher import Publisher, Reporter, ReportFailed
from hacluster.agent.status.standby import Behalf, keep_turn, wait_for_turn
from hacluster.agent.supervisor import Part, run_parts, touch_alive_file
from hacluster.agent.system.clock import Clock, system_clock
from hacluster.agent.system.network import Network
from hacluster.agent.system.only_one import OnlyOne
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.anomalies import Anomalies
from hacluster.agent.vrrp.final_advert import send_final_advert
from hacluster.agent.vrrp.listener import AdvertListener
from hacluster.agent.vrrp.takeover import TakeoverTimer
from hacluster.api.status import NodeStatus
from hacluster.nodeconfig import File, Router
from hacluster.timestamps import format_timestamp

log = logging.getLogger(__name__)

_LAST_REPORT_TIMEOUT: Final = 0.6
"""Seconds for the last report: the pod is being removed, and its grace period is limited."""


@dataclass(frozen=True)
class Settings:
    """Which node the agent runs on, where its files are, and the wall clock for timestamps."""

    node: str
    paths: Paths = field(default_factory=Paths)
    clock: Clock = system_clock
    hold_down: bool = True
    """Whether a HAProxy that ends again and again has to answer for a while before its node may hold a virtual IP again."""
    pod: str = ""
    """Name of the agent's pod, which the entry in status names; empty: unknown."""
    static_pod: bool = False
    """Whether it is a static pod, which has no access to the API server."""


async def run(  # noqa: PLR0917 - called at one place, below
    settings: Settings, reporter: Reporter, services: ServiceSource, secrets: SecretSource, stop: asyncio.Event, only_one: OnlyOne
) -> None:
    """Runs the node's agent until `stop` is set. At the end it removes the virtual IPs that no keepalived owns."""
    paths, state = settings.paths, AgentState()
    keepalived = Keepalived(paths)
    adverts, anomalies = LastAdverts(), Anomalies()

    def resign(router: Router, network: Network) -> bool:
        conf = paths.good(File.KEEPALIVED)
        return conf.exists() and send_final_advert(router, network, conf.read_text())

    orphan_cleanup = OrphanCleanup(state, keepalived, adverts, RememberedAddresses(paths.virtual_ips), resign)
    takeover_timer = TakeoverTimer(adverts)

    def build(previous: NodeStatus | None) -> NodeStatus:
        now = format_timestamp(settings.clock())
        return build_entry(settings.node, __version__, state.now, previous, now, pod=settings.pod)

    def time_takeovers(network: Network) -> Mapping[str, int]:
        config = state.now.installed
        return takeover_timer.update(config.routers if config else (), network, asyncio.get_running_loop().time())

    publisher = Publisher(state, reporter, build, paths.entry)
    lines = EndpointLines(state)
    lost_servers = LostServers(paths, state, lines)
    store = SecretStore()
    certificates, credentials, passwords = (
        CertificateFiles(paths, store),
        CredentialDigests(paths, state, store),
        Passwords(store),
    )
    second_chance = SecondChance(state, adverts, paths.forwarding)
    installer = Installer(
        paths,
        RealDaemons(paths, keepalived, lines.complete),
        preflight=Preflight(adverts),
        turn=Turn(state, adverts),
        announce=second_chance.tracked_ports.announced,
        servers=lines,
        certificates=certificates,
        passwords=passwords,
    )
    config_watcher = ConfigWatcher(paths, settings.node, state, installer)
    notify_reader = NotifyReader(paths, state, keepalived)
    secret_monitor = SecretMonitor(state, secrets, store, (certificates, credentials, passwords), settings.clock)
    anomalies.authentication = HeardPasswords(lambda: installer.good, adverts, secret_monitor.read_again).own
    parts: dict[str, Part] = {
        "orphan cleanup": orphan_cleanup.run,
        "HAProxy monitor": HAProxyMonitor(paths, state, adverts if settings.hold_down else None).run,
        "notify reader": notify_reader.run,
        "keepalived check": KeepalivedCheck(paths, state, keepalived, notify_reader.load_states, adverts.last_sender).run,
        "keepalived's scheduling": lambda: watch_scheduling(state, keepalived),
        "advertisement listener": AdvertListener(state, adverts, anomalies).run,
        "segment monitor": SegmentMonitor(state, anomalies).run,
        "network monitor": lambda: watch_network(state, time_takeovers=time_takeovers),
        "configuration watcher": config_watcher.run,
        "redirected ports": RedirectMonitor(state).run,
        "backend monitor": BackendMonitor(paths, state, adverts, reporter.read, lines).run,
        "Secret monitor": secret_monitor.run,
        "credentials": credentials.run,
        "service monitor": ServiceMonitor(state, services, paths.services).run,
        "service servers": ServiceServers(paths, state, installer.files, lines, lost_servers.check_now).run,
        "Apache monitor": lambda: watch_apache(state),
        "status publisher": publisher.run,
        "status watch": publisher.follow,
        "second chance": second_chance.run,
        "lost servers": lost_servers.run,
        "peer monitor": PeerMonitor(state, adverts, lost_servers).run,
        "handover": Handover(paths, state, keepalived, adverts).run,
        "only one": lambda: keep_turn(only_one, state),
        "alive file": lambda: touch_alive_file(paths.alive),
    }
    log.info("agent %s of node %s starts", __version__, settings.node)
    try:
        await run_parts(parts, stop)
        await orphan_cleanup.finish()
        await second_chance.finish()
        with contextlib.suppress(ReportFailed, TimeoutError):
            async with asyncio.timeout(_LAST_REPORT_TIMEOUT):
                await publisher.publish()
    finally:
        services.close()
        secrets.close()
        await reporter.close()
    log.info("agent of node %s ends", settings.node)


async def run_until_signalled(
    settings: Settings, reporter: Reporter, services: ServiceSource, secrets: SecretSource, only_one: OnlyOne
) -> None:
    """Runs the agent until the process gets SIGTERM or SIGINT, as soon as no other agent of the resource runs on the node."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    behalf = None if settings.static_pod else Behalf(settings.node, settings.pod, reporter, settings.paths.entry)
    turn = wait_for_turn(only_one, behalf, lambda: others_serve(settings.paths, settings.node))
    waiting, stopping = asyncio.create_task(turn), asyncio.create_task(stop.wait())
    await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not stop.is_set():
        await waiting
        await run(settings, reporter, services, secrets, stop, only_one)
        return
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    services.close()
    secrets.close()
    await reporter.close()
