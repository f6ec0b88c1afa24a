"""`hacluster rehearse` as a container's first process ends in order when the container is stopped."""

import time
import uuid

import pytest

from tests.cluster import engine, ensure_images
from tests.dataplane.conftest import REPOSITORY
from tests.waiting import eventually

pytestmark = pytest.mark.daemons


def test_sigterm_ends_it() -> None:
    name = f"hacluster-rehearsal-test-{uuid.uuid4().hex[:8]}"
    try:
        engine(
            "run", "--detach", "--name", name, "--privileged", "--network", "none", "--env", "PYTHONPATH=/source",
            "--volume", f"{REPOSITORY / 'operator'}:/source:ro", "--volume", f"{REPOSITORY / 'manifests'}:/manifests:ro",
            "--entrypoint", "hacluster", ensure_images().node, "rehearse", "-f", "/manifests/samples/minimal.yaml", "--size", "2",
        )  # fmt: skip

        def assert_running() -> None:
            log = engine("logs", name, check=False)
            assert "Ctrl-C ends it" in log.stdout + log.stderr, log.stderr

        eventually(assert_running, within=60)
        started = time.monotonic()
        engine("stop", "--time", "40", name, timeout=60)
        assert time.monotonic() - started < 30
        assert engine("inspect", "--format", "{{.State.ExitCode}}", name).stdout.strip() == "0"
    finally:
        engine("rm", "--force", "--time", "0", name, check=False)
