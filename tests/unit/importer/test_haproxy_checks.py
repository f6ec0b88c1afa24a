"""Health checks: `check` and its times, `option …-check`, `http-check` and `tcp-check` rules."""

from typing import Any

import pytest

from tests.unit.importer.helpers import lines, listeners, lost, of_haproxy

HAPROXYS = {"interval": "2s", "rise": 2}
"""What HAProxy does without `inter` and `rise`, as fields."""


def _text(rules: str, server: str = "check", mode: str = "http") -> str:
    body = "".join(f"    {each.strip()}\n" for each in rules.splitlines())
    return f"listen web\n    bind :80\n    mode {mode}\n    timeout check 10s\n{body}    server a 10.0.0.1:80 {server}\n"


def _check(rules: str, server: str = "check", mode: str = "http") -> Any:
    imported = of_haproxy(_text(rules, server, mode))
    assert lost(imported) == []
    found = dict(listeners(imported)[0].get("healthCheck", {}))
    return {key: value for key, value in found.items() if HAPROXYS.get(key) != value}


@pytest.mark.parametrize(
    ("mode", "rules", "server", "expected"),
    [
        ("http", "", "check", {"type": "TCP"}),
        ("http", "", "", {"type": "None"}),
        ("tcp", "", "check", {}),
        ("tcp", "option tcp-check", "check", {}),
        ("http", "option httpchk", "check", {}),
        ("tcp", "option httpchk", "check", {"type": "HTTP"}),
        ("http", "option httpchk /health", "check", {"path": "/health"}),
        ("http", "option httpchk GET /health", "check", {"method": "GET", "path": "/health"}),
        ("http", r"option httpchk HEAD / HTTP/1.1\r\nHost:\ a.example", "check", {"method": "HEAD", "host": "a.example"}),
        (
            "http",
            "option httpchk\nhttp-check send meth GET uri /x ver HTTP/1.1 hdr Host b",
            "check",
            {"method": "GET", "path": "/x", "host": "b"},
        ),
        ("http", "option httpchk\nhttp-check expect status 200,204", "check", {"expectStatus": "200,204"}),
        ("http", "option httpchk\nhttp-check expect rstatus (2|3)[0-9][0-9]", "check", {"expectStatus": "200-399"}),
        ("http", "option httpchk\nhttp-check expect string fine", "check", {"expectBody": "fine"}),
        (
            "http",
            "option httpchk\nhttp-check connect port 8008 ssl comment x",
            "check verify none",
            {"port": 8008, "tls": {"verify": "None"}},
        ),
        ("http", "option httpchk", "check port 8008", {"port": 8008}),
        ("http", "option httpchk", "check check-ssl verify none", {"tls": {"verify": "None"}}),
        ("tcp", "", "check check-ssl verify none", {"type": "TLS"}),
        ("tcp", "option tcp-check\ntcp-check connect port 6443 ssl", "check verify none", {"type": "TLS", "port": 6443}),
        ("tcp", "option mysql-check", "check", {"type": "MySQL"}),
        ("tcp", "option mysql-check user haproxy post-41", "check", {"type": "MySQL", "user": "haproxy"}),
        ("tcp", "option pgsql-check user haproxy", "check port 6433", {"type": "PostgreSQL", "user": "haproxy", "port": 6433}),
        ("tcp", "option ssl-hello-chk", "check", {"type": "TLS"}),
        ("tcp", "option httpchk\nno option httpchk", "check", {}),
        ("tcp", "option httpchk\noption tcp-check", "check", {}),
        ("tcp", "option redis-check", "check", {"type": "Exchange", "exchange": [{"send": "PING\r\n", "expect": "+PONG"}]}),
        (
            "tcp",
            "option tcp-check\ntcp-check connect\ntcp-check send PING\\r\\n\ntcp-check expect string +PONG\ntcp-check expect string x",
            "check",
            {"type": "Exchange", "exchange": [{"send": "PING\r\n", "expect": "+PONG"}, {"expect": "x"}]},
        ),
        (
            "tcp",
            f"option tcp-check\ntcp-check send-binary {b'HI'.hex()}\ntcp-check expect binary {b'OK'.hex()}",
            "check",
            {"type": "Exchange", "exchange": [{"send": "HI", "expect": "OK"}]},
        ),
    ],
)
def test_the_kinds_of_checks(mode: str, rules: str, server: str, expected: dict[str, Any]) -> None:
    assert _check(rules, server, mode) == expected


def test_times_and_counts_are_haproxys_own_without_parameters() -> None:
    found = listeners(of_haproxy(_text("option httpchk")))[0]["healthCheck"]
    assert found == {"interval": "2s", "rise": 2}  # fastInterval 2s and fall 3 are the resource's defaults


def test_times_and_counts() -> None:
    found = listeners(of_haproxy(_text("option httpchk", "check inter 500 fastinter 1s rise 1 fall 4")))[0]["healthCheck"]
    assert found == {"interval": "500ms", "fastInterval": "1s", "rise": 1, "fall": 4}
    assert listeners(of_haproxy(_text("option httpchk", "check inter 10s rise 3")))[0]["healthCheck"] == {
        "interval": "10s",
        "fastInterval": "10s",
    }


