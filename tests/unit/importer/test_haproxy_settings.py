"""`global`, timeouts, logs, what the operator decides by itself, and files that are missing."""

from typing import Any

import pytest

from tests.unit.importer.helpers import LISTEN, ROUTER, lines, listeners, lost, of_haproxy, spec


def _haproxy(text: str) -> Any:
    return spec(of_haproxy(text))["haproxy"]


def test_what_the_operator_decides_is_no_loss() -> None:
    imported = of_haproxy("""
    global
        user haproxy
        group haproxy
        chroot /var/lib/haproxy
        daemon
        pidfile /run/haproxy.pid
        nbthread 4
        stats socket /run/x mode 660 level admin
        stats timeout 30s
        ssl-default-bind-ciphers X
        ssl-default-bind-options ssl-min-ver TLSv1.2
        tune.ssl.default-dh-param 2048
        ca-base /etc/ssl/certs
        hard-stop-after 30s
        maxconn 100
        log stdout format raw local0
    defaults
        log global
        mode http
        option httplog
        option dontlognull
        option redispatch
        no option log-separate-errors
        log-format "%ci %ST"
        capture request header Host len 10
        timeout client 1m
        timeout connect 1s
        timeout server 1m
    listen web
        bind :80
        description web
        http-reuse safe
        option tcp-smart-accept
        server a 10.0.0.1:80 check
    """)
    assert lines(imported) == []


def test_maxconn() -> None:
    assert _haproxy(LISTEN.replace("maxconn 4000", "maxconn 123"))["maxConnections"] == 123
    assert lost(of_haproxy(LISTEN.replace("maxconn 4000", "maxconn many"))) == [
        "haproxy.cfg:3: maxconn many: must be a number from 1 to 1000000"
    ]
    imported = of_haproxy(LISTEN.replace("maxconn 4000", "daemon"))
    assert str(imported.findings[-1]) == (
        "note: haproxy.cfg:2: no maxconn in global: HAProxy took it from the limit of open files; now it is 4000"
    )


def test_error_pages_of_the_distribution_are_haproxys_own() -> None:
    text = LISTEN.replace(
        "mode http", "mode http\n    errorfile 503 /etc/haproxy/errors/503.http\n    errorfile 404 /my/404.http"
    )
    assert lines(of_haproxy(text)) == [
        "note: haproxy.cfg:7: errorfile 503 /etc/haproxy/errors/503.http: HAProxy's own error pages, unless you have changed this one",
        "haproxy.cfg:8: errorfile 404 /my/404.http: no field",
    ]


@pytest.mark.parametrize(
    ("log", "fields", "findings"),
    [
        ("log 127.0.0.1 local2", {"target": "Syslog"}, 0),
        (
            "log 10.0.0.9:5140 len 4096 format rfc5424 daemon notice",
            {"target": "Syslog", "address": "10.0.0.9", "port": 5140, "facility": "daemon"},
            0,
        ),
        ("log [2001:db8::1]:514 local0", {"target": "Syslog", "address": "2001:db8::1", "facility": "local0"}, 0),
        ("log stdout format raw local0", None, 0),
        ("log /dev/log local0", None, 1),
        ("log logserver:514 local0", None, 1),
        ("log 127.0.0.1 local2\n    log 127.0.0.1 local2", {"target": "Syslog"}, 0),
        ("log 127.0.0.1 local2\n    log 10.0.0.9 local2", {"target": "Syslog"}, 1),
    ],
)
def test_logs(log: str, fields: Any, findings: int) -> None:
    imported = of_haproxy(LISTEN.replace("    maxconn 4000", f"    maxconn 4000\n    {log}"))
    assert spec(imported)["haproxy"].get("log") == fields
    assert len(lines(imported)) == findings


def test_timeouts_of_most_listeners_are_those_of_all() -> None:
    text = "".join(
        f"listen {name}\n bind :{port}\n mode tcp\n timeout client {client}\n timeout server 1h\n timeout connect 500\n"
        " server a 10.0.0.1:1 check\n"
        for name, port, client in (("a", 1, "2h"), ("b", 2, "2h"), ("c", 3, "3h"))
    )
    haproxy = _haproxy(text)
    assert haproxy["timeouts"] == {"queue": "500ms", "connect": "500ms", "client": "2h", "server": "1h", "check": "2s"}
    assert [each.get("timeouts") for each in haproxy["listeners"]] == [None, None, {"client": "3h"}]


