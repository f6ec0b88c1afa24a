"""Runs the daemons of one node as the kubelet does.

The daemons' commands and environment come from the plan's pods (`containers.py`). Files appear as the kubelet delivers a ConfigMap. `Lab`
calls `deliver` with a plan, `start` at the beginning and after faults, and `supervise` every 50 ms, which
starts what has ended.
Without an agent (`hacluster rehearse --by-hand`) the node has the daemons alone, as a host that was set up by hand.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hacluster import names
from hacluster.agent.haproxy.commands import SERVERS, ask, parse_servers
from hacluster.agent.paths import Paths
from hacluster.plan import Plan
from hacluster.plan.model import Manifest, NodeTexts
from hacluster.rehearse.by_hand import install_by_hand
from hacluster.rehearse.containers import APACHE, DAEMONS, LB_STOP_ORDER, command, containers_of
from hacluster.rehearse.hosts import Daemon, Host
from hacluster.rehearse.secrets import provide_secrets

RESTART_AFTER: Final = 1.0
"""Seconds until a daemon that ended is started again: about what the kubelet takes for a container's first restart."""
AS_UP_AS_IT_GETS: Final = ("UP", "DRAIN", "no check", "MAINT (resolution)")
"""How HAProxy calls the servers of a settled lab: also those with the weight 0, without checks, and with a host name that nobody knows."""
_STOP_TIMEOUT: Final = 10.0
"""Seconds that a daemon has after SIGTERM."""
_FORGET: Final = """
nft flush ruleset
for family in -4 -6; do
    ip $family rule flush
    ip $family rule add pref 32766 lookup main
done
ip -4 rule add pref 32767 lookup default
echo 0 >/proc/sys/net/ipv4/ip_nonlocal_bind
echo 0 >/proc/sys/net/ipv6/ip_nonlocal_bind
rm -rf /run/hacluster-nonlocal-bind
"""
"""What a booted kernel has of rules and sysctls. The rule for local addresses (0) stays when the others are flushed."""
_LAST_ENTRIES: Final = 1 << 16
"""Bytes at the end of the file of reports that are read: the last entry is in them."""


