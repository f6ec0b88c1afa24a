"""Virtual routers with `moveWith` are on one node again after whatever happens, and nothing is given up for that."""

import json
from typing import Any

import pytest

from tests.dataplane.conftest import in_node_image, sample

pytestmark = pytest.mark.daemons

EVENTS = ("start", "inner link lost", "inner link back", "outer link lost", "outer link back", "alone", "nowhere", "links back")
EVENTS += ("switchover", "switched back", "HAProxy crash", "recovered")


@pytest.fixture(scope="module", params=["Immediate", "Never"])
def results(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What `together.py` printed for this mode of preemption."""
    output = in_node_image("python3", "/dataplane/together.py", "-", request.param, text=sample("minimal.yaml"))
    document: dict[str, Any] = json.loads(output.splitlines()[-1])
    print(document)
    return document


@pytest.mark.parametrize("event", EVENTS)
def test_both_are_on_one_node_after(results: dict[str, Any], event: str) -> None:
    assert results[event]["reached"], results
