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


@pytest.fixture(scope="session")
def rehearse() -> Rehearse:
    """Runs `hacluster rehearse --drill` on a sample; returns its document."""
    image = ensure_images().node

    def run(sample: str, events: Sequence[str], *options: str) -> dict[str, Any]:
        name = f"hacluster-rehearsal-test-{uuid.uuid4().hex[:8]}"
        wanted = [part for event in events for part in ("--event", event)]
        text = (REPOSITORY / "manifests" / "samples" / sample).read_text()
        try:
            done = engine(
                "run", "--rm", "--interactive", "--name", name, "--privileged", "--network", "none",
                "--volume", f"{REPOSITORY / 'operator'}:/source:ro", "--env", "PYTHONPATH=/source",
                "--volume", f"{REALTIME}:/realtime.sh:ro", "--entrypoint", "sh", image, "/realtime.sh",
                "hacluster", "rehearse", "-f", "-", "--drill", "--trials", "1", "--output", "json", *wanted, *options,
                input=text, timeout=600,
            )  # fmt: skip
        finally:
            engine("rm", "--force", "--time", "0", name, check=False)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    return run
