"""Runs the daemons of one node as the kubelet does.

The daemons' commands and environment come from the plan's pods. Of the capabilities only the agent's are limited as in its pod; the
daemons run as root with all of them (Apache as its own user), and the sysctl container is not run. Files appear as the kubelet
delivers a ConfigMap. `Lab` calls `deliver` with a plan, `start` at the beginning and after faults, and `supervise` every 50 ms, which
starts what has ended.
Without an agent (`hacluster rehearse --by-hand`) the node has the daemons alone, as a host that was set up by hand.
"""

import asyncio
import contextlib
import json
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hacluster import names
from hacluster.agent.haproxy.commands import SERVERS, ask, parse_servers
from hacluster.agent.paths import Paths
from hacluster.nodeconfig import File
from hacluster.plan import Plan
from hacluster.plan.model import Manifest
from hacluster.rehearse.hosts import Daemon, Host

RESTART_AFTER: Final = 1.0
"""Seconds until a daemon that ended is started again: about what the kubelet takes for a container's first restart."""
_STOP_TIMEOUT: Final = 10.0
"""Seconds that a daemon has after SIGTERM."""
_DAEMONS: Final = ("keepalived", "haproxy")


@dataclass
class Node:
    """One node of a lab."""

    host: Host
    agent: bool = True
    """Whether the product's agent runs on the node."""
    api_host: str = ""
    """Address of an API server that the agent reports to; empty: it reports to a file."""
    _plan: Plan | None = None
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
        self._plan = plan
        texts = plan.texts[self.name]
        if not self.agent:
            for file in (file for file in (File.KEEPALIVED, File.HAPROXY, File.RSYSLOG) if file in texts):
                self.paths.live(file).write_text(texts[file])
        self._publish({names.key(self.name, file): text for file, text in texts.items()})

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
        (config / "..data_tmp").symlink_to(new.name)
        (config / "..data_tmp").replace(config / "..data")

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
        """Whether the node's HAProxy answers and has every server in state UP."""
        try:
            servers = parse_servers(self._ask_haproxy(SERVERS))
        except OSError:
            return False
        return all(status.startswith("UP") for backend in servers.values() for status in backend.values())

    def mark_servers_up(self) -> None:
        """Sets all of HAProxy's servers to UP: its checks alone would take some seconds after each trial."""
        with contextlib.suppress(OSError):
            servers = parse_servers(self._ask_haproxy(SERVERS))
            self._ask_haproxy(";".join(f"set server {each}/{server} health up" for each in servers for server in servers[each]))

    def _ask_haproxy(self, command: str) -> str:
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
            ending = [self._running.pop(name, None) for name in ("keepalived", "haproxy", "agent")]
        for daemon in ending:
            if daemon is not None:
                daemon.terminate(_STOP_TIMEOUT)
        for file in self.paths.run.iterdir():  # the emptyDir is deleted with its pod
            if not file.is_dir() and not file.name.startswith("httpd"):
                file.unlink()

    def start_pod(self) -> None:
        """Starts the pod that the DaemonSet creates in place of the deleted one."""
        self.restarts = True
        self.start()

    def _missing(self) -> tuple[str, ...]:
        """The daemons that the plan has for this node and that do not run, in the order of their start."""
        have_apache = self._plan is not None and File.HTTPD in self._plan.texts[self.name]
        running = [name for name, daemon in self._running.items() if not daemon.ended]
        wanted = (*(("agent",) if self.agent else ()), *_DAEMONS, *(("apache",) if have_apache else ()))
        logs = self._plan is not None and File.RSYSLOG in self._plan.texts[self.name] and shutil.which("rsyslogd")
        return tuple(name for name in (*wanted, *(("rsyslog",) if logs else ())) if name not in running)

    def _may_start(self, name: str) -> bool:
        """Whether the agent has installed the daemon's configuration, where there is an agent."""
        return name not in _DAEMONS or not self.agent or self.paths.ready.exists()

    def _start(self, name: str) -> Daemon:
        if name == "agent":
            confined = ["setpriv", "--inh-caps=-all", "--bounding-set=-all,+net_admin,+net_raw", "--no-new-privs", "--"]
            program = "from hacluster.cli.main import main; main()"
            options = ["--cluster", "rehearsal", "--namespace", "rehearsal", "--node", self.name]
            options.append("--no-hold-down")  # a drill kills the same HAProxy many times in a row
            report_to = ["--api-host", self.api_host] if self.api_host else ["--report-file", f"{names.RUN_DIR}/entries"]
            return self.host.start(
                name,
                [*confined, sys.executable, "-c", program, "agent", *options, *report_to],
                {"PYTHONUNBUFFERED": "1"},
            )
        container = self._container(name)
        environment = {each["name"]: each["value"] for each in container.get("env", ()) if "value" in each} | {
            "HACLUSTER_NODE": self.name
        }
        confined = ["setpriv", "--reuid", "33", "--regid", "33", "--clear-groups", "--"] if name == "apache" else []
        return self.host.start(name, [*confined, *container["command"]], environment)

    def _container(self, name: str) -> Manifest:
        """The container of this name in the plan's DaemonSets."""
        assert self._plan is not None
        pods = [each["spec"]["template"]["spec"] for each in self._plan.objects if each["kind"] == "DaemonSet"]
        containers: list[Manifest] = [each for pod in pods for each in pod["containers"]]
        return next(each for each in containers if each["name"] == name)

    # ── report ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def entry(self) -> Mapping[str, Any]:
        """The entry of `status.nodes` that its agent reported last; {} before the first report."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            entry: Mapping[str, Any] = json.loads((self.paths.run / "entries").read_text().splitlines()[-1])
            return entry
        return {}
