"""A node that reaches no server of a needed listener leaves the virtual IPs to others; where none does, they do not vanish."""

import json
from typing import Any

import pytest
import yaml

from tests.dataplane.conftest import in_node_image, sample

pytestmark = pytest.mark.daemons


@pytest.fixture(scope="module", params=["Immediate", "Never"])
def results(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The output of `needed.py` with this preemption mode."""
    resource = yaml.safe_load(sample("control-plane.yaml"))
    resource["spec"]["vrrp"]["preemption"] = {"mode": request.param}
    (listener,) = resource["spec"]["haproxy"]["listeners"]
    listener["healthCheck"] = {"interval": "500ms", "fastInterval": "200ms", "rise": 2, "fall": 2}  # the lab's servers speak HTTP
    output = in_node_image("python", "/dataplane/needed.py", text=yaml.safe_dump(resource))
    document: dict[str, Any] = json.loads(output.splitlines()[-1])
    return {"mode": request.param, **document}


def test_a_holder_that_reaches_no_server_is_relieved(results: dict[str, Any]) -> None:
    one = results["one"]
    assert one["moved"] and one["stays"] and one["holders"] == 1, results
    assert one["seconds"] < 10, results
    assert results["problems"] == ["NoServerUp"], results


def test_the_virtual_ip_does_not_vanish_where_no_node_reaches_a_server(results: dict[str, Any]) -> None:
    """Without preemption a node finds out only by giving it up for a moment, once for each node that was cut off."""
    found = results["all"]
    assert found["holders"] == 1, results
    assert found["ownerless"] < (300 if results["mode"] == "Immediate" else 3000), results


def test_all_is_as_before_when_the_servers_are_back(results: dict[str, Any]) -> None:
    back = results["back"]
    assert back["home"] and back["requests"] > 100 and back["failed"] == 0, results
