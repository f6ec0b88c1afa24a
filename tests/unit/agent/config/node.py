"""Helpers for the tests of the configuration: bundles, scripted daemons, and an installer in a temporary directory."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from hacluster import names
from hacluster.agent.config.bundle import Bundle, parse_bundle, read_live
from hacluster.agent.config.daemons import ACCEPTED, Answer, Verdict
from hacluster.agent.config.install import Installer
from hacluster.agent.paths import Paths
from hacluster.agent.system.tcp_sockets import Listener
from hacluster.nodeconfig import File, Port

REFUSED = Verdict(Answer.REFUSED, "unknown keyword")
ABSENT = Verdict(Answer.ABSENT, "not running")


def do_nothing() -> None:
    pass


def _read(file: Path) -> str:
    return file.read_text()


@dataclass
class ScriptedDaemons:
    """Daemons with scripted answers. They record the requests (`requests`) and the text that each has loaded (`running`)."""

    paths: Paths
    checks: dict[File, Verdict] = field(default_factory=dict)
    """Answers to checks; ACCEPTED where there is none."""
    reloads: dict[File, list[Verdict]] = field(default_factory=dict)
    """Answers to the next reloads; ACCEPTED when there are no more."""
    requests: list[str] = field(default_factory=list)
    running: dict[File, str] = field(default_factory=dict)
    before_reload: Callable[[], None] = do_nothing
    loaded_ports: Collection[Port] | None = None
    """The ports that HAProxy says it has loaded; None: it does not answer."""

    async def validate(self, file: File, candidate: Path) -> Verdict:
        assert _read(candidate)
        self.requests.append(f"check {file}")
        return self.checks.get(file, ACCEPTED)

    async def reload(self, file: File) -> Verdict:
        self.before_reload()
        self.requests.append(f"reload {file}")
        answers = self.reloads.get(file, [])
        verdict = answers.pop(0) if answers else ACCEPTED
        if verdict == ACCEPTED:
            self.running[file] = self.paths.live(file).read_text()
        return verdict

    async def haproxy_ports(self) -> Collection[Port] | None:
        return self.loaded_ports

    async def differs(self, file: File) -> bool:
        return file in self.running and self.running[file] != self.paths.live(file).read_text()

    def start(self) -> None:
        for file in (File.HAPROXY, File.KEEPALIVED):
            self.running[file] = self.paths.live(file).read_text()


def bundle(
    revision: str = "r1",
    *,
    keepalived: str = "k1",
    haproxy: str = "h1",
    rsyslog: str | None = None,
    port: int = 80,
    apache: int = 0,
) -> Bundle:
    """The files of node1. `apache` is the port of Apache on 10.0.0.1, 0: none."""
    ports = [{"port": port, "field": "spec.haproxy.listeners[0].port"}]
    agent: dict[str, object] = {"cluster": "web", "namespace": "default", "node": "node1", "revision": revision, "ports": ports}
    if apache:
        agent["apache"] = {"address": "10.0.0.1", "port": apache}
        agent["other_ports"] = [{"port": apache, "field": "spec.apache.port", "address": "10.0.0.1", "user": 33}]
    texts = {File.KEEPALIVED: keepalived, File.HAPROXY: haproxy, File.AGENT: json.dumps(agent)}
    return parse_bundle(texts if rsyslog is None else texts | {File.RSYSLOG: rsyslog})


def write_offered(directory: Path, texts: dict[File, str] | Bundle) -> None:
    """Writes the files of node1 as the keys of a mounted ConfigMap."""
    for file, text in (texts.texts if isinstance(texts, Bundle) else texts).items():
        (directory / names.key("node1", file.value)).write_text(text)


class Node:
    """One node: its directories, an installer, scripted daemons, and the sockets on which programs listen."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths(run=root / "run", config=root / "config")
        self.paths.run.mkdir(exist_ok=True)
        self.paths.config.mkdir(exist_ok=True)
        self.daemons = ScriptedDaemons(self.paths)
        self.listeners: set[Listener] = set()
        self.restart_agent()

    def restart_agent(self) -> None:
        def read_listeners() -> Collection[Listener]:
            return self.listeners

        self.installer = Installer(self.paths, self.daemons, read_listeners)

    def live(self) -> dict[File, str]:
        return dict(read_live(self.paths))

    async def install_first(self) -> Bundle:
        """Installs the first configuration and starts the daemons with it."""
        first = bundle()
        assert not (await self.installer.install(first)).problems
        self.daemons.start()
        self.listeners.add(Listener(ip_address("0.0.0.0"), 80))
        self.daemons.requests.clear()
        return first
