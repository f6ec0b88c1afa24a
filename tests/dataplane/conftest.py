"""Runs rehearsals in the node image, with the code of this work tree."""

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
    """Runs a command in the node image, with the code of this work tree and `text` as its input; returns what it prints."""
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
