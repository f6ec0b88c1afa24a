"""`server` lines, `default-server`, cookies and host names."""

from typing import Any

import pytest

from tests.unit.importer.helpers import LISTEN, lines, listeners, lost, of_haproxy, spec


def _servers(*servers: str, more: str = "") -> str:
    """A listener on port 80 with these servers."""
    return LISTEN.replace("    server a 10.0.0.1:80 check\n", "".join(f"    {each}\n" for each in (*more.splitlines(), *servers)))


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("server a 10.0.0.1:8080 check", {"address": "10.0.0.1", "port": 8080}),
        ("server a 10.0.0.1 check", {"address": "10.0.0.1", "port": 80}),
        ("server a 10.0.0.1:+1000 check", {"address": "10.0.0.1", "port": 1080}),
        ("server a [2001:db8::1]:81 check", {"address": "2001:db8::1", "port": 81}),
        ("server a 2001:db8::1 check", {"address": "2001:db8::1", "port": 80}),
        ("server a ipv4@10.0.0.1:81 check", {"address": "10.0.0.1", "port": 81}),
        ("server a db1.lan:81 check", {"hostname": "db1.lan", "port": 81}),
        ("server a 10.0.0.1:81 check weight 7 backup", {"address": "10.0.0.1", "port": 81, "weight": 7, "backup": True}),
    ],
)
def test_addresses_ports_and_weights(server: str, expected: dict[str, Any]) -> None:
    imported = of_haproxy(_servers(server))
    assert listeners(imported)[0]["backend"]["servers"] == [{"name": "a", **expected}]
    assert lost(imported) == []


def test_default_server_holds_for_all_servers_and_can_be_taken_back() -> None:
    text = _servers(
        "server a 10.0.0.1:80 no-backup", "server b 10.0.0.2:80 weight 3", more="default-server check backup weight 9"
    )
    one, other = listeners(of_haproxy(text))[0]["backend"]["servers"]
    assert (one["weight"], one.get("backup")) == (9, None)
    assert (other["weight"], other["backup"]) == (3, True)


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        ("server a unix@/run/x", "no field for such an address of a server"),
        ("server a /run/x", "no field for such an address of a server"),
        ("server a *:80", "no field for such an address of a server"),
        ("server a :80", "no field for such an address of a server"),
        ("server a 0.0.0.0:80", "no field for such an address of a server"),
        ("server a 10.0.0.1:x", "no field for such an address of a server"),
        ("server a 10.0.0.1:0 check", "the port must be from 1 to 65535"),
        ("server a", "needs a name and an address"),
        ("server a 10.0.0.1:80 check weight 300", "weight 300: must be a number from 0 to 256"),
        ("server a 10.0.0.1:80 check slowstart 30s", "slowstart 30s: no field"),
        ("server a 10.0.0.1:80 check disabled", "disabled: no field: leave the server out"),
        ("server a 10.0.0.1:80 check unheard-of on", "unheard-of on: no field"),
        ("server a 10.0.0.1:80 check addr 10.0.0.2", "addr 10.0.0.2: no field: a check goes to the server's own address"),
    ],
)
def test_what_a_server_line_says_and_no_field_does(server: str, reason: str) -> None:
    imported = of_haproxy(_servers(server, "server z 10.0.0.9:80 check"))
    assert f"haproxy.cfg:10: {server}: {reason}" in lost(imported)


def test_tls_files_without_tls_have_no_effect() -> None:
    assert lost(of_haproxy(_servers("server a 10.0.0.1:80 check ca-file /x verify required"))) == []


def test_a_lost_parameter_of_default_server_is_named_there_once() -> None:
    text = _servers("server a 10.0.0.1:80", "server b 10.0.0.2:80", more="default-server check slowstart 30s")
    assert lost(of_haproxy(text)) == ["haproxy.cfg:10: default-server check slowstart 30s: slowstart 30s: no field"]


def test_limits_proxy_protocol_and_sessions_are_of_all_servers() -> None:
    common = "check maxconn 100 send-proxy-v2 check-send-proxy on-marked-down shutdown-sessions"
    imported = of_haproxy(_servers(f"server a 10.0.0.1:80 {common}", f"server b 10.0.0.2:80 {common}"))
    listener = listeners(imported)[0]
    assert listener["serverMaxConnections"] == 100
    assert listener["proxyProtocol"] == {"send": "V2"}
    assert listener["onServerDown"] == "CloseSessions"
    assert lines(imported) == []


def test_servers_that_differ_where_the_listener_has_one_field() -> None:
    imported = of_haproxy(
        _servers("server a 10.0.0.1:80 check maxconn 10 inter 1s", "server b 10.0.0.2:80 check maxconn 20 send-proxy inter 2s")
    )
    start = "haproxy.cfg:11: server b 10.0.0.2:80 check maxconn 20 send-proxy inter 2s"
    unlike = "no field: the servers of a listener are alike in this"
    assert lost(imported) == [f"{start}: {each}: {unlike}" for each in ("maxconn", "send-proxy", "inter 2s")]


def test_send_proxy_on_the_first_line_only_is_not_the_same_as_on_all() -> None:
    assert listeners(of_haproxy(_servers("server a 10.0.0.1:80 send-proxy")))[0]["proxyProtocol"] == {"send": "V1"}


