"""Runs rehearsals in the node image, with the code of this work tree."""

import json
import os
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import engine, ensure_images

REPOSITORY = Path(__file__).parents[2]
Rehearse = Callable[..., dict[str, Any]]


def in_node_image(*argv: str, text: str, check: bool = True) -> str:
    """Runs a command in the node image, with the code of this work tree and `text` as its input; returns what it prints.

    `check`: it must succeed.
    HACLUSTER_NODE_IMAGE may name an older image, which saves the time to build one after each change of the code.
    """
    name = f"hacluster-rehearsal-test-{uuid.uuid4().hex[:8]}"
    try:
        return engine(*node_image_command(name, *argv), input=text, timeout=600, check=check).stdout
    finally:
        engine("rm", "--force", "--time", "0", name, check=False)


def node_image_command(name: str, *argv: str) -> list[str]:
    """The container engine's arguments that run a command in the node image, in a container of this name."""
    image = os.environ.get("HACLUSTER_NODE_IMAGE") or ensure_images().node
    mounts = {"operator": "/source", "tests/dataplane": "/dataplane", "manifests/samples": "/samples"}
    volumes = [part for source, target in mounts.items() for part in ("--volume", f"{REPOSITORY / source}:{target}:ro")]
    return [
        "run", "--rm", "--interactive", "--name", name, "--privileged", "--network", "none", *volumes,
        "--env", "PYTHONPATH=/source:/dataplane", "--entrypoint", "sh", image, "/dataplane/realtime.sh", *argv,
    ]  # fmt: skip


def sample(name: str) -> str:
    """The text of one file of manifests/samples."""
    return (REPOSITORY / "manifests" / "samples" / name).read_text()


@pytest.fixture(scope="session")
def rehearse() -> Rehearse:
    """A function that runs `hacluster rehearse --drill` on a sample, one trial of each event, and returns the JSON document."""

    def run(file: str, events: Sequence[str], *options: str) -> dict[str, Any]:
        event_options = [part for event in events for part in ("--event", event)]
        output = in_node_image(
            "hacluster",
            "rehearse",
            "-f",
            "-",
            "--drill",
            "--trials",
            "1",
            "--output",
            "json",
            *event_options,
            *options,
            text=sample(file),
        )
        document: dict[str, Any] = json.loads(output.splitlines()[-1])
        return document

    return run
