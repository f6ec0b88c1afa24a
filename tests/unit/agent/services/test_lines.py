"""Endpoints as lines of haproxy.cfg: beside the operator's own text, which stays recognizable."""

from typing import Any

from hacluster.agent.services.endpoints import Endpoint, Endpoints
from hacluster.agent.services.lines import server_words, with_servers, without_server_lines, without_servers
from hacluster.nodeconfig import AgentConfig, File, Service
from tests.unit.plan.clusters import cluster, plan

TWO = Endpoints(used=(Endpoint("10.1.0.1", 8080), Endpoint("fd00::1", 80)), draining=frozenset({Endpoint("10.1.0.9", 80)}))


def planned(**listener: Any) -> tuple[str, dict[str, Service]]:
    """haproxy.cfg and the Services of a resource, whose listener has a route to another Service."""
    routes = [{"name": "api", "pathPrefix": "/api", "backend": {"service": {"name": "api", "port": 81}}}]
    made = {"name": "web", "port": 80, "backend": {"service": {"name": "shop", "port": 80}}, "routes": routes, **listener}
    texts = plan(cluster(haproxy={"listeners": [made]}, apache=None)).texts["n1"]
    return texts[File.HAPROXY], dict(AgentConfig.model_validate_json(texts[File.AGENT]).services)


def test_each_proxy_gets_its_endpoints_and_nothing_else_is_changed() -> None:
    text, services = planned()
    complete = with_servers(text, services, {"web": TWO, "web:api": Endpoints(used=(Endpoint("10.1.0.2", 81),))})
    added = [line for line in complete.split("\n") if line not in text.split("\n")]
    words = "check inter 5s fastinter 2s rise 3 fall 3"
    assert added == [
        f"    server 10.1.0.1:8080 10.1.0.1:8080 {words}",
        f"    server fd00::1:80 [fd00::1]:80 {words}",
        f"    server 10.1.0.2:81 10.1.0.2:81 {words}",
    ]
    assert complete.index(added[1]) < complete.index("\nbackend web:api") < complete.index(added[2])
    assert without_servers(complete) == text
    assert with_servers(complete, services, {}) == text, "endpoints that are gone are removed"


def test_lines_without_margins_are_recognized_as_haproxy_prints_them() -> None:
    lines = ["server fd00::1:80 [fd00::1]:80", "server db1 10.0.0.1:80 check", "# server a:1 b", "bind *:80"]
    assert without_server_lines(lines) == tuple(lines[1:])


def test_a_server_of_a_user_is_never_taken_for_an_endpoint() -> None:
    listener = {"name": "web", "port": 80, "backend": {"servers": [{"name": "s", "address": "fd00::1", "port": 80}]}}
    text = plan(cluster(haproxy={"listeners": [listener]}, apache=None)).texts["n1"][File.HAPROXY]
    assert without_servers(text) == text and "server s [fd00::1]:80" in text


def test_the_cookie_is_the_same_on_all_nodes_and_tells_no_address() -> None:
    _, services = planned(cookie={"name": "S"})
    words = server_words(TWO.used[0], services["web"]).split()
    assert words[:2] == ["10.1.0.1:8080", "cookie"] and len(words[2]) == 12 and "10.1" not in words[2]
    assert words[2] != server_words(TWO.used[1], services["web"]).split()[2]


def test_a_hash_leaves_most_clients_their_server_and_is_the_same_on_all_nodes() -> None:
    text, services = planned(balance="Source")
    assert "    balance source\n" in text and "    hash-type consistent\n" in text
    assert services["web"].words.endswith("hash-key addr-port")
    text, services = planned()
    assert "hash-type" not in text and "hash-key" not in services["web"].words
