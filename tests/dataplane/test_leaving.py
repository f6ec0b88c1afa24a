"""Pods that end while no other node can take over, and connections whose holder is several moves away."""

import json
from typing import Any

import pytest
import yaml

from tests.dataplane.conftest import in_node_image, sample

pytestmark = pytest.mark.daemons


@pytest.fixture(scope="module", params=["Immediate", "Never"])
def results(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The output of `leaving.py` with this preemption mode."""
    resource = yaml.safe_load(sample("minimal.yaml"))
    # Longer than a pod takes to end and to start again on a busy machine: the connections that wander do not live longer.
    resource["spec"]["vrrp"] = {"handover": {"drain": "40s"}, "preemption": {"mode": request.param}}
    # They are idle while the virtual IP wanders. HAProxy must not close them for that.
    resource["spec"]["haproxy"]["timeouts"] = {"httpKeepAlive": "1m"}
    document: dict[str, Any] = json.loads(
        in_node_image("python", "/dataplane/leaving.py", text=yaml.safe_dump(resource)).splitlines()[-1]
    )
    return {"mode": request.param, **document}


@pytest.mark.parametrize("case", ["together", "lastFit"])
def test_where_no_other_node_takes_over_one_goes_on_serving(results: dict[str, Any], case: str) -> None:
    """Without preemption the holder has to give the virtual IPs up for a moment, to find out whether another node takes them."""
    found = results[case]
    assert found["holder"] and not found["done"], results
    if results["mode"] == "Immediate":
        assert found["failed"] == 0, results
    assert found["outage"] < 6, results


@pytest.mark.parametrize("results", ["Immediate"], indirect=True, scope="module")
def test_connections_live_on_when_the_virtual_ip_wandered_over_several_nodes(results: dict[str, Any]) -> None:
    assert results["wandered"]["connections"] == 20, results


@pytest.mark.parametrize("results", ["Immediate"], indirect=True, scope="module")
def test_haproxy_does_not_end_before_its_pre_stop_hook(results: dict[str, Any]) -> None:
    assert results["wandered"]["left"] and results["wandered"]["alive"], results


@pytest.mark.parametrize("results", ["Immediate"], indirect=True, scope="module")
def test_an_agent_that_is_killed_during_the_drain_lets_it_go_on(results: dict[str, Any]) -> None:
    assert results["restarted"] == {"connections": 20, "early": False, "left": True}, results


@pytest.mark.parametrize("results", ["Immediate"], indirect=True, scope="module")
def test_a_pod_that_ends_does_not_take_the_virtual_ips_from_nodes_with_newer_settings(results: dict[str, Any]) -> None:
    found = results["changed"]
    assert found["holds"] and found["loaded"] and not found["failed"], results
    assert found["dual"] < 500, results


@pytest.mark.parametrize("results", ["Never"], indirect=True, scope="module")
def test_a_rehearsal_without_preemption_gives_the_virtual_ip_back_before_its_next_event(results: dict[str, Any]) -> None:
    assert results["givenBack"]
