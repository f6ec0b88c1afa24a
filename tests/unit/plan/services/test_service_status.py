"""What the status of a Service says, and the Event of a change."""

from typing import Any

from hacluster.plan.services.binding import bind_services
from hacluster.plan.services.model import Binding, ServicePort
from hacluster.plan.services.service_status import condition_of, is_stored, news, served_ports, service_status
from tests.unit.plan.clusters import cluster
from tests.unit.plan.services.services import service

NOW, LATER = "2026-01-01T00:00:00.000000Z", "2026-01-01T00:01:00.000000Z"
ADDRESSES = ("192.0.2.10", "fd00::10")
SERVING = cluster(haproxy={"listeners": [{"name": "web", "port": 80, "backend": {"apache": {}}}], "serviceClass": {}})


def binding(*ports: int | ServicePort) -> Binding:
    return bind_services(SERVING, [service("shop", *ports)], {}, (), {})[0]


def status(found: Binding, stored: dict[str, Any] | None = None, *, live: bool = True, now: str = NOW) -> dict[str, Any]:
    return service_status(found, ADDRESSES, stored or {}, live=live, now=now)


def test_a_service_that_is_served_has_every_virtual_ip_as_a_proxys() -> None:
    found = status(binding(443))
    ports = [{"port": 443, "protocol": "TCP"}]
    assert found["loadBalancer"] == {"ingress": [{"ip": each, "ipMode": "Proxy", "ports": ports} for each in ADDRESSES]}
    assert found["conditions"] == [
        {
            "type": "hacluster.dev/Bound",
            "status": "True",
            "reason": "Bound",
            "message": "served: 443",
            "lastTransitionTime": NOW,
        }
    ]


def test_addresses_appear_when_all_nodes_serve_and_stay_while_the_next_configuration_is_on_its_way() -> None:
    waiting = status(binding(443), live=False)
    assert waiting["loadBalancer"] == {} and condition_of(waiting)["reason"] == "Progressing"
    live = status(binding(443), waiting)
    assert live["loadBalancer"]["ingress"] and status(binding(443), live, live=False)["loadBalancer"] == live["loadBalancer"]


def test_a_port_that_is_added_waits_for_the_nodes_beside_those_that_are_served() -> None:
    found = status(binding(443, 444), status(binding(443)), live=False)
    assert served_ports(found) == {443}
    assert found["loadBalancer"]["ingress"][0]["ports"][1]["error"] == "hacluster.dev/Progressing"
    assert condition_of(found)["reason"] == "Progressing" and condition_of(found)["message"].endswith("; served: 443")
    assert served_ports(status(binding(443, 444), found)) == {443, 444}


def test_a_port_that_is_refused_says_so_beside_those_that_are_served() -> None:
    found = status(binding(443, 80, ServicePort(53, "UDP")))
    assert served_ports(found) == {443}
    assert found["loadBalancer"]["ingress"][0]["ports"] == [
        {"port": 443, "protocol": "TCP"},
        {"port": 80, "protocol": "TCP", "error": "hacluster.dev/PortTaken"},
        {"port": 53, "protocol": "UDP", "error": "hacluster.dev/UnsupportedProtocol"},
    ]
    condition = condition_of(found)
    assert (condition["status"], condition["reason"]) == ("False", "PortTaken")
    assert "port 80/TCP: HACluster default/web" in condition["message"] and condition["message"].endswith("; served: 443")


def test_a_service_without_a_port_that_is_served_has_no_address() -> None:
    found = status(binding(80), status(binding(443)))
    assert found["loadBalancer"] == {} and condition_of(found)["message"].endswith("; served: none")


def test_the_time_of_the_condition_is_that_of_its_last_change() -> None:
    stored = status(binding(443))
    assert condition_of(status(binding(444), stored, now=LATER))["lastTransitionTime"] == NOW
    assert condition_of(status(binding(80), stored, now=LATER))["lastTransitionTime"] == LATER


def test_the_status_is_written_only_where_it_differs_in_what_the_operator_writes() -> None:
    wanted = status(binding(443))
    others = {"type": "example.com/Other", "status": "True"}
    stored = {**wanted, "conditions": [others, {**wanted["conditions"][0], "observedGeneration": 0}]}
    assert is_stored(status(binding(443), stored, now=LATER), stored)
    assert not is_stored(status(binding(444), stored), stored) and not is_stored(wanted, {"conditions": wanted["conditions"]})


def test_an_event_tells_each_change_once() -> None:
    first = status(binding(80))
    assert news(first, {}) == ("PortTaken", condition_of(first)["message"])
    assert news(status(binding(80), first, now=LATER), first) is None
    assert news(status(binding(443), first), first) == ("Bound", "served: 443")
