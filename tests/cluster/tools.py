"""Finds or builds the programs that tests call.

Where an image registry answers, the machine's own kind, kubectl and helm are used if they are there; else they are built.
"""

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
    """Finds or builds the programs that a cluster needs."""
    engine = detect()

    def find(name: str, build: Callable[[], Path]) -> Path:
        # Without a registry the node image is our own: an installed kind or kubectl may be a stub, or of a version that does not fit it.
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
    """The programs in $KUBEBUILDER_ASSETS (envtest's variable) if all are there, else those that `gobuild.kube` builds."""
    names = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        directory = Path(assets)
        if all((directory / name).exists() for name in names):
            return Kube(*(directory / name for name in names))
    directory = gobuild.kube()
    return Kube(*(directory / name for name in names))
