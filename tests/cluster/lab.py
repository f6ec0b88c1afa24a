"""One kind cluster with the tutorial's networks: the demo and the end-to-end tests run on it.

`Lab(name).up()` creates the cluster or reuses it, and `down()` removes it and undoes what it changed on the machine. What the cluster was
made of, and the archive whose images are loaded, are stored in the cache (`state.json`), so that `up()` does only what is missing.
"""

import contextlib
import functools
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_kind import KindCluster

from . import cache, engines, kindconfig, leftovers, machine, network, nodeimage, shell, steps, wiring
from .images import Images, ensure_images
from .tools import Tools, ensure_tools


class Lab:
    """A cluster by name: `up()`, use it, `down()`. Nodes go by their Kubernetes names node1, node2 and node3."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes = kindconfig.containers(name)
        self.control_plane = f"{name}-control-plane"  # the name of the container and of the Kubernetes node
        self._client, self._newcomer, self._switch = f"{name}-client", f"{name}-newcomer", f"{name}-switch"
        self._directory = cache.root() / "labs" / name
        self.kubeconfig = self._directory / "kubeconfig"
        self._footprint = machine.Footprint(cache.root() / "footprint.json")
        self._started: dict[str, datetime] = {}  # when this object started a node

    @functools.cached_property
    def tools(self) -> Tools:
        """The programs, found or built."""
        return ensure_tools()

    @functools.cached_property
    def images(self) -> Images:
        """The product's images; determined once, so that all tests of a run use the same."""
        return ensure_images()

    # Up and down

    def up(self) -> None:
        """Creates or reuses the cluster; returns when all nodes are ready and the images are loaded."""
        with cache.lock(f"lab-{self.name}"):
            own_network_plugin, images = not engines.detect().registry, self.images
            image = nodeimage.node(engines.detect())
            config = kindconfig.render(self.name, own_network_plugin=own_network_plugin, cgroup_v1=machine.cgroup_v1())
            made_of = cache.digest(config, image or "", self.tools.kind.parent.name)
            self._directory.mkdir(parents=True, exist_ok=True)
            if self._state().get("made_of") != made_of or not self._works():
                self._create(config, image, made_of)
            with steps.step("connect the networks"):
                self._connect(images)
            self._load(images.archive)
            with steps.step("wait until the nodes are ready"):
                self.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=180s")
                self.kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=180s")
            with cache.lock("machine"):
                self._footprint.after()

    def down(self) -> None:
        """Removes everything that `up()` made, also an unfinished cluster, and restores what it changed on the machine."""
        with cache.lock(f"lab-{self.name}"):
            if not self._directory.exists():
                return  # `up` never ran: do not build tools only to remove nothing
            with steps.step(f"remove the cluster {self.name}"):
                wiring.clear(self.name)
                with self._environment():
                    self._kind(None).delete()
                for file in self._directory.iterdir():
                    file.unlink()
                with cache.lock("machine"):
                    self._directory.rmdir()
                    if not any(self._directory.parent.iterdir()):  # that was the last one
                        leftovers.clear(engines.detect())
                        self._footprint.undo()
                        engines.forget()

    # Commands

    def kubectl(self, *args: str, input: str | None = None, timeout: float = 60, check: bool = True) -> str:
        """Runs kubectl and returns its output, for at most `timeout` seconds and longer than a `--timeout` among the arguments.

        Raises shell.CommandFailed if it fails and `check` is set.
        """
        command = [self.tools.kubectl, "--kubeconfig", self.kubeconfig, *args]
        waits = [float(each[10:-1]) + 10 for each in args if re.fullmatch(r"--timeout=\d+s", each)]
        return shell.call(command, input=input, timeout=max([timeout, *waits]), check=check).stdout

    def helm(self, *args: str, timeout: float = 300, check: bool = True) -> str:
        """Runs helm and returns its output. Raises shell.CommandFailed if it fails and `check` is set."""
        command = [self.tools.helm, "--kubeconfig", self.kubeconfig, *args]
        return shell.call(command, timeout=timeout, check=check).stdout

    def on_node(self, node: str, *cmd: str, timeout: float = 60, check: bool = True) -> str:
        """Runs a command in a node's container ("node1", or "control-plane"), which is the host of its pods; returns its output."""
        return engines.engine("exec", self._container(node), *cmd, timeout=timeout, check=check).stdout

    def client(self, *cmd: str, timeout: float = 60, check: bool = True) -> str:
        """Runs a command on the client, 172.16.7.10 on the public network; returns its output."""
        return engines.engine("exec", self._client, *cmd, timeout=timeout, check=check).stdout

    def client_spawn(self, *cmd: str) -> subprocess.Popen[str]:
        """Starts a command on the client in the background, for probes that run during a failover.

        The command has to end by itself: killing the returned process ends the engine's command line only.
        """
        pipe = subprocess.PIPE
        argv, env = self.client_command(*cmd), {**os.environ, **self.tools.engine_env}
        return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=env)

    def client_command(self, *cmd: str) -> list[str]:
        """The engine's command line that runs a command on the client; it needs the environment `tools.engine_env`."""
        return [self.tools.engine, "exec", "--interactive", self._client, *cmd]

    def pid(self, node: str) -> int:
        """The first process of a node, of "client" or of "newcomer" (172.16.7.11), in this machine's PID namespace."""
        container = {"client": self._client, "newcomer": self._newcomer}.get(node) or self._container(node)
        return int(engines.engine("inspect", "--format", "{{.State.Pid}}", container).stdout)

    def stop_node(self, node: str) -> None:
        """Ends the node as a power loss does: no process on it can shut down gracefully."""
        wiring.power_off(self._switch, self._container(node), network.NODES.get(node, ()))

    def power_on(self, node: str) -> None:
        """Starts the node and connects its networks; one that runs is left alone. It waits for nothing and needs no API server."""
        container = self._container(node)
        if not wiring.inspect(container)[container].runs:
            self._started[node] = datetime.now(UTC)
            engines.engine("start", container)
        wiring.plug(self._switch, {container: network.NODES.get(node, ())}, nodes=[container])

    def rejoin(self, node: str, timeout: float = 180) -> None:
        """Returns when a node that was powered on has its pods' network and is reported ready since then. Raises TimeoutError."""
        if not engines.detect().registry:
            self._connect_pods()  # its address on kind's network may have changed
        # Since its start, not since this call: a kubelet reports once after its start, then at changes and every five minutes.
        deadline, since = time.monotonic() + timeout, self._started.get(node, datetime.fromtimestamp(0, UTC))
        while not self._reported_ready(node, since):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{node} is not ready {timeout:.0f} s after it could have been")
            time.sleep(0.5)

    def start_node(self, node: str) -> None:
        """Starts the node again; returns when it is ready, as `rejoin` does, and raises what that raises."""
        self.power_on(node)
        self.rejoin(node)

    # Steps of `up`

    def _create(self, config: str, image: str | None, made_of: str) -> None:
        with self._environment():
            kind = self._kind(image)
            if self._state() or self.kubeconfig.exists():  # parts of an interrupted or older run may exist
                wiring.clear(self.name)
                kind.delete()
            self.kubeconfig.unlink(missing_ok=True)
            self._store_state(made_of=None, loaded=None)
            with cache.lock("machine"):
                self._footprint.before()
                leftovers.prepare(engines.detect())
            file = self._directory / "kind.json"
            cache.write(file, config)
            with steps.step("create the cluster"):
                kind.create(file)
            self._store_state(made_of=made_of)

    def _connect(self, images: Images) -> None:
        wiring.helpers(self.name, self._switch, (self._client, self._newcomer), images.lab)
        cables = {container: network.NODES[node] for node, container in self.nodes.items()}
        wiring.plug(self._switch, {self._client: network.CLIENT, self._newcomer: network.NEWCOMER, **cables}, nodes=cables)
        if not engines.detect().registry:
            self._connect_pods()

    def _connect_pods(self) -> None:
        pods: dict[str, str] = {}
        for _ in range(120):  # the API server may have just started; a node gets its range within seconds of joining
            listed = self.kubectl("get", "nodes", "--output", "json", check=False)
            items = json.loads(listed)["items"] if listed else []
            pods = {item["metadata"]["name"]: item["spec"].get("podCIDR", "") for item in items}
            if len(pods) == len(self.nodes) + 1 and all(pods.values()):
                break
            time.sleep(0.5)
        wiring.connect_pods(self._switch, {**self.nodes, self.control_plane: self.control_plane}, pods)

    def _load(self, archive: Path) -> None:
        if self._state().get("loaded") != archive.name:
            with steps.step("load the images into the nodes"):
                wiring.load(archive, [self.control_plane, *self.nodes.values()])
            self._store_state(loaded=archive.name)

    def _works(self) -> bool:
        """Whether the cluster works. Starts nodes that a test has left stopped."""
        known = wiring.inspect(self.control_plane, self._switch, *self.nodes.values())
        if wiring.ABSENT in known.values() or not (known[self.control_plane].runs and known[self._switch].runs):
            return False
        ask = [self.tools.kubectl, "--kubeconfig", self.kubeconfig, "get", "--raw", "/readyz"]
        if shell.call(ask, check=False).returncode != 0:
            return False
        for node in [each for each, container in self.nodes.items() if not known[container].runs]:
            self.start_node(node)
        return True

    def _reported_ready(self, node: str, since: datetime) -> bool:
        """Whether a node's kubelet has reported it ready since then: until it reports, the API server shows its last state."""
        name = node if node in self.nodes else self.control_plane
        try:
            conditions = json.loads(self.kubectl("get", "node", name, "--output", "json", timeout=10))["status"]["conditions"]
        except (subprocess.SubprocessError, ValueError):
            return False
        ready = next(c for c in conditions if c["type"] == "Ready")
        return ready["status"] == "True" and datetime.fromisoformat(ready["lastHeartbeatTime"]) >= since.replace(microsecond=0)

    def _container(self, node: str) -> str:
        if node in {"control-plane", self.control_plane}:
            return self.control_plane
        return self.nodes[node]

    def _kind(self, image: str | None) -> Any:
        # pytest-kind creates a directory in the current one, which must not be the repository.
        with contextlib.chdir(self._directory.parent.parent):
            return KindCluster(self.name, self.kubeconfig, image, self.tools.kind, self.tools.kubectl)

    @contextlib.contextmanager
    def _environment(self) -> Iterator[None]:
        """Adds the engine's variables to this process's environment while the block runs: pytest-kind passes it on to kind."""
        before = dict(os.environ)
        os.environ.update(self.tools.engine_env)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def _state(self) -> dict[str, str | None]:
        file: Path = self._directory / "state.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def _store_state(self, **values: str | None) -> None:
        cache.write(self._directory / "state.json", json.dumps(self._state() | values))
