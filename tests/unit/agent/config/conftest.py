"""The fixture of the tests in this folder."""

from pathlib import Path

import pytest

from tests.unit.agent.config.node import Node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)
