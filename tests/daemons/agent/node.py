"""One node in a container: an interface, and the agent, keepalived and HAProxy, started as in their pod."""

import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hacluster import names
from hacluster.api.reasons import Reason
from tests.cluster import engine
from tests.daemons.agent.wanted import VIP, Wanted
from tests.daemons.configmap import deliver
from tests.waiting import eventually

REPOSITORY = Path(__file__).parents[3]
INSIDE = Path(__file__).with_name("inside.py")
LISTENING = Path(__file__).with_name("listening.py")
OWN = "172.16.7.153/24"

_SOURCES = "/source"
_INSIDE = "/inside.py"
_LISTENING = "/listening.py"
# The agent is started with the capabilities that its container has in the pod, and no more.
CONFINED = ("setpriv", "--inh-caps=-all", "--no-new-privs", "--bounding-set")
CAPABILITIES = "-all,+net_admin,+net_raw"


@dataclass
class Node:
    """A container in the place of a node; `config` is the directory that is mounted as its ConfigMap."""

    image: str
    config: Path
    name: str = field(default_factory=lambda: f"hacluster-agent-test-{uuid.uuid4().hex[:8]}")

    def up(self) -> None:
        """Starts the container: an interface with the node's own address, and no daemon yet."""
        engine(
            "run", "--detach", "--name", self.name, "--network", "none",
            "--read-only", "--read-only-tmpfs=false", "--tmpfs", names.RUN_DIR, "--tmpfs", "/log",
            "--env", f"PYTHONPATH={_SOURCES}",
            "--cap-add", "NET_ADMIN,NET_RAW,NET_BIND_SERVICE,KILL,SETUID,SETGID",
            "--volume", f"{self.config}:{names.CONFIG_DIR}:ro",
            "--volume", f"{REPOSITORY / 'operator'}:{_SOURCES}:ro",
            "--volume", f"{INSIDE}:{_INSIDE}:ro",
            "--volume", f"{LISTENING}:{_LISTENING}:ro",
            "--entrypoint", "tini", self.image, "--", "sleep", "infinity",
        )  # fmt: skip
        # Packets go to the other end of the pair, peer0, where no host receives them.
        self.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0")
        for command in ("link set peer0 up", "link set eth0 up", f"addr add {OWN} dev eth0"):
            self.run("ip", *command.split())

    def down(self) -> None:
        """Removes the container and everything in it."""
        engine("rm", "--force", "--time", "0", self.name, check=False)

    def run(self, *argv: str, check: bool = True) -> str:
        """Runs a command on the node and returns its output."""
        return engine("exec", self.name, *argv, check=check, timeout=60).stdout

    def start(self, name: str, *argv: str, env: tuple[str, ...] = ()) -> None:
        """Starts a daemon; its output goes to /log/NAME."""
        options = [part for value in env for part in ("--env", value)]
        log = f'exec "$@" >>/log/{name} 2>&1'
        engine("exec", "--detach", *options, self.name, "sh", "-c", log, "sh", *argv)

    def log(self, name: str) -> str:
        """The output of a daemon so far."""
        return self.run("cat", f"/log/{name}", check=False)

    def want(self, wanted: Wanted) -> None:
        """Delivers these files in the node's ConfigMap."""
        deliver(self.config, {names.key("node1", file): text for file, text in wanted.files().items()})

    def start_agent(self, capabilities: str = CAPABILITIES) -> None:
        """Starts the agent, with its package from this work tree."""
        settings = ("--cluster", "web", "--namespace", "default", "--node", "node1", "--report-file", f"{names.RUN_DIR}/entries")
        self.start("agent", *CONFINED, capabilities, "hacluster", "agent", *settings)

    def start_keepalived(self) -> None:
        """Starts keepalived as its container does."""
        # Every pid file gets a path in the run directory: the root file system is read-only.
        pid_files = ("-p", names.KEEPALIVED_PID, "-r", f"{names.RUN_DIR}/vrrp.pid", "-b", f"{names.RUN_DIR}/bfd.pid")
        argv = ("keepalived", "-n", "-l", "-D", "-P", "-f", names.KEEPALIVED_CONF, *pid_files)
        self.start("keepalived", *argv, env=(f"TMPDIR={names.RUN_DIR}",))

    def start_haproxy(self) -> None:
        """Starts HAProxy as its container does."""
        self.start("haproxy", "haproxy", "-W", "-db", "-S", names.HAPROXY_MASTER_SOCKET, "-f", names.HAPROXY_CFG)

    def start_all(self, wanted: Wanted | None = None) -> None:
        """Starts the agent, delivers its configuration, and starts the daemons. On return the node holds the address."""
        self.start_agent()
        self.want(wanted or Wanted())
        eventually(self.assert_ready, within=15)
        self.start_haproxy()
        self.start_keepalived()
        eventually(lambda: self.assert_entry(state="Master", virtualIPs=[VIP], haproxy="Up"), within=15)

    def react(self, number: str, name: str, condition: str, seconds: float = 5) -> float:
        """Signals processes, and returns the milliseconds until the condition holds (inside.py). Fails after `seconds`."""
        measured = self.run("python3", _INSIDE, "react", number, name, condition, str(seconds)).strip()
        assert measured != "late", (
            f"{condition} not within {seconds:g} s after SIG{number} to {name}; the agent's log:\n{self.log('agent')}"
        )
        return float(measured)

    def wait_for(self, condition: str, seconds: float = 5) -> None:
        """Waits until the condition holds (inside.py). Fails after `seconds`."""
        measured = self.run("python3", _INSIDE, "wait", condition, str(seconds)).strip()
        assert measured != "late", f"{condition} not within {seconds:g} s; the agent's log:\n{self.log('agent')}"

    def pids(self, name: str) -> set[int]:
        """Ids of the living processes of that name."""
        return {int(pid) for pid in self.run("python3", _INSIDE, "pids", name).split()}

    def resident(self, name: str) -> int:
        """Memory of the first process of that name, in kB."""
        return int(self.run("python3", _INSIDE, "resident", name))

    # What the agent reports

    def entries(self) -> list[dict[str, Any]]:
        """Every entry that the agent reported so far, the oldest first; without the problem that follows from how this harness starts
        keepalived: it has no real-time scheduling here, and the agent says so seconds after the start.
        """
        lines = self.run("cat", f"{names.RUN_DIR}/entries", check=False).splitlines()
        found: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [
            each | {"problems": [problem for problem in each["problems"] if problem["reason"] != Reason.NO_REAL_TIME]}
            for each in found
        ]

    def entry(self) -> dict[str, Any]:
        """The newest entry."""
        entries = self.entries()
        assert entries, f"no entry yet; the agent's log:\n{self.log('agent')}"
        return entries[-1]

    def assert_ready(self) -> None:
        """Asserts that the daemons may start: the agent has created the ready file."""
        assert self.run("sh", "-c", f"test -e {names.READY_FILE} && echo ready", check=False), f"not ready:\n{self.log('agent')}"

    def assert_entry(self, **expected: Any) -> dict[str, Any]:
        """Asserts these values of the newest entry, and returns it. Fields of its first router are compared like fields of the entry."""
        entry = self.entry()
        router: dict[str, Any] = next(iter(entry["routers"]), {})
        found = {key: router[key] if key in router and key != "since" else entry.get(key) for key in expected}
        assert found == expected, f"{found} is not {expected}; the agent's log:\n{self.log('agent')}"
        return entry

    def assert_problem(self, reason: str, *parts: str) -> None:
        """Asserts that the newest entry has exactly this problem, with all these parts in its message."""
        problems = self.entry()["problems"]
        assert [problem["reason"] for problem in problems] == [reason], problems
        missing = [part for part in parts if part not in problems[0]["message"]]
        assert not missing, f"{problems[0]['message']!r} lacks {missing}"

    def ask(self, address: str = "127.0.0.1", port: int = 80) -> str:
        """HAProxy's answer to a request."""
        return self.run("curl", "-sS", "--max-time", "3", f"http://{address}:{port}/")

    def load(self) -> "Load":
        """Sends requests without a pause, each on a connection of its own."""
        return Load(self)


class Load:
    """Use as `with node.load() as load: ...`; afterwards `load.failed` and `load.done` are numbers of requests."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.done = self.failed = 0

    def __enter__(self) -> "Load":
        self._node.start("load", "python3", _INSIDE, "load")
        return self

    def __exit__(self, *_: object) -> None:
        self._node.react("TERM", "load", "gone=load")
        self.done, self.failed = map(int, self._node.log("load").split())
