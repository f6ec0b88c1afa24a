"""Rehearsals in the node image, with the code from the tree."""

import json
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import engine, ensure_images

REPOSITORY = Path(__file__).parents[2]
REALTIME = Path(__file__).with_name("realtime.sh")
Rehearse = Callable[..., dict[str, Any]]


def in_node_image(*argv: str, text: str) -> str:
    """What a command prints in the node image, with the code from the tree and `text` for its input."""
    image = ensure_images().node
    name = f"hacluster-rehearsal-test-{uuid.uuid4().hex[:8]}"
    try:
        return engine(
            "run", "--rm", "--interactive", "--name", name, "--privileged", "--network", "none",
            "--volume", f"{REPOSITORY / 'operator'}:/source:ro", "--env", "PYTHONPATH=/source",
            "--volume", f"{REALTIME.parent}:/dataplane:ro", "--entrypoint", "sh", image, "/dataplane/realtime.sh", *argv,
            input=text, timeout=600,
        ).stdout  # fmt: skip
    finally:
        engine("rm", "--force", "--time", "0", name, check=False)


def sample(name: str) -> str:
    """The text of a sample."""
    return (REPOSITORY / "manifests" / "samples" / name).read_text()


@pytest.fixture(scope="session")
def rehearse() -> Rehearse:
    """Runs `hacluster rehearse --drill` on a sample; returns its document."""

    def run(file: str, events: Sequence[str], *options: str) -> dict[str, Any]:
        wanted = [part for event in events for part in ("--event", event)]
        said = in_node_image(
            "hacluster",
            "rehearse",
            "-f",
            "-",
            "--drill",
            "--trials",
            "1",
            "--output",
            "json",
            *wanted,
            *options,
            text=sample(file),
        )
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
        return found

    return run
