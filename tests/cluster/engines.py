"""Chooses the container engine: the machine's own where an image registry answers, else podman with a private configuration.

`detect` decides once and stores the choice in the cache. The private podman keeps its configuration, images and containers in the
cache directory, so that it neither uses nor changes any other podman of the machine.
"""

import functools
import os
import resource
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from . import cache, machine, shell, steps, versions

_PROBE_SECONDS = 15


@dataclass(frozen=True)
class Engine:
    """A container engine and how to call it. `registry` says whether images can be pulled with it."""

    name: str  # "podman" or "docker"
    env: dict[str, str] = field(default_factory=dict)
    registry: bool = False
    network: str = "kind"  # the network that kind puts its nodes on


@functools.cache
def detect() -> Engine:
    """The engine that HACLUSTER_ENGINE names, else the stored choice, else the first that works: docker, podman, or packages.

    The choice is stored until the last cluster is removed: if a registry fails to answer one day, an existing cluster must not be
    taken for one of another kind.
    """
    stored = _choice_file()
    chosen = os.environ.get("HACLUSTER_ENGINE") or (stored.read_text() if stored.exists() else "")
    if not chosen:
        chosen = next((name for name in ("docker", "podman") if _answers(name)), "packages")
        cache.write(stored, chosen)
        steps.print_line(f"images: {'made from packages, as no registry answers' if chosen == 'packages' else f'with {chosen}'}")
    match chosen:
        case "docker" | "podman":
            return Engine(chosen, {"KIND_EXPERIMENTAL_PROVIDER": chosen}, registry=True)
        case "packages":
            return _private_podman()
        case _:
            raise steps.StepFailed(f"HACLUSTER_ENGINE is {chosen!r}; it may be docker, podman, packages, or unset")


def forget() -> None:
    """Deletes the stored choice: the next run decides again."""
    _choice_file().unlink(missing_ok=True)


def engine(
    *args: str,
    input: str | None = None,
    check: bool = True,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Runs the engine and returns its output. Raises shell.CommandFailed, with its error output, if it fails and `check` is set."""
    chosen = detect()
    return shell.call([chosen.name, *args], env=chosen.env, input=input, check=check, timeout=timeout)


def step(name: str, *args: str) -> None:
    """Runs a long command of the engine as a step. Raises steps.StepFailed."""
    chosen = detect()
    steps.run(name, [chosen.name, *args], env=chosen.env)


def exists(image: str) -> bool:
    """Whether the engine has an image."""
    return engine("image", "inspect", image, check=False).returncode == 0


def _choice_file() -> Path:
    return cache.root() / "engine"


def _answers(name: str) -> bool:
    """Whether this engine is installed and works, and a registry has the image that ours are built from."""
    if shutil.which(name) is None:
        return False
    try:
        works = shell.call([name, "version"], check=False, timeout=_PROBE_SECONDS).returncode == 0
        return (
            works
            and shell.call([name, "manifest", "inspect", versions.BASE], check=False, timeout=_PROBE_SECONDS).returncode == 0
        )
    except subprocess.TimeoutExpired:
        return False


def _private_podman() -> Engine:
    """Podman from Debian, with all its files in the cache directory and none in /etc."""
    if os.geteuid() != 0:
        raise steps.StepFailed("no image registry answers here, and making a cluster from packages needs root")
    machine.apt_install("podman", "netavark", "aardvark-dns", "runc", "iptables", "nftables")
    home = cache.root() / "podman"
    name = f"hacluster-{cache.digest(str(home))}"
    scratch = machine.tmpfs() / name
    files = {
        home / "containers.conf": containers_conf(home, scratch, _hard(resource.RLIMIT_NOFILE), _hard(resource.RLIMIT_NPROC)),
        home / "storage.conf": storage_conf(home, scratch),
    }
    for path, text in files.items():
        if not path.exists() or path.read_text() != text:
            cache.write(path, text)
    env = {
        "CONTAINERS_CONF": str(home / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(home / "storage.conf"),
        "KIND_EXPERIMENTAL_PROVIDER": "podman",
        "KIND_EXPERIMENTAL_PODMAN_NETWORK": name,  # network plugins tell networks apart by name alone
    }
    return Engine("podman", env, network=name)


def containers_conf(home: Path, scratch: Path, files: int, processes: int) -> str:
    """The text of containers.conf, for a machine without systemd.

    runc, because crun refuses the hybrid layout of control groups of version 1.

    The limits are the machine's own, because podman's defaults are more than a confined root may set. Podman lowers its own limit of
    processes to 32768 when it starts, and cannot give more to a container. The database's path must not be set: podman removes
    an ended container by a command line that has the storage's path only, and would not find the database.
    """
    return f"""\
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={min(processes, 32768)}:{min(processes, 32768)}"]
log_driver = "k8s-file"

[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
lock_type = "file"
tmp_dir = "{scratch}/libpod"

[network]
network_backend = "netavark"
network_config_dir = "{home}/networks"
"""


def storage_conf(home: Path, scratch: Path) -> str:
    """The text of storage.conf: images and containers in the cache; in memory what must not outlive a reboot."""
    return f"""\
[storage]
driver = "overlay"
graphroot = "{home}/storage"
runroot = "{scratch}/storage"
"""


def _hard(limit: int) -> int:
    value = resource.getrlimit(limit)[1]
    return 1 << 20 if value == resource.RLIM_INFINITY else value
