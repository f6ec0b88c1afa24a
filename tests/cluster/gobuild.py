"""Builds programs from Go modules. Each function returns a directory in the cache, whose name has the version or a hash of the sources.

This works where only a Go module proxy can be reached: no image registry and no release page is needed.
"""

import json
from collections.abc import Callable
from pathlib import Path

from . import cache, machine, shell, steps, versions

_KUBE = cache.HERE / "node" / "kube"
_PAUSE = cache.HERE / "node" / "pause"
# The links to the one binary, which behaves as the name by which it is called.
COMPONENTS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubeadm",
    "kubelet",
    "kubectl",
    "etcd",
)


def kube() -> Path:
    """A directory with every Kubernetes component and etcd: one binary and links to it."""
    major, minor, _ = versions.KUBERNETES.removeprefix("v").split(".")
    stamp = "k8s.io/component-base/version."
    flags = f"-s -w -X {stamp}gitVersion={versions.KUBERNETES} -X {stamp}gitMajor={major} -X {stamp}gitMinor={minor}"

    def build(directory: Path) -> None:
        arguments = ["build", f"-ldflags={flags}", "-o", directory / "kube", "."]
        _go(f"build Kubernetes {versions.KUBERNETES} (5 to 6 minutes)", *arguments, cwd=_KUBE)
        for name in COMPONENTS:
            (directory / name).symlink_to("kube")

    return _once(f"kube-{versions.KUBERNETES}-{cache.digest(_KUBE)}", build)


def pause() -> Path:
    """A directory with `pause`, the process that keeps a pod's namespaces."""

    def build(directory: Path) -> None:
        _go("build pause", "build", "-ldflags=-s -w", "-o", directory / "pause", ".", cwd=_PAUSE)

    return _once(f"pause-{cache.digest(_PAUSE)}", build)


def kind() -> Path:
    """A directory with kind."""
    return _install("kind", versions.KIND, "sigs.k8s.io/kind")


def helm() -> Path:
    """A directory with helm."""
    major = versions.HELM.split(".")[0]
    return _install("helm", versions.HELM, f"helm.sh/helm/{major}/cmd/helm")


def containerd() -> Path:
    """A directory with containerd, its shim for runc, and ctr."""
    module = "github.com/containerd/containerd/v2"
    flags = f"-X {module}/version.Version={versions.CONTAINERD}"
    commands = [f"{module}/cmd/{c}" for c in ("containerd", "containerd-shim-runc-v2", "ctr")]
    return _install("containerd", versions.CONTAINERD, *commands, flags=flags)


def coredns() -> Path:
    """A directory with CoreDNS."""
    return _install("coredns", versions.COREDNS, "github.com/coredns/coredns")


def module_directory(module: str, version: str) -> Path:
    """The module's directory in the Go module cache; downloads it if it is not there."""
    downloaded = shell.call([machine.go(), "mod", "download", "-json", f"{module}@{version}"], timeout=300)
    return Path(json.loads(downloaded.stdout)["Dir"])


def _install(name: str, version: str, *packages: str, flags: str = "") -> Path:
    def build(directory: Path) -> None:
        wanted = [f"{package}@{version}" for package in packages]
        _go(f"build {name} {version}", "install", f"-ldflags=-s -w {flags}".rstrip(), *wanted, gobin=directory)

    return _once(f"{name}-{version}", build)


def _once(name: str, build: Callable[[Path], None]) -> Path:
    """The directory of this name in the cache; `build` fills it if it is not there."""
    target = cache.root() / name
    if not target.exists():
        with cache.lock(name.split("-", maxsplit=1)[0]):
            if not target.exists():  # another process may have built it while this one waited
                with cache.publish(target) as new:
                    new.mkdir()
                    build(new)
    return target


def _go(name: str, *args: object, cwd: Path | None = None, gobin: Path | None = None) -> None:
    # Static binaries, which run in any image; and only the toolchain that `machine.go` chose.
    env = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-buildvcs=false -trimpath"}
    if gobin:
        env["GOBIN"] = str(gobin)
    steps.run(name, [machine.go(), *args], env=env, cwd=cwd or cache.root())
