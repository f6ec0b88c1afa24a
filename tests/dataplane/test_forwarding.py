"""What keeps open connections alive in the kernel is compared and repaired, with more virtual IPs than anybody has."""

import json
from typing import Any

import pytest

from tests.dataplane.conftest import in_node_image

pytestmark = pytest.mark.daemons


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """The output of `forwarding.py`."""
    document: dict[str, Any] = json.loads(in_node_image("python", "/dataplane/forwarding.py", text="").splitlines()[-1])
    return document


def test_more_than_64_virtual_ips_are_installed_and_removed_completely(results: dict[str, Any]) -> None:
    assert results["installed"] is not None and results["reportedAtFirst"] == []
    assert results["left"] == ""


def test_what_the_former_version_left_is_removed(results: dict[str, Any]) -> None:
    assert results["former"] is False


@pytest.mark.parametrize("case", ["everything", "routes", "oneRule", "entries", "port"])
def test_what_another_program_removes_is_put_back(results: dict[str, Any], case: str) -> None:
    assert results[case] is not None, results


def test_a_repair_is_reported(results: dict[str, Any]) -> None:
    assert results["reported"] == ["ForwardingRepaired"]


def test_an_interface_that_was_created_anew_is_used(results: dict[str, Any]) -> None:
    assert results["newInterface"] is not None, results


def test_virtual_ips_that_the_resource_no_longer_has_lose_their_rules(results: dict[str, Any]) -> None:
    assert results["fewer"] is not None, results
