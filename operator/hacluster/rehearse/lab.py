"""Puts a lab together: the nodes of a resource, the switch between them, a client, and the watchers.

`running_lab` is the way in: it builds the hosts of `facts.make_layout`, starts the daemons, and removes everything afterwards.
`Lab` is then what faults are played on (`faults.FaultInjector`), and what the records are read from.
"""

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from hacluster.api import HACluster
from hacluster.plan import Plan, Settings, make_plan
from hacluster.rehearse.address_watch import AddressWatch
from hacluster.rehearse.arp_watch import ArpWatch
from hacluster.rehearse.authority import Authority, names_of
from hacluster.rehearse.client import lock_memory
from hacluster.rehearse.clients import Clients
from hacluster.rehearse.connections import Target
from hacluster.rehearse.containers import SERVICES_FILE
from hacluster.rehearse.facts import InterfaceAddress, LabLayout, make_layout
from hacluster.rehearse.hosts import Host
from hacluster.rehearse.network import Wiring, full_prefix, segment_of
from hacluster.rehearse.node import Node
from hacluster.rehearse.services import service_objects
from hacluster.rehearse.stand_ins import start_stand_ins

_SUPERVISE_EVERY: Final = 0.05


class NotReady(Exception):
    """A condition was not met in time, or the resource cannot be planned; the message has the reason or the daemons' logs."""