def test_all_servers_are_checked_where_some_are() -> None:
    imported = of_haproxy(_text("option httpchk") + "    server b 10.0.0.2:80\n")
    assert "note: haproxy.cfg:1: listen web checks some of its servers only; now all of them are checked" in lines(imported)


@pytest.mark.parametrize(
    ("rules", "server", "finding"),
    [
        ("option httpchk POST /", "check", "option httpchk POST /: POST: no field: checks send OPTIONS, GET or HEAD"),
        (
            "option httpchk\nhttp-check expect ! status 500",
            "check",
            "http-check expect ! status 500: no field for what is expected",
        ),
        ("option httpchk\nhttp-check disable-on-404", "check", "http-check disable-on-404: no field"),
        (
            "option httpchk\nhttp-check expect status 200\nhttp-check expect status 204",
            "check",
            "http-check expect status 204: no field for a second one",
        ),
        ("option httpchk\nhttp-check send body x", "check", "http-check send body x: body: no field"),
        (
            "option httpchk\nhttp-check send hdr X-A b",
            "check",
            "http-check send hdr X-A b: X-A: no field: a check has no header but Host",
        ),
        ("option pgsql-check", "check", "option pgsql-check: no field"),
        ("option external-check", "check", "option external-check: no field"),
        ("option tcp-check\ntcp-check connect via-socks4", "check", "tcp-check connect via-socks4: via-socks4: no field"),
        (
            "option tcp-check\ntcp-check connect ssl sni a.b",
            "check verify none",
            "tcp-check connect ssl sni a.b: sni a.b: no field",
        ),
        ("option tcp-check\ntcp-check expect rstring x", "check", "tcp-check expect rstring x: no field"),
        ("option tcp-check\ntcp-check send a\ntcp-check connect", "check", "tcp-check connect: no field"),
        (
            "option tcp-check\ntcp-check send-binary 00ff",
            "check",
            "tcp-check send-binary 00ff: no field for bytes that are no text",
        ),
        (
            "option tcp-check\ntcp-check expect binary zz",
            "check",
            "tcp-check expect binary zz: no field for bytes that are no text",
        ),
        ("", "check port 70000", "server a 10.0.0.1:80 check port 70000: port 70000: the port must be from 1 to 65535"),
        ("", "check inter 0", "server a 10.0.0.1:80 check inter 0: inter 0: must be a time from 1ms to 24 days"),
        (
            "",
            "check check-ssl verify none check-alpn h2",
            "server a 10.0.0.1:80 check check-ssl verify none check-alpn h2: check-alpn h2: no field",
        ),
        ("", "check rise 0", "server a 10.0.0.1:80 check rise 0: rise 0: must be a number from 1 to 100"),
        (
            "",
            "check agent-check",
            "server a 10.0.0.1:80 check agent-check: agent-check: no field: HAProxy does not ask agents on the servers",
        ),
    ],
)
def test_what_has_no_field(rules: str, server: str, finding: str) -> None:
    assert [each.partition(": ")[2] for each in lost(of_haproxy(_text(rules, server)))] == [finding]


@pytest.mark.parametrize(
    ("rules", "server", "reason"),
    [
        ("option ssl-hello-chk", "check", "a whole TLS handshake instead of the first message of SSL 3"),
        ("option mysql-check user x pre-41", "check", "the login is that of MySQL 4.1 and later"),
        ("option redis-check", "check", "carried over as an exchange: PING is answered by +PONG"),
        ("option smtpchk", "check", "carried over as an exchange: the server greets with 220 and answers 250"),
        ("", "check inter 10s downinter 5s", "servers that are down are checked as often as others"),
        (r"option httpchk GET / HTTP/1.1\r\nUser-Agent:\ x", "check", "the check sends no User-Agent any more"),
    ],
)
def test_what_changes_its_meaning(rules: str, server: str, reason: str) -> None:
    [finding] = lines(of_haproxy(_text(rules, server, "tcp")))
    assert finding.startswith("note: ")
    assert finding.endswith(reason)


def test_rules_of_another_kind_of_check_have_no_effect() -> None:
    assert _check("option httpchk\ntcp-check expect rstring x", "check") == {}


def test_a_name_for_tls_is_the_host_of_an_http_check() -> None:
    assert _check("option httpchk", "check check-ssl check-sni a.example verify none")["host"] == "a.example"
    [note] = lines(of_haproxy(_text("option httpchk", "check check-ssl check-sni a.example verify none")))
    assert note == "note: haproxy.cfg:1: the check of listen web asks for a.example by TLS and now in the Host header, too"
    text = _text("option httpchk\nhttp-check send hdr Host b.example", "check check-ssl check-sni a.example verify none")
    assert lost(of_haproxy(text)) == [
        "haproxy.cfg:1: listen web: check-sni a.example: no field for another name than that of the Host header"
    ]


def test_a_dialogue_of_too_many_steps_is_lost_as_a_whole() -> None:
    rules = "option tcp-check" + "\ntcp-check send x" * 17
    imported = of_haproxy(_text(rules, mode="tcp"))
    assert [each.partition(": ")[2] for each in lost(imported)] == ["tcp-check send x: no field for more than 16 steps"]
    assert "exchange" not in str(listeners(imported))


def test_rules_that_could_take_for_ever_are_not_tried() -> None:
    assert len(lost(of_haproxy(_text("option httpchk\nhttp-check expect rstatus ((((((.*)*)*)*)*)*)*x")))) == 1
