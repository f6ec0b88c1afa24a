"""The image in which all these tests run the daemons."""

import os

import pytest

from tests.cluster import ensure_images


@pytest.fixture(scope="session")
def node_image() -> str:
    """The product's node image. HACLUSTER_NODE_IMAGE may name an older one; the agent itself comes from the work tree."""
    return os.environ.get("HACLUSTER_NODE_IMAGE") or ensure_images().node
