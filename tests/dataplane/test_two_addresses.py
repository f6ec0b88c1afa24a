"""Two virtual IPs, active/active: each is at home on its node, and on the other one when that is lost (docs/how-to/two-addresses.md)."""

import json
from typing import Any

import pytest

from tests.dataplane.conftest import in_node_image, sample

pytestmark = pytest.mark.daemons


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """The output of `two_addresses.py`."""
    output = in_node_image("python", "/dataplane/two_addresses.py", text=sample("two-addresses.yaml"))
    document: dict[str, Any] = json.loads(output.splitlines()[-1])
    return document


def test_each_address_is_at_home_and_goes_to_the_other_node_when_its_own_is_lost(results: dict[str, Any]) -> None:
    assert results["start"] == [["node1"], ["node2"]] == results["back"], results
    assert results["lost"] == [["node1", "node2"]] * 2, results  # nobody can reach those of node1, which is cut off
    assert results["answers"] == results["answersLost"] == [True, True], results