@dataclass
class Lab:
    """A lab; `running_lab` makes it. Times are seconds of the monotonic clock."""

    cluster: HACluster
    layout: LabLayout
    folder: Path
    agent: bool = True
    """Whether the product's agents run; without them the nodes have the daemons alone."""
    api_host: str = ""
    """Address of an API server that the agents report to; empty: they report to files."""
    plan: Plan = field(init=False)
    nodes: dict[str, Node] = field(default_factory=dict)
    address_watch: AddressWatch = field(init=False)
    arp_watch: ArpWatch | None = None
    _hosts: list[Host] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _supervisor: threading.Thread | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    """Held while daemons are started, stopped or signalled, so that the supervisor thread does not restart them meanwhile."""

    @property
    def address(self) -> str:
        """The first virtual IP."""
        return str(self.cluster.spec.virtual_routers[0].virtual_ips[0].ip)

    @property
    def authority(self) -> Authority:
        """The authority of all certificates."""
        return Authority(self.folder)

    @property
    def holder(self) -> str:
        """The node whose kernel has the first virtual IP (the first by name if several have it); empty: none."""
        return min(self.address_watch.holders(self.address), default="")

    # ── building ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def build(self) -> None:
        """Makes hosts, links and watchers; no daemon of the product runs yet."""
        self.plan = self.plan_of(self.cluster)
        (self.folder / SERVICES_FILE).write_text(service_objects(self.layout))
        self.authority.prepare(names_of(self.cluster, self.layout))
        self.authority.make_for(self.cluster)
        switch = self._add_host("switch")
        self._wiring = Wiring(switch, self.layout.segments)
        self._wiring.create_bridges()
        for view in self.layout.nodes:
            host = self._add_host(view.name)
            for interface in view.interfaces or ():
                self._wiring.plug(host, interface.name, *(str(address) for address in interface.addresses))
            self.nodes[view.name] = Node(host, agent=self.agent, api_host=self.api_host)
        self.client = self._add_client("client", {segment.name: segment.client for segment in self.layout.segments})
        newcomer = self._add_client("newcomer", {segment.name: segment.newcomer for segment in self.layout.segments})
        self.clients = Clients(self.client, newcomer, self.folder)
        if self.layout.servers:
            hosts = {name: node.host for name, node in self.nodes.items()}
            start_stand_ins(self._add_host("servers"), self._wiring, self.cluster, self.layout, hosts)
        self._wiring.wait_for_addresses()
        self.address_watch = AddressWatch(
            {name: node.host for name, node in self.nodes.items()}, frozenset(str(each.ip) for each in self.layout.virtual_ips)
        )
        self.address_watch.start()
        self._start_arp_watch()

    def start(self) -> None:
        """Delivers the configuration and starts the nodes and the thread that restarts their daemons."""
        for node in self.nodes.values():
            node.deliver(self.plan)
            node.start()
        self._supervisor = threading.Thread(target=self._supervise, name="kubelets", daemon=True)
        self._supervisor.start()

    def close(self) -> None:
        """Ends all threads and hosts."""
        self._stop.set()
        if self._supervisor is not None:
            self._supervisor.join(10)
        for watch in (self.address_watch, self.arp_watch) if hasattr(self, "address_watch") else ():
            if watch is not None:
                watch.stop()
        for host in self._hosts:
            with contextlib.suppress(OSError):
                host.down()

    def _add_host(self, name: str) -> Host:
        host = Host(name, self.folder / name)
        self._hosts.append(host)
        host.up()
        return host

    def _add_client(self, name: str, addresses: Mapping[str, Sequence[InterfaceAddress]]) -> Host:
        """A host with these addresses by segment; virtual IPs that lie in no segment's network are routed over the first segment."""
        host = self._add_host(name)
        for segment, some in addresses.items():
            self._wiring.plug(host, segment, *map(str, some))
        for each in self.layout.virtual_ips:
            if not segment_of(self.layout, each.ip):
                host.run("ip", "route", "add", full_prefix(each.ip), "dev", self.layout.segments[0].name)
        return host

    def _start_arp_watch(self) -> None:
        """Watches the first virtual IP from the client's host, if both have IPv4."""
        first = self.layout.virtual_ips[0]
        segment = next(
            (each for each in self.layout.segments if each.name == segment_of(self.layout, first.ip)), self.layout.segments[0]
        )
        own = next((each for each in segment.client if each.version == 4), None)
        if first.version == 4 and own is not None:
            self.arp_watch = ArpWatch(self.client, segment.name, str(own.ip), (str(first.ip),))
            self.arp_watch.start()

    def _supervise(self) -> None:
        while not self._stop.wait(_SUPERVISE_EVERY):
            with self.lock:
                for node in self.nodes.values():
                    node.supervise()

    # ── changing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def plan_of(self, cluster: HACluster, cordoned: Collection[str] = ()) -> Plan:
        """The operator's plan for a resource. Raises NotReady where the operator would not plan all nodes."""
        views = [replace(view, cordoned=view.name in cordoned) for view in self.layout.nodes]
        plan = make_plan(cluster, views, Settings(node_image="rehearsal"))
        if plan.blocked or set(plan.texts) != {node.name for node in self.layout.nodes}:
            raise NotReady("\n".join(map(str, plan.problems)) or f"nothing is known of {', '.join(plan.waiting_for)}")
        return plan

    @property
    def drain(self) -> float:
        """Seconds that connections may take to end when their holder leaves (`spec.vrrp.handover.drain`)."""
        return self.cluster.spec.vrrp.handover.drain.total_seconds()

    def apply(self, cluster: HACluster, cordoned: Collection[str] = ()) -> None:
        """Plans a changed resource, or other cordoned nodes, and delivers it, to the holder last, as the operator does."""
        self.plan = self.plan_of(cluster, cordoned)
        self.authority.make_for(cluster)
        for name in sorted(self.nodes, key=lambda each: each == self.holder):
            self.deliver(name, self.plan)

    def deliver(self, node: str, plan: Plan) -> None:
        """Delivers a plan's files to one node."""
        with self.lock:
            self.nodes[node].deliver(plan)

    def set_isolated(self, node: str, *, isolated: bool) -> None:
        """Takes the node off all segments, or puts it back. For the others it has lost power; its own interfaces keep their carrier."""
        for segment in self.layout.segments:
            self._wiring.set_isolated(self.nodes[node].host, segment.name, isolated=isolated)

    def set_carrier(self, node: str, *, carrier: bool) -> None:
        """Takes the carrier from all of a node's interfaces, or gives it back, as when its cables are pulled."""
        for segment in self.layout.segments:
            self._wiring.set_carrier(self.nodes[node].host, segment.name, carrier=carrier)

    def wait_until(self, condition: Callable[[], bool], within: float, what: str) -> float:
        """Waits for at most `within` seconds; returns the time at which the condition came true. Raises NotReady with the daemons' logs."""
        until = time.monotonic() + within
        while not condition():
            if time.monotonic() > until:
                raise NotReady(f"not within {within:g} s: {what}\n{self.log_tails()}")
            time.sleep(0.005)
        return time.monotonic()

    def log_tails(self, most: int = 800) -> str:
        """The last `most` characters of every daemon's log."""
        return "\n".join(
            f"── {node.name} {name} ──\n{node.host.log(name)[-most:]}"
            for node in self.nodes.values()
            for name in ("agent", "keepalived", "haproxy")
        )

    @property
    def target(self) -> Target:
        """What the clients ask: the first listener on the first virtual IP."""
        first = self.cluster.spec.haproxy.listeners[0]
        return Target(self.address, first.port, tls=first.tls is not None, proxy=first.proxy_protocol.accept)


@contextlib.contextmanager
def running_lab(
    cluster: HACluster, *, size: int = 3, agent: bool = True, api_host: str = "", layout: LabLayout | None = None
) -> Iterator[Lab]:
    """A lab with all daemons started; everything is removed afterwards. `api_host`: where agents report to, instead of a file.

    `layout`: the hosts and networks, if they are to suit other resources as well; else they are made for this one.

    Raises:
        NoRoom: a network of the resource has too few addresses for the lab's hosts.
        NotReady: the resource cannot be planned.
        HostFailed: this machine could not make a host.
        NoCertificate: openssl made none.

    """
    layout = layout or make_layout(cluster, size)
    lock_memory()
    with tempfile.TemporaryDirectory(prefix="hacluster-rehearsal-") as folder:
        Path(folder).chmod(0o755)
        lab = Lab(cluster, layout, Path(folder), agent=agent, api_host=api_host)
        try:
            lab.build()
            lab.start()
            yield lab
        finally:
            lab.close()
