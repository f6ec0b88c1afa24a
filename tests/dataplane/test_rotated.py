"""The password of the advertisements comes, changes and goes while clients send requests: the virtual IP stays on one node."""

import json

import pytest

from tests.dataplane.conftest import in_node_image, sample

pytestmark = pytest.mark.daemons


def test_the_virtual_ip_stays_on_one_node() -> None:
    output = in_node_image("python3", "/dataplane/rotated.py", "-", text=sample("minimal.yaml"))
    *steps, printed = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    for each in steps:
        print(each)
    assert [each["step"] for each in steps] == [
        "on",
        "rotated",
        "rotated back",
        "one agent late",
        "one agent late, back",
        "off",
    ]
    for each in steps:
        assert each["settled"], each
        assert each["ownerless"] == each["dual"] == each["dual_on_wire"] == 0, each
        assert each["failed"] == each["newcomer_failed"] == each["broken"] == 0, each
    assert printed == {"step": "printed", "leaks": 0}
