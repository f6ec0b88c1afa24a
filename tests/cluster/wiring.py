"""Runs the scripts of `network.py` in containers, and starts the switch and the clients.

Scripts are joined where possible, because each call of the engine takes some tenths of a second.
"""

import json
import os
import shlex
import subprocess
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import network, shell
from .engines import detect, engine

LABEL = "hacluster.dev/lab"
KIND_LABEL = "io.x-k8s.kind.cluster"


@dataclass(frozen=True)
class Container:
    """What the engine reports of a container."""

    state: str  # "running", "exited", ...
    process: int  # number of its first process on this machine
    network: str = ""  # of the engine: kind's
    address: str = ""  # on that network

    @property
    def runs(self) -> bool:
        """Whether its first process is running."""
        return self.state == "running"


ABSENT = Container("absent", 0)


def inspect(*names: str) -> dict[str, Container]:
    """The state of these containers, by name; ABSENT for those that do not exist."""
    found = json.loads(engine("inspect", "--type", "container", *names, check=False).stdout or "[]")
    containers = dict.fromkeys(names, ABSENT)
    for item in found:
        networks = item["NetworkSettings"].get("Networks") or {"": {}}
        network_name, settings = next(iter(networks.items()))
        containers[item["Name"].removeprefix("/")] = Container(
            item["State"]["Status"], item["State"]["Pid"], network_name, settings.get("IPAddress", "")
        )
    return containers


def helpers(cluster: str, switch: str, clients: Iterable[str], image: str) -> None:
    """Starts the switch and the clients, unless they run.

    The switch sees the machine's processes (`--pid host`), because it enters network namespaces by their numbers.
    """
    options = {
        switch: ("--privileged", "--pid", "host"),
        **dict.fromkeys(clients, ("--hostname", "client", "--cap-add", "NET_ADMIN,NET_RAW")),
    }
    for name, container in inspect(*options).items():
        if not container.runs:
            engine("rm", "--force", "--volumes", name, check=False)
            engine("run", "--detach", "--name", name, "--network", "none", "--label", f"{LABEL}={cluster}", *options[name], image)


def plug(switch: str, cables: Mapping[str, tuple[network.Cable, ...]], nodes: Iterable[str]) -> None:
    """Connects running containers (name -> cables); in those that are `nodes`, kind's interface is renamed first."""
    scripts = [network.switch_script()]
    for name, container in inspect(*cables).items():
        if container.runs:
            scripts.append(network.wire_script(container.process, cables[name], is_node=name in nodes))
    engine("exec", switch, "sh", "-ec", "\n".join(scripts))


def connect_pods(switch: str, nodes: Mapping[str, str], pods: Mapping[str, str]) -> None:
    """Configures on every running node (name -> container) its pods' network (name -> range) and routes to the other nodes' pods."""
    known = inspect(*nodes.values())
    running = {node: known[container] for node, container in nodes.items() if known[container].runs}
    ranges = {node: network.PodRange(pods[node], container.address) for node, container in running.items()}
    scripts = [
        f"nsenter --target {container.process} --mount --net sh -ec {shlex.quote(network.pod_script(node, ranges))}"
        for node, container in running.items()
    ]
    engine("exec", switch, "sh", "-ec", "\n".join(scripts))


def power_off(switch: str, name: str, cables: tuple[network.Cable, ...]) -> None:
    """Kills a container as `network.power_off_script` does, and waits until the engine reports it as exited.

    Raises:
        TimeoutError: it did not within 30 seconds.

    """
    container = inspect(name)[name]
    engine("exec", switch, "sh", "-ec", network.power_off_script(container.process, cables))
    deadline = time.monotonic() + 30
    while inspect(name)[name].state != "exited":
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name} was killed, and its state is {inspect(name)[name].state}")
        time.sleep(0.1)
    if not detect().registry:
        # Keeps the address: the engine would assign the next free one. (Docker refuses fixed addresses on kind's network.)
        engine("network", "disconnect", container.network, name)
        engine("network", "connect", "--ip", container.address, container.network, name)


def load(archive: Path, containers: Iterable[str]) -> None:
    """Loads an image archive as `kind load image-archive` does, but unpacks nothing before a pod needs it: a third of the time."""
    chosen = detect()
    options = ["--local", "--all-platforms", "--digests", "--no-unpack"]

    def load_into(container: str) -> None:
        argv = [
            chosen.name,
            "exec",
            "--interactive",
            container,
            "ctr",
            "--namespace",
            "k8s.io",
            "images",
            "import",
            *options,
            "-",
        ]
        with archive.open("rb") as file:
            env = {**os.environ, **chosen.env}
            done = subprocess.run(argv, stdin=file, capture_output=True, text=True, timeout=600, check=False, env=env)
        if done.returncode != 0:
            raise shell.CommandFailed(done.returncode, argv, done.stdout, done.stderr)

    with ThreadPoolExecutor() as pool:
        list(pool.map(load_into, containers))


def clear(cluster: str) -> None:
    """Removes the cluster's switch, and with it the networks, and its client; kills kind's containers, which kind removes."""
    for label in (LABEL, KIND_LABEL):
        found = engine("ps", "--all", "--quiet", "--filter", f"label={label}={cluster}").stdout.split()
        if found:
            engine("kill", "--signal", "KILL", *found, check=False)  # an orderly stop would take ten seconds and serve nothing
        if found and label == LABEL:
            engine("rm", "--force", "--volumes", *found)
