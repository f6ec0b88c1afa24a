"""The container engine: the machine's own where an image registry answers, else podman with configuration and storage of ours."""

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
    network: str = "kind"  # that kind puts its nodes on


@functools.cache
def detect() -> Engine:
    """What HACLUSTER_ENGINE says, or what was found the first time, or what is found now: docker, podman, or packages.

    It is remembered until the last cluster is gone: a registry that fails to answer one day must not change what a cluster is.
    """
    remembered = _remembered()
    chosen = os.environ.get("HACLUSTER_ENGINE") or (remembered.read_text() if remembered.exists() else "")
    if not chosen:
        chosen = next((name for name in ("docker", "podman") if _answers(name)), "packages")
        cache.write(remembered, chosen)
        steps.say(f"images: {'made from packages, as no registry answers' if chosen == 'packages' else f'with {chosen}'}")
    match chosen:
        case "docker" | "podman":
            return Engine(chosen, {"KIND_EXPERIMENTAL_PROVIDER": chosen}, registry=True)
        case "packages":
            return _private_podman()
        case _:
            raise steps.StepFailed(f"HACLUSTER_ENGINE is {chosen!r}; it may be docker, podman, packages, or unset")


def forget() -> None:
    """Lets the next run find out anew."""
    _remembered().unlink(missing_ok=True)


def engine(
    *args: str,
    input: str | None = None,
    check: bool = True,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Runs the engine and returns what it printed; a failure's message holds what it complained about."""
    chosen = detect()
    return shell.call([chosen.name, *args], env=chosen.env, input=input, check=check, timeout=timeout)


def step(name: str, *args: str) -> None:
    """Runs a long engine command as a step of its own."""
    chosen = detect()
    steps.run(name, [chosen.name, *args], env=chosen.env)


def exists(image: str) -> bool:
    """Whether the engine has an image."""
    return engine("image", "inspect", image, check=False).returncode == 0


def _remembered() -> Path:
    return cache.root() / "engine"


def _answers(name: str) -> bool:
    """Whether an engine is here and works, and a registry tells it about the image that ours start from."""
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
    """Podman from Debian, with everything it keeps below the cache directory and nothing in /etc."""
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
        "KIND_EXPERIMENTAL_PODMAN_NETWORK": name,  # network plugins know networks by name, whichever podman's they are
    }
    return Engine("podman", env, network=name)


def containers_conf(home: Path, scratch: Path, files: int, processes: int) -> str:
    """Works without systemd, on control groups of version 1 (crun refuses a hybrid layout), and apart from any other podman.

    The limits are the machine's own: podman's default asks for more than a confined root may give. It also lowers its own
    limit of processes to 32768 when it starts, and cannot give more than that. Where the database lies must not be said:
    podman cleans up after a dead container with a command line that says only where the storage is, and would miss it.
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
    """Images and containers below the cache; what must not outlive a reboot in memory."""
    return f"""\
[storage]
driver = "overlay"
graphroot = "{home}/storage"
runroot = "{scratch}/storage"
"""


def _hard(limit: int) -> int:
    value = resource.getrlimit(limit)[1]
    return 1 << 20 if value == resource.RLIM_INFINITY else value
