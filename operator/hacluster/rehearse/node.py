"""One node of a rehearsal: the very commands, environment and capabilities of the plan's pods, and files as the kubelet delivers them."""

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
from pathlib import PurePath
from typing import Any, Final

from hacluster import names
from hacluster.agent.haproxy.commands import SERVERS, ask, parse_servers
from hacluster.nodeconfig import File
from hacluster.plan import Plan
from hacluster.plan.model import Manifest
from hacluster.rehearse.hosts import Daemon, Host

RESTART_AFTER: Final = 1.0
"""Seconds until a daemon that ended is started again: what the kubelet takes for the first time."""
_STOP: Final = 10.0
_DAEMONS: Final = ("keepalived", "haproxy")


@dataclass
class Node:
    """A node. `agent`: whether ours runs on it; without it the node is as one made by hand."""

    host: Host
    agent: bool = True
    api_host: str = ""
    """An API server that the agent reports to; empty: to a file."""
    _plan: Plan | None = None
    _deliveries: int = 0
    _running: dict[str, Daemon] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)
    restarts: bool = True
    """Whether daemons that ended are started again."""

    @property
    def name(self) -> str:
        """The node's name."""
        return self.host.name

    # ── configuration ─────────────────────────────────────────────────────────────────────────────────────────────────

    def deliver(self, plan: Plan) -> None:
        """This node's files; without an agent they are installed as they are."""
        self._plan = plan
        texts = plan.texts[self.name]
        if not self.agent:
            for file in (file for file in (File.KEEPALIVED, File.HAPROXY, File.RSYSLOG) if file in texts):
                (self.host.folder / "run" / file.value).write_text(texts[file])
        self._swap({names.key(self.name, file): text for file, text in texts.items()})

    def _swap(self, texts: Mapping[str, str]) -> None:
        config = self.host.folder / "config"
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
        """Everything that can run now; the daemons themselves follow as soon as the agent says so."""
        self._due = dict.fromkeys(self._wanted(), 0.0)
        self.tend()

    def tend(self) -> None:
        """Starts what is due, and notices what ended: what a kubelet does. To be called often."""
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
        """A running daemon."""
        found = self._running.get(name)
        return None if found is None or found.ended else found

    def servers_up(self) -> bool:
        """Whether its HAProxy believes that every server is there."""
        try:
            servers = parse_servers(self._ask_haproxy(SERVERS))
        except OSError:
            return False
        return all(status.startswith("UP") for backend in servers.values() for status in backend.values())

    def trust_servers(self) -> None:
        """HAProxy's checks take some seconds to believe in a server again; a drill has no time for that."""
        with contextlib.suppress(OSError):
            servers = parse_servers(self._ask_haproxy(SERVERS))
            self._ask_haproxy(";".join(f"set server {each}/{server} health up" for each in servers for server in servers[each]))

    def _ask_haproxy(self, command: str) -> str:
        socket = self.host.folder / "run" / PurePath(names.HAPROXY_ADMIN_SOCKET).name
        return asyncio.run(asyncio.wait_for(ask(socket, command), 1))

    def freeze(self, seconds: float) -> None:
        """Everything on the node stands still, as under a hypervisor, and then goes on."""
        daemons = list(self._running.values())
        for number, pause in ((signal.SIGSTOP, seconds), (signal.SIGCONT, 0.0)):
            for daemon in daemons:
                daemon.kill(number)
            time.sleep(pause)

    def signal(self, name: str, number: int) -> None:
        """Signals a daemon with all its processes."""
        daemon = self.daemon(name)
        assert daemon is not None, f"{name} does not run on {self.name}; it said: {self.host.log(name)[-500:]}"
        daemon.kill(number)

    def stop_pod(self, drain: float, lock: threading.RLock) -> None:
        """As the kubelet deletes a pod: preStop, SIGTERM to the daemons, and to the agent last. Blocks as long as that takes."""
        with lock:
            self._due.clear()
            self.restarts = False
        if self.agent:
            (self.host.folder / "run" / "leave").touch()
            until = time.monotonic() + drain + _STOP
            while not (self.host.folder / "run" / "left").exists() and time.monotonic() < until:
                time.sleep(0.02)
        with lock:
            ending = [self._running.pop(name, None) for name in ("keepalived", "haproxy", "agent")]
        for daemon in ending:
            if daemon is not None:
                daemon.terminate(_STOP)
        for file in (self.host.folder / "run").iterdir():  # the pod's emptyDir goes with it
            if not file.is_dir() and not file.name.startswith("httpd"):
                file.unlink()

    def start_pod(self) -> None:
        """The next pod on this node."""
        self.restarts = True
        self.start()

    def _wanted(self) -> tuple[str, ...]:
        have_apache = self._plan is not None and File.HTTPD in self._plan.texts[self.name]
        running = [name for name, daemon in self._running.items() if not daemon.ended]
        wanted = (*(("agent",) if self.agent else ()), *_DAEMONS, *(("apache",) if have_apache else ()))
        logs = self._plan is not None and File.RSYSLOG in self._plan.texts[self.name] and shutil.which("rsyslogd")
        return tuple(name for name in (*wanted, *(("rsyslog",) if logs else ())) if name not in running)

    def _may_start(self, name: str) -> bool:
        return name not in _DAEMONS or not self.agent or (self.host.folder / "run" / "ready").exists()

    def _start(self, name: str) -> Daemon:
        if name == "agent":
            confined = ["setpriv", "--inh-caps=-all", "--bounding-set=-all,+net_admin,+net_raw", "--no-new-privs", "--"]
            program = "from hacluster.cli.main import main; main()"
            options = ["--cluster", "rehearsal", "--namespace", "rehearsal", "--node", self.name]
            options.append("--no-hold-down")  # a drill kills the same HAProxy again and again
            reports = ["--api-host", self.api_host] if self.api_host else ["--report-file", f"{names.RUN_DIR}/entries"]
            return self.host.start(
                name,
                [*confined, sys.executable, "-c", program, "agent", *options, *reports],
                {"PYTHONUNBUFFERED": "1"},
            )
        container = self._container(name)
        environment = {each["name"]: each["value"] for each in container.get("env", ()) if "value" in each} | {
            "HACLUSTER_NODE": self.name
        }
        confined = ["setpriv", "--reuid", "33", "--regid", "33", "--clear-groups", "--"] if name == "apache" else []
        return self.host.start(name, [*confined, *container["command"]], environment)

    def _container(self, name: str) -> Manifest:
        assert self._plan is not None
        pods = [each["spec"]["template"]["spec"] for each in self._plan.objects if each["kind"] == "DaemonSet"]
        containers: list[Manifest] = [each for pod in pods for each in pod["containers"]]
        return next(each for each in containers if each["name"] == name)

    # ── what it says ──────────────────────────────────────────────────────────────────────────────────────────────────

    def entry(self) -> Mapping[str, Any]:
        """What its agent last reported; {} before the first."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            found: Mapping[str, Any] = json.loads((self.host.folder / "run" / "entries").read_text().splitlines()[-1])
            return found
        return {}
