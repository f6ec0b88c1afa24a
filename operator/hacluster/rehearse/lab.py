"""A resource on lab: its nodes, the switch between them, a client, and everybody who watches."""

import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hacluster.api import HACluster
from hacluster.plan import Plan, Settings, make_plan
from hacluster.rehearse.address_watch import AddressWatch
from hacluster.rehearse.arp_watch import ArpWatch
from hacluster.rehearse.client import stay_in_memory
from hacluster.rehearse.facts import LabLayout, make_layout
from hacluster.rehearse.hosts import Daemon, Host
from hacluster.rehearse.network import Wiring, routes, single
from hacluster.rehearse.node import Node

_TEND: Final = 0.05
_STAND_IN: Final = """
import http.server, socketserver, sys
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = ("<h1>stand-in for %s:%s</h1>" % (sys.argv[1], sys.argv[2])).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
    do_OPTIONS = do_HEAD = do_GET
    def log_message(self, *words):
        pass
Server((sys.argv[1], int(sys.argv[2])), Page).serve_forever()
"""


class NotReady(Exception):
    """The front door did not come up; the message says what its daemons said."""


@dataclass
class Lab:
    """Built by `running_lab`. Times are seconds of the monotonic clock."""

    cluster: HACluster
    layout: LabLayout
    folder: Path
    agent: bool = True
    api_host: str = ""
    plan: Plan = field(init=False)
    nodes: dict[str, Node] = field(default_factory=dict)
    address_watch: AddressWatch = field(init=False)
    arp_watch: ArpWatch | None = None
    _hosts: list[Host] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _tender: threading.Thread | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def address(self) -> str:
        """The first virtual IP."""
        return str(self.layout.virtual_ips[0].ip)

    @property
    def holder(self) -> str:
        """The node whose kernel has the first virtual IP; empty: none."""
        return min(self.address_watch.holders(self.address), default="")

    # ── building ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def build(self) -> None:
        """Hosts, wires and watchers; nothing of the product runs yet."""
        self.plan = self.plan_of(self.cluster)
        switch = self._host("switch")
        self._wiring = Wiring(switch, self.layout.segments)
        self._wiring.lay()
        for view in self.layout.nodes:
            host = self._host(view.name)
            for interface in view.interfaces or ():
                self._wiring.plug(host, interface.name, *(str(address) for address in interface.addresses))
            self.nodes[view.name] = Node(host, agent=self.agent, api_host=self.api_host)
        self.client = self._host("client")
        for segment in self.layout.segments:
            self._wiring.plug(self.client, segment.name, *map(str, segment.client))
        self._give_routes()
        self._play_servers()
        self.address_watch = AddressWatch(
            {name: node.host for name, node in self.nodes.items()}, frozenset(str(each.ip) for each in self.layout.virtual_ips)
        )
        self.address_watch.start()
        self._watch_wire()

    def start(self) -> None:
        """Delivers the configuration and starts the nodes; a kubelet's part is played from now on."""
        for node in self.nodes.values():
            node.deliver(self.plan)
            node.start()
        self._tender = threading.Thread(target=self._tend, name="kubelets", daemon=True)
        self._tender.start()

    def close(self) -> None:
        """Ends everything."""
        self._stop.set()
        if self._tender is not None:
            self._tender.join(10)
        for watch in (self.address_watch, self.arp_watch) if hasattr(self, "address_watch") else ():
            if watch is not None:
                watch.stop()
        for host in self._hosts:
            with contextlib.suppress(OSError):
                host.down()

    def _host(self, name: str) -> Host:
        host = Host(name, self.folder / name)
        self._hosts.append(host)
        host.up()
        return host

    def _give_routes(self) -> None:
        """The client reaches virtual IPs that lie in no segment's network."""
        for each in self.layout.virtual_ips:
            if not routes(self.layout, each.ip):
                self.client.run("ip", "route", "add", single(each.ip), "dev", self.layout.segments[0].name)

    def _play_servers(self) -> None:
        """The user's own servers are played by one host that has all their addresses."""
        if not self.layout.servers:
            return
        host = self._host("servers")
        for segment in self.layout.segments:
            self._wiring.plug(host, segment.name, *(f"{a.ip + 1}/{a.network.prefixlen}" for a in segment.client))
        for address in dict.fromkeys(address for address, _ in self.layout.servers):
            card = routes(self.layout, address) or self.layout.segments[0].name
            host.run("ip", "address", "add", single(address), "dev", card)
            if not routes(self.layout, address):
                for node in self.nodes.values():
                    node.host.run("ip", "route", "add", single(address), "dev", card)
        for address, port in self.layout.servers:
            host.start(f"server-{address}-{port}", [sys.executable, "-c", _STAND_IN, str(address), str(port)])

    def _watch_wire(self) -> None:
        first = self.layout.virtual_ips[0]
        segment = next(
            (each for each in self.layout.segments if each.name == routes(self.layout, first.ip)), self.layout.segments[0]
        )
        own = next((each for each in segment.client if each.version == 4), None)
        if first.version == 4 and own is not None:
            self.arp_watch = ArpWatch(self.client, segment.name, str(own.ip), (str(first.ip),))
            self.arp_watch.start()

    def _tend(self) -> None:
        while not self._stop.wait(_TEND):
            with self.lock:
                for node in self.nodes.values():
                    node.tend()

    # ── playing ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def plan_of(self, cluster: HACluster) -> Plan:
        """What the operator would plan. Raises NotReady where it would plan nothing."""
        plan = make_plan(cluster, self.layout.nodes, Settings(node_image="rehearsal"))
        if plan.blocked or set(plan.texts) != {node.name for node in self.layout.nodes}:
            raise NotReady("\n".join(map(str, plan.problems)) or f"nothing is known of {', '.join(plan.waiting_for)}")
        return plan

    @property
    def drain(self) -> float:
        """Seconds that connections have when their holder leaves."""
        return self.cluster.spec.vrrp.handover.drain.total_seconds()

    def apply(self, cluster: HACluster) -> None:
        """A changed resource: those that do not hold the address first, as the operator does."""
        self.plan = self.plan_of(cluster)
        for name in sorted(self.nodes, key=lambda each: each == self.holder):
            self.deliver(name, self.plan)

    def deliver(self, node: str, plan: Plan) -> None:
        """One node's files."""
        with self.lock:
            self.nodes[node].deliver(plan)

    def lose(self, node: str) -> None:
        """The node is silent on all wires, without any of its cards noticing: as when its power fails."""
        for segment in self.layout.segments:
            self._wiring.unplug(self.nodes[node].host, segment.name, unplugged=True)

    def find(self, node: str) -> None:
        """The node is heard again."""
        for segment in self.layout.segments:
            self._wiring.unplug(self.nodes[node].host, segment.name, unplugged=False)

    def cut(self, node: str, *, cut: bool) -> None:
        """Takes every cable out of a node, or puts them back."""
        for segment in self.layout.segments:
            self._wiring.cut(self.nodes[node].host, segment.name, cut=cut)

    def wait_until(self, condition: Callable[[], bool], within: float, what: str) -> float:
        """When the condition came true. Raises NotReady with what the daemons said."""
        until = time.monotonic() + within
        while not condition():
            if time.monotonic() > until:
                raise NotReady(f"not within {within:g} s: {what}\n{self.words()}")
            time.sleep(0.005)
        return time.monotonic()

    def words(self, most: int = 800) -> str:
        """The last words of every daemon."""
        return "\n".join(
            f"── {node.name} {name} ──\n{node.host.log(name)[-most:]}"
            for node in self.nodes.values()
            for name in ("agent", "keepalived", "haproxy")
        )

    def load(self, every: float = 0.005, long: int = 0, port: int | None = None) -> Daemon:
        """Starts the client; its records go to `records`."""
        listener = port or self.cluster.spec.haproxy.listeners[0].port
        argv = [
            "nice",
            "-n",
            "-15",
            sys.executable,
            "-m",
            "hacluster.rehearse.client",
            self.address,
            str(listener),
            str(every),
            str(long),
        ]
        return self.client.start("client", [*argv, str(self.records)])

    @property
    def records(self) -> Path:
        """What the client wrote down."""
        return self.folder / "records"


@contextlib.contextmanager
def running_lab(cluster: HACluster, *, size: int = 3, agent: bool = True, api_host: str = "") -> Iterator[Lab]:
    """A lab with everything running; nothing of it is left afterwards. `api_host`: whom the agents report to, instead of a file.

    Raises:
        NotReady: the resource cannot be planned, or a daemon does not do its part.
        HostFailed: this machine did not give what a host needs.

    """
    layout = make_layout(cluster, size)
    stay_in_memory()
    with tempfile.TemporaryDirectory(prefix="hacluster-rehearsal-") as folder:
        Path(folder).chmod(0o755)
        lab = Lab(cluster, layout, Path(folder), agent=agent, api_host=api_host)
        try:
            lab.build()
            lab.start()
            yield lab
        finally:
            lab.close()
