"""The programs that tests call: the machine's own where it is an ordinary one, else built."""

import functools
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import gobuild
from .engines import detect


@dataclass(frozen=True)
class Tools:
    """A container engine with the environment it needs, kind, kubectl and helm."""

    engine: str
    engine_env: dict[str, str]
    kind: Path
    kubectl: Path
    helm: Path


@dataclass(frozen=True)
class Kube:
    """An API server and what it needs, for tests that need no node."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kubectl: Path


@functools.cache
def ensure_tools() -> Tools:
    """Finds or builds what a cluster needs."""
    engine = detect()

    def find(name: str, build: Callable[[], Path]) -> Path:
        # Only on an ordinary machine: elsewhere a program of this name may be a stand-in, or of another time than our node image.
        found = shutil.which(name) if engine.registry else None
        return Path(found) if found else build() / name

    return Tools(
        engine.name,
        engine.env,
        kind=find("kind", gobuild.kind),
        kubectl=find("kubectl", gobuild.kube),
        helm=find("helm", gobuild.helm),
    )


@functools.cache
def ensure_kube() -> Kube:
    """$KUBEBUILDER_ASSETS where it is set (as envtest knows it), else the binary that clusters are made of."""
    names = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        directory = Path(assets)
        if all((directory / name).exists() for name in names):
            return Kube(*(directory / name for name in names))
    directory = gobuild.kube()
    return Kube(*(directory / name for name in names))
