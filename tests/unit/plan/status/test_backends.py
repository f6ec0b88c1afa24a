"""What the status says when listeners have no servers, or not all."""

import pytest

from hacluster.api.status import ListenerStatus
from tests.unit.plan.status.examples import NODES, ReportSequence, settled


def listener(name: str = "web", port: int = 80, *, up: int = 3, check: str = "L7OK/200") -> ListenerStatus:
    return ListenerStatus(name=name, port=port, servers_up=up, servers=3, last_check=check)


def with_listeners(*listeners: ListenerStatus, holder: str = "node1") -> ReportSequence:
    """Three fit nodes; the holder reports these listeners."""
    reports = settled()
    for name in NODES:
        reports.node_reports(name, holds=name == holder, listeners=listeners if name == holder else ())
    reports.report()
    return reports


def test_the_status_has_the_listeners_as_the_holder_sees_them() -> None:
    reports = with_listeners(listener(), listener("api", 6443, up=3))
    assert reports.status.listeners == (listener(), listener("api", 6443))
    assert reports.status.server_summary == "6/6"
    assert reports.condition_state("Ready") == ("True", "Ready") and reports.condition_state("Degraded")[0] == "False"
    assert reports.condition_state("Warning")[0] == "False"


def test_a_service_without_endpoints_is_no_servers_that_are_down() -> None:
    empty = ListenerStatus(name="shop", port=81, last_check="NO_ENDPOINTS")
    reports = with_listeners(listener(), empty)
    assert reports.condition_state("Ready") == ("False", "BackendsDown") and reports.status.server_summary == "3/3"
    message = reports.condition("Degraded").message
    assert "listener shop (port 81): it has no server as node1 sees it: the Service has no endpoint that is ready" in message


@pytest.mark.parametrize(
    ("check", "cure"),
    [
        ("L7STS/405", "healthCheck.method: GET"),
        ("L7STS/404", "healthCheck.path"),
        ("L7STS/418", "healthCheck.expectStatus"),
        ("L4CON", "refuse connections"),
        ("L4TOUT", "firewall"),
        ("MAINT", "statistics page"),
        ("L6RSP", "the last check found L6RSP"),
    ],
)
def test_a_listener_without_servers_is_degraded_and_not_ready_and_the_message_has_the_cure(check: str, cure: str) -> None:
    reports = with_listeners(listener(), listener("api", 6443, up=0, check=check))
    assert reports.condition_state("Degraded") == ("True", "BackendsDown")
    assert reports.condition_state("Ready") == ("False", "BackendsDown")
    message = reports.condition("Degraded").message
    assert "listener api (port 6443)" in message and f"found {check}" in message and cure in message
    assert "listener web" not in message
    assert reports.condition_state("Warning")[0] == "False", "it is told once"
    assert reports.event_reasons() == ["Degraded"]
    reports.node_reports("node1", holds=True, listeners=(listener(), listener("api", 6443)))
    reports.report()
    assert reports.condition_state("Ready") == ("True", "Ready") and reports.event_reasons() == ["Recovered"]


def test_some_servers_that_are_down_are_a_warning() -> None:
    reports = with_listeners(listener(up=1, check="L4TOUT"))
    assert reports.condition_state("Ready") == ("True", "Ready") and reports.condition_state("Degraded")[0] == "False"
    assert reports.condition_state("Warning") == ("True", "ServersDown")
    assert "1 of 3 servers are up as node1 sees them" in reports.condition("Warning").message
    assert reports.status.server_summary == "1/3"


def test_what_other_nodes_and_silent_holders_see_does_not_count() -> None:
    reports = settled()
    reports.node_reports("node2", listeners=(listener(up=0),))
    reports.report()
    assert reports.status.listeners == () and reports.status.server_summary is None
    assert reports.condition_state("Degraded")[0] == "False"
    reports = with_listeners(listener(up=0))
    reports.advance(30, alive=("node2", "node3"))
    reports.report()
    assert reports.status.listeners == () and "none of 3" not in reports.condition("Degraded").message