@dataclass
class Node:
    """One node of a lab."""

    host: Host
    agent: bool = True
    """Whether the product's agent runs on the node."""
    api_host: str = ""
    """Address of an API server that the agent reports to; empty: it reports to a file."""
    pods: Sequence[Manifest] = ()
    """The plan's objects, whose DaemonSets say which containers the node runs. A change is for those that start after it."""
    _deliveries: int = 0
    _running: dict[str, Daemon] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)
    """Daemons that wait for their start, and the earliest time of it (monotonic clock)."""
    restarts: bool = True
    """Whether daemons that ended are started again."""

    @property
    def name(self) -> str:
        """The node's name."""
        return self.host.name

    @property
    def paths(self) -> Paths:
        """The node's files, as paths of the machine."""
        return Paths(run=self.host.folder / "run", config=self.host.folder / "config")

    # ── configuration ─────────────────────────────────────────────────────────────────────────────────────────────────

    def deliver(self, plan: Plan) -> None:
        """Delivers the plan's files for this node; without an agent they are also installed where the daemons read them."""
        self.pods = plan.objects
        self.offer(plan.texts[self.name])
        if not self.agent:
            install_by_hand(self.host.folder.parent, self.paths, plan.texts[self.name])

    def offer(self, texts: NodeTexts, others: Mapping[str, str] | None = None) -> None:
        """Delivers these files, as the kubelet does when a ConfigMap changes. The pods stay. `others`: keys that belong to no node."""
        provide_secrets(self.host.folder.parent, texts)
        self._publish({names.key(self.name, file): text for file, text in texts.items()} | dict(others or {}))

    def _publish(self, texts: Mapping[str, str]) -> None:
        """Replaces all files at once, by the symlink `..data`, as the kubelet's atomic writer does for a ConfigMap volume."""
        config = self.paths.config
        self._deliveries += 1
        new = config / f"..{self._deliveries}"
        new.mkdir()
        for key, text in texts.items():
            (new / key).write_text(text)
            if not (config / key).is_symlink():
                (config / key).symlink_to(f"..data/{key}")
        data = config / "..data"
        before = data.resolve() if data.is_symlink() else None
        (config / "..data_tmp").symlink_to(new.name)
        (config / "..data_tmp").replace(data)
        for each in config.iterdir():  # keys that the ConfigMap no longer has
            if each.is_symlink() and not each.name.startswith("..") and each.name not in texts:
                each.unlink()
        if before:
            shutil.rmtree(before)

    # ── processes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Starts what can run now; keepalived and HAProxy start when the agent has written the file `ready`."""
        self._due = dict.fromkeys(self._missing(), 0.0)
        self.supervise()

    def supervise(self) -> None:
        """Starts what is due, and schedules a restart for what has ended. To be called often."""
        now = time.monotonic()
        for name, daemon in list(self._running.items()):
            if daemon.ended:
                del self._running[name]
                if self.restarts:
                    self._due[name] = now + RESTART_AFTER
        for name, at in list(self._due.items()):
            if at <= now and self._may_start(name):
                del self._due[name]
                self._running[name] = self._start(name)

    def daemon(self, name: str) -> Daemon | None:
        """The daemon of this name; None if it does not run."""
        daemon = self._running.get(name)
        return None if daemon is None or daemon.ended else daemon

    def servers_up(self) -> bool:
        """Whether the node's HAProxy answers and has no server that could be up and is not."""
        try:
            servers = parse_servers(self.ask_haproxy(SERVERS))
        except OSError:
            return False
        return all(status.startswith(AS_UP_AS_IT_GETS) for backend in servers.values() for status in backend.values())

    def mark_servers_up(self) -> None:
        """Sets all of HAProxy's servers to UP: its checks alone would take some seconds after each trial."""
        with contextlib.suppress(OSError):
            servers = parse_servers(self.ask_haproxy(SERVERS))
            self.ask_haproxy(";".join(f"set server {each}/{server} health up" for each in servers for server in servers[each]))

    def running(self) -> tuple[str, ...]:
        """The names of the containers that run."""
        return tuple(name for name, daemon in self._running.items() if not daemon.ended)

    def ask_haproxy(self, command: str) -> str:
        """HAProxy's answer to a command on its admin socket. Raises OSError."""
        return asyncio.run(asyncio.wait_for(ask(self.paths.haproxy_admin, command), 1))

    def freeze(self, seconds: float) -> None:
        """Stops every daemon of the node for this time and continues it, as a hypervisor that pauses the machine does."""
        daemons = list(self._running.values())
        for number, pause in ((signal.SIGSTOP, seconds), (signal.SIGCONT, 0.0)):
            for daemon in daemons:
                daemon.kill(number)
            time.sleep(pause)

    def signal(self, name: str, number: int) -> None:
        """Sends a signal to a daemon and all its descendants."""
        daemon = self.daemon(name)
        assert daemon is not None, f"{name} does not run on {self.name}; the end of its log: {self.host.log(name)[-500:]}"
        daemon.kill(number)

    def stop_pod(self, drain: float, lock: threading.RLock) -> None:
        """Ends the pod as the kubelet does: preStop hook, SIGTERM to the daemons, to the agent last. Blocks until it is done.

        `drain` are the seconds that the agent may take to hand over; the lock is not held while this waits.
        """
        with lock:
            self._due.clear()
            self.restarts = False
        if self.agent:
            self.paths.leave.touch()
            until = time.monotonic() + drain + _STOP_TIMEOUT
            while not self.paths.left.exists() and time.monotonic() < until:
                time.sleep(0.02)
        with lock:
            ending = [self._running.pop(name, None) for name in LB_STOP_ORDER]
        for daemon in ending:
            if daemon is not None:
                daemon.terminate(_STOP_TIMEOUT)
        for file in self.paths.run.iterdir():  # the emptyDir is deleted with its pod
            if not file.name.startswith("httpd"):
                shutil.rmtree(file) if file.is_dir() else file.unlink()

    def start_pod(self) -> None:
        """Starts the pod that the DaemonSet creates in place of the deleted one."""
        self.restarts = True
        self.start()

    def reboot(self, addresses: Collection[str]) -> None:
        """Kills everything and leaves nothing of it, as a power loss does; `start` starts the node again. `addresses`: the virtual IPs."""
        for daemon in self._running.values():
            daemon.kill()
            daemon.process.wait(_STOP_TIMEOUT)
        self._running, self._due, self.restarts = {}, {}, True
        for file in (*self.paths.run.iterdir(), *self.paths.config.iterdir()):
            shutil.rmtree(file) if file.is_dir() and not file.is_symlink() else file.unlink()
        for link in json.loads(self.host.run("ip", "-json", "address", "show")):
            for each in link["addr_info"]:
                if each["local"] in addresses:
                    self.host.run("ip", "address", "delete", f"{each['local']}/{each['prefixlen']}", "dev", link["ifname"])
        self.host.run("sh", "-c", _FORGET)

    def stop_apache(self) -> None:
        """Ends Apache's pod: SIGTERM, and its emptyDir is deleted. `start_pod` starts it again, where there is one."""
        self._due.pop(APACHE, None)
        if daemon := self._running.pop(APACHE, None):
            daemon.terminate(_STOP_TIMEOUT)
        for file in self.paths.run.glob("httpd*"):
            file.unlink()

    def _missing(self) -> tuple[str, ...]:
        """The containers that the node should run and does not, in the order of their start."""
        running = [name for name, daemon in self._running.items() if not daemon.ended]
        wanted = [name for name in containers_of(self.pods, agent=self.agent) if name != "rsyslog" or shutil.which("rsyslogd")]
        return tuple(name for name in wanted if name not in running)

    def _may_start(self, name: str) -> bool:
        """Whether the agent has installed the daemon's configuration, where there is an agent."""
        return name not in DAEMONS or not self.agent or self.paths.ready.exists()

    def _start(self, name: str) -> Daemon:
        container = containers_of(self.pods)[name]
        return self.host.start(name, *command(name, container, self.name, self.api_host, self.host.folder.parent))

    # ── report ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def entry(self) -> Mapping[str, Any]:
        """The entry of `status.nodes` that its agent reported last; {} before the first report."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            with (self.paths.run / "entries").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_ENTRIES))
                entry: Mapping[str, Any] = json.loads(file.read().splitlines()[-1])
            return entry
        return {}
