"""A listener's `bind` changes in the same change as the holder: open connections go on, there and back."""

import json
from typing import Any

import pytest

from tests.dataplane.conftest import in_node_image, sample
from tests.dataplane.walk.checks import RESETS

pytestmark = pytest.mark.daemons

PAUSE = 1000
"""Milliseconds. A connection that hangs holds the measuring client up for its timeout of two seconds or more."""


@pytest.fixture(scope="module")
def results() -> dict[str, dict[str, Any]]:
    output = in_node_image("python3", "/dataplane/rebound.py", "-", text=sample("minimal.yaml"))
    return {each["change"]: each for each in json.loads(output.splitlines()[-1])}


def test_connections_live_on_when_the_listener_gets_an_address_and_the_holder_changes(results: dict[str, dict[str, Any]]) -> None:
    assert_undisturbed(results["VirtualIPs, node1"])


def test_connections_live_on_when_the_listener_loses_its_address_and_the_holder_changes(
    results: dict[str, dict[str, Any]],
) -> None:
    """Until HAProxy closes it, the socket with the address gets all new connections: those in its queue are reset then."""
    assert_undisturbed(results["Any, node2"], resets=RESETS)


def test_connections_that_were_opened_while_the_rules_were_missing_survive_a_move(results: dict[str, dict[str, Any]]) -> None:
    assert_undisturbed(results["flushed, node1"])


def assert_undisturbed(result: dict[str, Any], resets: int = 0) -> None:
    assert result["settled"], result
    assert result["broken"] == 0 and not result["other_failures"], result
    assert max(result["failed"], result["newcomer_failed"]) <= resets, result
    assert result["client_pause"] < PAUSE and result["gap"] < PAUSE, result
