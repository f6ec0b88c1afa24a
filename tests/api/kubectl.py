"""Runs kubectl with a given kubeconfig, and writes kubeconfigs."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml


class KubectlError(AssertionError):
    """kubectl failed; the message has its arguments and its standard error."""


def run_kubectl(kubectl: Path, kubeconfig: Path, args: Sequence[str], *, input: str | None, check: bool = True) -> str:
    """Standard output of kubectl; if it fails and `check` is False, its standard error.

    Raises:
        KubectlError: it failed, and `check` is True.

    """
    done = subprocess.run(
        [str(kubectl), *args],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        input=input or "",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode == 0:
        return done.stdout
    if check:
        raise KubectlError(f"kubectl {' '.join(args)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stderr


def write_kubeconfig(path: Path, *, url: str, ca: Path, token: str) -> None:
    """Writes a kubeconfig with one cluster, one user and one context to `path`."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": str(ca)}}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "default"}}],
        "current-context": "test",
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config))
