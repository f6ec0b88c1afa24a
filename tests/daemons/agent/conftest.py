"""A node for each test, removed even if the test fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemons.agent.node import Node
from tests.daemons.agent.other_host import OtherHost


@pytest.fixture
def node(node_image: str, tmp_path: Path) -> Iterator[Node]:
    """A node with an interface, on which no daemon runs yet."""
    config = tmp_path / "config"
    config.mkdir()
    made = Node(node_image, config)
    try:
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture
def running(node: Node) -> Node:
    """A node on which everything runs, and which holds the virtual IP."""
    node.start_all()
    return node


@pytest.fixture
def other(node: Node) -> Iterator[OtherHost]:
    """Another host on the node's segment, on which no daemon runs yet."""
    made = OtherHost(node)
    try:
        made.up()
        yield made
    finally:
        made.down()