def test_accept_proxy_is_of_all_addresses() -> None:
    assert listeners(of_haproxy(LISTEN.replace("bind :80", "bind :80 accept-proxy")))[0]["proxyProtocol"] == {"accept": True}
    text = LISTEN.replace("bind :80", "bind 10.0.0.100:80 accept-proxy\n    bind :81")
    assert "haproxy.cfg:4: listen web: accept-proxy: no field for some of its addresses only" in lost(of_haproxy(text))


def test_a_host_name_is_asked_for_again_and_again_now() -> None:
    assert lines(of_haproxy(_servers("server a db1.lan:80 check"))) == [
        "note: haproxy.cfg:10: server a db1.lan:80 check: HAProxy looked the host name up when it started; now it asks again and again"
    ]


def test_a_second_group_of_name_servers_is_lost() -> None:
    resolvers = "resolvers one\n    nameserver a 10.0.0.53:53\nresolvers two\n    nameserver b 10.0.0.54:53\n"
    text = _servers("server a db1.lan:80 check resolvers one", "server b db2.lan:80 check resolvers two") + resolvers
    assert lost(of_haproxy(text)) == ["haproxy.cfg:14: resolvers two: no field for a second group of name servers"]


def test_resolvers_become_the_name_servers() -> None:
    resolvers = """
    resolvers mine
        nameserver one 10.0.0.53:53
        nameserver two 10.0.0.54:5353
        hold valid 20s
        hold timeout 1s
        resolve_retries 3
    resolvers unused
        nameserver x 10.0.0.55:53
    """
    imported = of_haproxy(_servers("server a db1.lan:80 check resolvers mine init-addr none") + resolvers)
    assert spec(imported)["haproxy"]["dns"] == {"servers": ["10.0.0.53"], "hold": "20s"}
    assert lines(imported) == [
        "haproxy.cfg:14: nameserver two 10.0.0.54:5353: no field: name servers have an address and port 53"
    ]


@pytest.mark.parametrize(
    ("cookie", "fields", "findings"),
    [
        ("insert indirect nocache", {"name": "S"}, 0),
        ("insert indirect nocache httponly secure", {"name": "S", "secure": True, "httpOnly": True}, 0),
        ("insert indirect nocache attr SameSite=Lax", {"name": "S", "sameSite": "Lax"}, 0),
        ("insert", {"name": "S"}, 1),
        ("insert indirect nocache maxlife 1h", {"name": "S"}, 1),
        ("insert indirect nocache preserve", {"name": "S"}, 1),
        ("prefix", None, 1),
        ("indirect nocache", None, 1),
    ],
)
def test_cookies(cookie: str, fields: dict[str, Any] | None, findings: int) -> None:
    imported = of_haproxy(_servers("server a 10.0.0.1:80 check cookie a", more=f"cookie S {cookie}"))
    assert listeners(imported)[0].get("cookie") == fields
    assert len(lines(imported)) == findings


def test_a_cookie_is_the_name_of_the_server_now() -> None:
    text = _servers("server a 10.0.0.1:80 check cookie x1", "server b 10.0.0.2:80 check", more="cookie S insert indirect nocache")
    assert [each.rpartition(": ")[2] for each in lines(of_haproxy(text))] == [
        "clients with an older cookie may change the server once",
        "some servers have no value of the cookie; now all have",
    ]


def test_a_cookie_that_no_server_has_had_no_effect() -> None:
    imported = of_haproxy(_servers("server a 10.0.0.1:80 check", more="cookie S insert indirect nocache"))
    assert "cookie" not in listeners(imported)[0]
    assert lines(imported)[0].startswith("note: ")


@pytest.mark.parametrize(
    ("balance", "value", "findings"),
    [
        ("roundrobin", "RoundRobin", 0),
        ("leastconn", "LeastConnections", 0),
        ("source", "Source", 0),
        ("uri", "URI", 0),
        ("random", "Random", 0),
        ("random(2)", "Random", 0),
        ("random(3)", "Random", 1),
        ("first", "First", 0),
        ("static-rr", "RoundRobin", 1),
        ("uri depth 3", "URI", 1),
        ("hdr(x)", "RoundRobin", 1),
        ("source\n    hash-type consistent", "Source", 0),
        ("source\n    hash-type map-based", "Source", 1),
        ("leastconn\n    hash-type consistent", "LeastConnections", 0),
    ],
)
def test_balance(balance: str, value: str, findings: int) -> None:
    imported = of_haproxy(_servers("server a 10.0.0.1:80 check", more=f"balance {balance}"))
    assert listeners(imported)[0].get("balance", "RoundRobin") == value
    assert len(lines(imported)) == findings


def test_an_environment_variable_is_named_with_its_line() -> None:
    assert lost(of_haproxy(_servers("server a 10.0.0.1:80 check", 'server b "${B}:80" check'))) == [
        'haproxy.cfg:11: server b "${B}:80" check: environment variable: write its value instead'
    ]


def test_an_attribute_of_a_cookie_without_a_field_is_named() -> None:
    cookie = "cookie S insert indirect nocache maxlife 1h domain a.example attr Priority=High"
    found = lost(of_haproxy(_servers("server a 10.0.0.1:80 check cookie a", more=cookie)))
    parts = [each.rpartition(f"{cookie}: ")[2] for each in found]
    assert parts == [f"{each}: no field" for each in ("maxlife 1h", "domain a.example", "attr Priority=High")]
