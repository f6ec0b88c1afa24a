"""What listeners do with connections: limits, timeouts, servers that go down, host names, the PROXY protocol, with the real HAProxy."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.daemons.plan.listeners import config, listener, run, servers

pytestmark = pytest.mark.daemons

CHECKED = {"type": "HTTP", "path": "/healthz", "port": 9001}
UNCHECKED: dict[str, Any] = {"name": "web", "port": 80, "healthCheck": {"type": "None"}}
PEER = """
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
listen sends
    bind 127.0.0.1:7001
    option forwardfor
    server front 127.0.0.1:80 send-proxy-v2
listen reads
    bind 127.0.0.1:7002 accept-proxy
    option forwardfor
    server echo 127.0.0.1:9001
"""
"""Another HAProxy: a load balancer before the listener, and a server behind it, both of which speak the PROXY protocol."""


def test_limits_let_further_requests_wait(node_image: str, tmp_path: Path) -> None:
    free, bound = listener("web", 80), listener("web", 80, serverMaxConnections=2)
    few = listener("web", 80, maxConnections=3)
    many, accepted = ["at_once", 80, 8], ["accepted", 80, 8]
    results = run(
        node_image,
        tmp_path,
        (config(free), [many, accepted]),
        (config(bound), [many]),
        (config(few), [accepted]),
        (config(free), [many, accepted]),
    )
    for answer in (results[0][0], results[1][0], results[3][0]):
        assert answer["statuses"] == [200] * 8
    assert results[0][0]["busiest"]["a"] > 2 and results[3][0]["busiest"]["a"] > 2 and results[1][0]["busiest"]["a"] == 2
    assert [results[0][1], results[2][0], results[3][1]] == [8, 3, 8]


def test_a_listener_and_a_route_have_timeouts_of_their_own(node_image: str, tmp_path: Path) -> None:
    short = {"timeouts": {"server": "200ms"}}
    routes = [{"pathPrefix": "/slow/route", "timeouts": {"server": "3s"}, "backend": servers(9001)}]
    ask = [["http", 80, "/slow", {}], ["http", 80, "/slow/route", {}], ["websocket", 80, 0.6]]
    plain = listener("web", 80)
    results = run(
        node_image,
        tmp_path,
        (config(plain), ask),
        (config({**plain, **short, "routes": routes}), ask),
        (config({**plain, "timeouts": {"server": "200ms", "client": "200ms", "tunnel": "1h"}}), [ask[0], ask[2]]),
        (config({**plain, "timeouts": {"server": "200ms", "client": "200ms"}}, timeouts={"tunnel": "5s"}), [ask[2]]),
        (config({**plain, "timeouts": {"server": "200ms", "client": "200ms", "tunnel": "300ms"}}), [ask[2]]),
        (config(plain), ask),
    )
    assert [[each["status"] for each in step[:2]] for step in (results[0], results[1], results[5])] == [
        [200, 200],
        [504, 200],
        [200, 200],
    ]
    assert results[2][0]["status"] == 504
    websockets = [results[0][2], results[1][2], results[2][1], results[3][0], results[4][0], results[5][2]]
    assert websockets == ["open", "closed", "open", "open", "closed", "open"], "tunnel replaces client and server once it is one"


def test_connections_to_a_server_that_goes_down_stay_or_end_as_the_resource_says(node_image: str, tmp_path: Path) -> None:
    keeps = listener("lines", 80, servers(9006), mode="TCP", healthCheck=CHECKED)
    closes = {**keeps, "onServerDown": "CloseSessions"}
    up, broken = ["servers", {"lines/s9006": "UP"}], ["idle", 80, 1.0, "a"]
    step = [["break"], up, broken]
    results = run(node_image, tmp_path, *((config(each), step) for each in (keeps, closes, keeps)))
    assert [each[-1] for each in results] == ["open", "closed", "open"]


def test_host_names_are_followed_and_one_that_does_not_resolve_holds_nothing_up(node_image: str, tmp_path: Path) -> None:
    backend = {
        "servers": [{"name": "db", "hostname": "db.lan", "port": 9001}, {"name": "other", "address": "127.0.0.1", "port": 9002}]
    }
    text = config(listener("web", 80, backend, balance="First"), dns={"servers": ["127.0.0.1"], "hold": "1s"})
    by_default = config(listener("web", 80, backend, balance="First"), dns={"hold": "1s"})
    by_address = config(listener("web", 80, servers(9001)))
    ask, unknown = ["http", 80, "/", {}], ["servers", {"web/db": "MAINT (resolution)", "web/other": "UP"}]
    known, gone = ["servers", {"web/db": "UP", "web/other": "UP"}], ["names", {"db.lan": "127.0.0.9"}]
    results = run(
        node_image,
        tmp_path,
        (
            text,
            [
                ["names", {}],
                unknown,
                ask,
                ["names", {"db.lan": "127.0.0.1"}],
                known,
                ask,
                ["names", None],
                ["servers", {"": ""}, 3],
                known,
                ask,
            ],
        ),
        (by_default, [known, ask, gone, ["servers", {"web/db": "DOWN"}], ask, ["names", {"db.lan": "127.0.0.1"}], known]),
        (by_address, [ask]),
        (text, [known, ask]),
    )

    def server(answer: Any) -> str:
        return str(answer["seen"]["server"])

    first, second = results[0], results[1]
    assert first[1]["web/db"][0] == "MAINT (resolution)" and server(first[2]) == "b", "the other server serves at once"
    assert first[4]["web/db"][0] == "UP" and server(first[5]) == "a"
    assert first[8]["web/db"][0] == "UP" and server(first[9]) == "a", "the last address is used while no name server answers"
    assert second[0]["web/db"][0] == "UP" and server(second[1]) == "a", (
        "a reload keeps the address, and asks the node's name server"
    )
    assert second[3]["web/db"][0].startswith("DOWN") and server(second[4]) == "b", "nobody listens at the new address"
    assert second[6]["web/db"][0] == "UP"
    assert [server(results[2][0]), server(results[3][1])] == ["a", "a"]


def test_the_proxy_protocol_tells_a_real_peer_the_clients_address(node_image: str, tmp_path: Path) -> None:
    plain, accepts = listener("web", 80), listener("web", 80, proxyProtocol={"accept": True})
    sends = [listener("web", 80, servers(7002), proxyProtocol={"send": version}) for version in ("V1", "V2")]
    restricted = {**accepts, "allowedSources": ["127.0.0.5/32"]}
    direct, through = ["http", 80, "/", {}, "127.0.0.4"], [["http", 7001, "/", {}, f"127.0.0.{number}"] for number in (4, 5)]
    ready = ["servers", {"web/s7002": "UP"}]
    results = run(
        node_image,
        tmp_path,
        (config(plain), [direct]),
        (config(accepts), [direct, *through]),
        (config(restricted), through),
        *((config(each), [ready, direct]) for each in sends),
        (config(plain), [direct]),
        other=PEER,
    )

    def client(answer: Any) -> list[str] | None:
        return [value for name, value in answer["seen"]["headers"] if name.lower() == "x-forwarded-for"] if answer else None

    assert client(results[0][0]) == client(results[5][0]) == ["127.0.0.4"]
    assert results[1][0] is None or results[1][0]["status"] == 400, "without the protocol's header a connection is closed"
    assert [client(each) for each in results[1][1:]] == [["127.0.0.4"], ["127.0.0.5"]]
    assert [each["status"] for each in results[2]] == [502, 200], "the client's own address is compared with allowedSources"
    for answer in (results[3], results[4]):
        assert answer[0]["web/s7002"][0] == "UP", "checks speak it, too"
        assert client(answer[1]) == ["127.0.0.4, 127.0.0.4"] or client(answer[1]) == ["127.0.0.4", "127.0.0.4"]


def test_metrics_are_served_beside_the_page(node_image: str, tmp_path: Path) -> None:
    def text(**stats: Any) -> str:
        return config(listener("web", 80), stats=stats)

    ask = [["http", 8080, path, {}] for path in ("/metrics", "/stats")]
    results = run(node_image, tmp_path, *((text(**each), ask) for each in ({}, {"metrics": True}, {})))
    found = [[answer["status"] for answer in step] for step in results]
    assert found == [[503, 200], [200, 200], [503, 200]]
    assert "haproxy_server_status" in results[1][0]["seen"]["text"] or "haproxy_process" in results[1][0]["seen"]["text"]


@pytest.mark.parametrize("balance", ["Source", "URI", "First", "LeastConnections", "Random", "RoundRobin"])
def test_a_server_that_refuses_connections_costs_no_request(node_image: str, tmp_path: Path, balance: str) -> None:
    """Nothing listens on the first port; without checks its server counts as up. HAProxy waits for `connect` before it tries again."""
    wanted = {**UNCHECKED, "balance": balance, "backend": servers(9, 9001), "timeouts": {"connect": "100ms"}}
    other = {**wanted, "balance": "RoundRobin" if balance != "RoundRobin" else "Source"}
    ask = [["http", 80, f"/{number}", {}, f"127.0.0.{10 + number}"] for number in range(8)]
    results = run(
        node_image,
        tmp_path,
        (config(wanted), ask),
        (config(other), ask),
        (config(wanted), ask),
        (config({**wanted, "cookie": {"name": "S"}}), ask),
        (config(wanted, retries=0), ask),
    )
    statuses = [[each["status"] for each in step] for step in results]
    assert statuses[:4] == [[200] * 8] * 4
    assert 503 in statuses[4], "some requests are for the server that refuses them"


def test_a_hash_divides_clients_about_evenly_and_most_keep_their_server_when_another_goes(
    node_image: str, tmp_path: Path
) -> None:
    names = [{"name": f"s{number}", "address": "127.0.0.1", "port": 9001} for number in range(5)]
    hashed = {**UNCHECKED, "balance": "Source", "cookie": {"name": "S"}}
    five, four = ({**hashed, "backend": {"servers": names[:count]}} for count in (5, 4))
    clients = [f"127.{1 + number % 200}.{number * 37 % 251}.{1 + number * 91 % 253}" for number in range(700)]
    results = run(node_image, tmp_path, *((config(each), [["chosen", 80, clients]]) for each in (five, four, five)))
    before, without, after = (each[0] for each in results)
    assert before == after
    shares = Counter(before)
    assert len(shares) == 5 and min(shares.values()) >= 0.8 * 700 / 5, shares
    assert all(new == old for old, new in zip(before, without, strict=True) if old != "s4")
