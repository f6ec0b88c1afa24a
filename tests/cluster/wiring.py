"""Plugs containers into the tutorial's networks, and connects the nodes' pods; network.py says how."""

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import network, shell
from .engines import detect, engine

KIND_NETWORK = "kind"
LABEL = "hacluster.dev/lab"
KIND_LABEL = "io.x-k8s.kind.cluster"


def helper(name: str, image: str, cluster: str, *options: str) -> None:
    """Starts a long-lived container of ours, unless it runs."""
    if state(name) != "running":
        engine("rm", "--force", "--volumes", name, check=False)
        engine("run", "--detach", "--name", name, "--network", "none", "--label", f"{LABEL}={cluster}", *options, image)


def switch(name: str, image: str, cluster: str) -> None:
    """The container that the networks live in. It sees all processes, to find a container's network by its process."""
    helper(name, image, cluster, "--privileged", "--pid", "host")
    engine("exec", name, "sh", "-ec", network.switch_script())


def client(name: str, image: str, cluster: str) -> None:
    """The container that plays the rest of the world on the public network."""
    helper(name, image, cluster, "--hostname", "client", "--cap-add", "NET_ADMIN,NET_RAW")


def plug(switch_name: str, container: str, cables: tuple[network.Cable, ...], *, is_node: bool) -> None:
    """Connects a running container."""
    engine("exec", switch_name, "sh", "-ec", network.wire_script(_process(container), cables, is_node=is_node))


def power_off(switch_name: str, container: str, cables: tuple[network.Cable, ...]) -> None:
    """Ends a container as abruptly as can be, and waits until the engine has noticed."""
    fixed = address(container)
    engine("exec", switch_name, "sh", "-ec", network.power_off_script(_process(container), cables))
    deadline = time.monotonic() + 30
    while state(container) != "exited":
        if time.monotonic() > deadline:
            raise TimeoutError(f"{container} was killed and is {state(container)}")
        time.sleep(0.1)
    if not detect().registry:
        _keep_address(container, fixed)


def connect_pods(nodes: Mapping[str, str], pods: Mapping[str, str]) -> None:
    """Gives every running node its pods' network and the ways to the others'. `nodes`: name -> container; `pods`: name -> range."""
    running = {node: container for node, container in nodes.items() if state(container) == "running"}
    ranges = {node: network.PodRange(pods[node], address(container)) for node, container in running.items()}
    for node, container in running.items():
        engine("exec", container, "sh", "-ec", network.pod_script(node, ranges))


def load(archive: Path, containers: Sequence[str]) -> None:
    """What `kind load image-archive` does, but nothing is unpacked before a pod needs it: a third of the time."""
    chosen = detect()
    import_images = [
        "ctr",
        "--namespace",
        "k8s.io",
        "images",
        "import",
        "--local",
        "--all-platforms",
        "--digests",
        "--no-unpack",
        "-",
    ]

    def into(container: str) -> None:
        with archive.open("rb") as file:
            argv = [chosen.name, "exec", "--interactive", container, *import_images]
            done = subprocess.run(
                argv, stdin=file, capture_output=True, text=True, timeout=600, check=False, env={**os.environ, **chosen.env}
            )
        if done.returncode != 0:
            raise shell.CommandFailed(done.returncode, argv, done.stdout, done.stderr)

    with ThreadPoolExecutor() as pool:
        list(pool.map(into, containers))


def state(container: str) -> str:
    """ "running", "exited", ...; empty when there is no such container."""
    return engine("inspect", "--type", "container", "--format", "{{.State.Status}}", container, check=False).stdout.strip()


def _keep_address(container: str, fixed: str) -> None:
    """Makes a stopped container start with the address it had, as hosts do; the engine would give it the next free one."""
    engine("network", "disconnect", KIND_NETWORK, container)
    engine("network", "connect", "--ip", fixed, KIND_NETWORK, container)


def address(container: str) -> str:
    """A container's address on kind's network."""
    networks = json.loads(engine("inspect", "--format", "{{json .NetworkSettings.Networks}}", container).stdout)
    return str(networks[KIND_NETWORK]["IPAddress"])


def clear(cluster: str) -> None:
    """Removes our containers of a cluster, with the switch its networks, and kills kind's for kind to remove."""
    for label in (LABEL, KIND_LABEL):
        found = engine("ps", "--all", "--quiet", "--filter", f"label={label}={cluster}").stdout.split()
        if found:
            engine("kill", "--signal", "KILL", *found, check=False)  # they have nothing to finish, and would take ten seconds
        if found and label == LABEL:
            engine("rm", "--force", "--volumes", *found)


def _process(container: str) -> int:
    return int(engine("inspect", "--format", "{{.State.Pid}}", container).stdout)
