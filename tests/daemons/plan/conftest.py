"""A node for each test, on which containers of pods run; it is removed even if the test fails."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemons.plan.pod import Pod
from tests.daemons.plan.tutorial import ENS3, ETH0


@pytest.fixture
def pod(node_image: str) -> Iterator[Pod]:
    """node1 of the tutorial. The folder of its volumes is readable for every user, because Apache does not run as root."""
    with tempfile.TemporaryDirectory(prefix="hacluster-plan-") as folder:
        Path(folder).chmod(0o755)
        made = Pod(node_image, Path(folder))
        try:
            made.up(ens3=f"{ENS3['node1']}/24", eth0=f"{ETH0['node1']}/24")
            yield made
        finally:
            made.down()