def test_old_names_of_timeouts() -> None:
    text = (
        LISTEN.replace("timeout client 1m", "clitimeout 5000")
        .replace("timeout connect 1s", "contimeout 2000")
        .replace("timeout server 1m", "srvtimeout 7000")
    )
    assert {key: value for key, value in _haproxy(text)["timeouts"].items() if key in ("client", "connect", "server")} == {
        "client": "5s",
        "connect": "2s",
        "server": "7s",
    }


def test_a_missing_timeout_has_the_value_that_haproxy_takes() -> None:
    text = LISTEN.replace("timeout client 1m", "timeout client 3m").replace(
        "server a 10.0.0.1:80 check", "server a 10.0.0.1:80 check inter 7s"
    )
    assert _haproxy(text)["timeouts"] == {
        "httpRequest": "3m",
        "queue": "1s",
        "client": "3m",
        "httpKeepAlive": "3m",
        "check": "7s",
    }


def test_a_missing_timeout_without_any_value_is_a_note() -> None:
    imported = of_haproxy(LISTEN.replace("    timeout client 1m\n", ""))
    assert [str(each) for each in imported.findings if "timeout" in str(each)] == [
        "note: haproxy.cfg:4: listen web has no timeout client: HAProxy waited for ever, now it does not"
    ]


def test_optional_timeouts_are_of_all_listeners_where_all_inherit_them() -> None:
    text = "".join(f"listen {name}\n    bind :{port}\n    server a 10.0.0.1:1 check\n" for name, port in (("a", 1), ("b", 2)))
    haproxy = _haproxy("defaults\n    timeout tunnel 1h\n" + text + "    timeout tunnel 2h\n")
    assert haproxy["timeouts"]["tunnel"] == "1h"
    assert [each.get("timeouts") for each in haproxy["listeners"]] == [None, {"tunnel": "2h"}]
    haproxy = _haproxy("defaults a\n    timeout tunnel 1h\ndefaults b\n" + text.replace("listen a", "listen a from a"))
    assert "tunnel" not in haproxy.get("timeouts", {})
    assert [each.get("timeouts") for each in haproxy["listeners"]] == [{"tunnel": "1h"}, None]


def test_timeouts_of_defaults_are_those_of_all_listeners() -> None:
    text = "defaults\n    timeout client 1h\nlisten a\n    bind :1\n    timeout client 2h\n    server a 10.0.0.1:1 check\n"
    haproxy = _haproxy(text)
    assert haproxy["timeouts"]["client"] == "1h"
    assert haproxy["listeners"][0]["timeouts"] == {"client": "2h"}


def test_a_timeout_that_is_no_time_is_lost() -> None:
    assert lost(of_haproxy(LISTEN.replace("client 1m", "client 0"))) == [
        "haproxy.cfg:7: timeout client 0: must be a time from 1ms to 24 days"
    ]


def test_without_keepalived_a_fixed_address_is_taken_for_a_virtual_ip() -> None:
    from hacluster.importer import Texts, import_files

    imported = import_files(Texts(haproxy=[("h", LISTEN.replace("bind :80", "bind 10.0.0.100:80"))]), "web")
    assert listeners(imported)[0]["bind"] == "VirtualIPs"
    assert lost(imported) == ["spec.virtualRouters: no keepalived.conf was given; add the virtual IPs"]
    assert "note: h:5: bind 10.0.0.100:80: without keepalived.conf, 10.0.0.100 is taken for a virtual IP" in lines(imported)


def test_without_haproxy_the_listeners_are_missing() -> None:
    from hacluster.importer import Texts, import_files

    imported = import_files(Texts(keepalived=[("node1", "k", ROUTER)]), "web")
    assert lost(imported) == ["spec.haproxy: no haproxy.cfg was given; add the listeners"]
    assert spec(imported)["virtualRouters"][0]["virtualIPs"] == ["10.0.0.100/24"]


def test_what_the_models_refuse_is_a_loss() -> None:
    imported = of_haproxy(LISTEN.replace("10.0.0.1:80", "10.0.0.100:80"))
    assert len(lost(imported)) == 1
    assert lost(imported)[0].startswith("spec.haproxy.listeners[0].backend.servers[0]: a server must not be a virtual IP")
