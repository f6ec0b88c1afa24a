"""Connections whose packets come to a node that does not expect them: nobody but the holder may end one."""

import json
from typing import Any

import pytest
import yaml

from tests.dataplane.conftest import in_node_image, sample

pytestmark = pytest.mark.daemons


@pytest.fixture(scope="module", params=["every address", "the virtual IPs alone", "IPv6"])
def found(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What became of them, for both ways a listener can be bound: known by its sockets, and by connection tracking."""
    resource = yaml.safe_load(sample("minimal.yaml"))
    if request.param == "IPv6":
        resource["spec"]["virtualRouters"][0]["virtualIPs"] = ["2001:db8:16::200/64"]
    if request.param == "the virtual IPs alone":
        resource["spec"]["haproxy"]["listeners"][0]["bind"] = "VirtualIPs"
        resource["spec"]["system"] = {"nonlocalBind": True}
    said = in_node_image("python", "/dataplane/packets.py", text=yaml.safe_dump(resource))
    seen: dict[str, Any] = json.loads(said.splitlines()[-1])
    return seen


def test_what_strays_to_a_backup_is_answered_by_the_holder(found: dict[str, Any]) -> None:
    assert found["backup"] == ["answered", "answered", "-"]


def test_a_node_that_knows_nobody_is_silent(found: dict[str, Any]) -> None:
    assert found["stranger"] == ["answered", "silence", "answered"]


def test_what_a_node_had_before_from_the_same_port_does_not_count(found: dict[str, Any]) -> None:
    assert found["reused"] == ["answered", "answered"]


def test_a_handshake_goes_on_with_who_began_it(found: dict[str, Any]) -> None:
    assert found["halfOpen"] == "answered"
