"""The statistics page: a section of its own, or a page on a listener's port."""

from ipaddress import ip_interface
from typing import Any

import pytest

from hacluster.importer import Texts, import_files
from tests.unit.importer.helpers import LISTEN, ROUTER, lines, listeners, lost, of_haproxy, spec

PAGE = """
listen stats
    bind *:9000
    mode http
    stats enable
    stats uri /haproxy
"""


def _haproxy(text: str) -> Any:
    return spec(of_haproxy(text))["haproxy"]


def test_without_a_page_in_the_file_there_is_none() -> None:
    assert _haproxy(LISTEN)["stats"] == {"enabled": False}


def test_a_page_of_its_own() -> None:
    imported = of_haproxy(LISTEN + PAGE)
    assert spec(imported)["haproxy"]["stats"] == {"port": 9000, "path": "/haproxy"}
    assert [each["name"] for each in listeners(imported)] == ["web"]
    assert lines(imported) == []


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ("stats admin if TRUE", {"admin": True, "allowUnauthenticatedAdmin": True}),
        (r"stats realm My\ page", {"realm": "My page"}),
        ("http-request use-service prometheus-exporter if { path /metrics }", {"metrics": True}),
    ],
)
def test_fields_of_the_page(more: str, fields: Any) -> None:
    imported = of_haproxy(LISTEN + PAGE + f"    {more}\n")
    assert spec(imported)["haproxy"]["stats"] == {"port": 9000, "path": "/haproxy", **fields}
    assert lines(imported) == []


def test_the_interface_of_the_page() -> None:
    assert _haproxy(LISTEN + PAGE.replace("*:9000", "*:9000 interface eth1"))["stats"]["interface"] == "eth1"


@pytest.mark.parametrize(
    "more",
    ["stats hide-version", "stats refresh 5s", "stats show-legends", "timeout client 5m", "maxconn 10", "stats realm a{b}"],
)
def test_the_look_of_the_page_is_a_note(more: str) -> None:
    [finding] = lines(of_haproxy(LISTEN + PAGE + f"    {more}\n"))
    assert finding.startswith("note: ")


@pytest.mark.parametrize(
    "more",
    [
        "stats auth a",
        "stats http-request deny",
        "stats admin if LOCALHOST",
        "tcp-request connection reject",
        "http-request deny",
        "bind :9001",
        "bind *:9000 ssl",
    ],
)
def test_what_the_page_has_no_field_for(more: str) -> None:
    assert len(lost(of_haproxy(LISTEN + PAGE + f"    {more}\n"))) == 1


def test_a_password_becomes_a_secret_that_the_user_makes() -> None:
    imported = of_haproxy(LISTEN + PAGE + "    stats auth ops:s3cret\n    stats admin if TRUE\n")
    stats = spec(imported)["haproxy"]["stats"]
    assert stats == {"port": 9000, "path": "/haproxy", "credentialsSecret": {"name": "web-stats"}, "admin": True}
    assert lines(imported) == [
        "note: haproxy.cfg:17: stats auth ops:***: the password is in a Secret now; make it: kubectl create secret generic web-stats "
        "--from-literal=username=ops --from-literal=password=PASSWORD (the whole port asks for it)"
    ]
    assert "s3cret" not in str(imported)


def test_one_user_is_carried_over_and_others_are_lost() -> None:
    assert lost(of_haproxy(LISTEN + PAGE + "    stats auth one:x\n    stats auth two:y\n")) == [
        "haproxy.cfg:18: stats auth two:***: no field for a second user of the page"
    ]


def test_a_password_of_a_page_on_a_listeners_port() -> None:
    page = "mode http\n    stats enable\n    stats uri /s\n    stats auth a:b"
    imported = of_haproxy(LISTEN.replace("bind :80", "bind :443 ssl crt /x.pem").replace("mode http", page))
    assert spec(imported)["haproxy"]["stats"] == {"path": "/s", "credentialsSecret": {"name": "web-stats"}}
    assert lost(imported) == []
    assert any(each.endswith("but on port 8080, without TLS") for each in lines(imported))


def test_a_page_that_asks_by_rules_is_no_admin_page_without_them() -> None:
    imported = of_haproxy(LISTEN + PAGE + "    stats http-request auth\n    stats admin if TRUE\n")
    assert "admin" not in spec(imported)["haproxy"]["stats"]
    assert len(lost(imported)) == 2


@pytest.mark.parametrize("bind", ["127.0.0.1:9000", "localhost:9000", "127.0.0.1:9000,[::1]:9000"])
def test_a_page_on_the_loopback_address_is_on_that_interface(bind: str) -> None:
    imported = of_haproxy(LISTEN + PAGE.replace("*:9000", bind))
    assert spec(imported)["haproxy"]["stats"] == {"port": 9000, "path": "/haproxy", "interface": "lo"}
    assert lines(imported) == []


def test_a_page_on_a_nodes_address_is_on_its_interface_where_that_is_known() -> None:
    text = LISTEN + PAGE.replace("*:9000", "10.0.0.2:9000")
    assert lost(of_haproxy(text)) == [
        "haproxy.cfg:13: bind 10.0.0.2:9000: no field for an address: the page would be on all of them; --nodes tells its interface, "
        "for `interface`"
    ]
    facts = {"node1": {"eth1": [ip_interface("10.0.0.2/24")]}}
    texts = Texts(haproxy=[("haproxy.cfg", text)], keepalived=[("node1", "node1.conf", ROUTER)], facts=facts)
    imported = import_files(texts, "web")
    assert spec(imported)["haproxy"]["stats"]["interface"] == "eth1"
    assert "note: haproxy.cfg:13: bind 10.0.0.2:9000: the page is on all addresses of eth1, on every node that has it" in lines(
        imported
    )


def test_a_page_on_some_addresses_would_be_on_all() -> None:
    assert len(lost(of_haproxy(LISTEN + PAGE.replace("*:9000", "127.0.0.1:9000,10.0.0.2:9000")))) == 1


def test_a_second_page_is_lost() -> None:
    assert lost(of_haproxy(LISTEN + PAGE + PAGE.replace("stats\n", "other\n", 1).replace("9000", "9001"))) == [
        "haproxy.cfg:18: listen other: no field for a second statistics page"
    ]


def test_haproxys_default_path_has_a_query_and_ours_has_not() -> None:
    imported = of_haproxy(LISTEN + PAGE.replace("    stats uri /haproxy\n", ""))
    assert spec(imported)["haproxy"]["stats"]["path"] == "/haproxy"
    assert len(lines(imported)) == 1
    assert "without a query" in lines(of_haproxy(LISTEN + PAGE.replace("/haproxy", "/haproxy?stats")))[0]


def test_a_page_on_a_listeners_port_gets_a_port_of_its_own() -> None:
    imported = of_haproxy(LISTEN.replace(":80", ":8080", 1).replace("mode http", "mode http\n    stats enable\n    stats uri /s"))
    assert spec(imported)["haproxy"]["stats"] == {"port": 8404, "path": "/s"}
    assert lines(imported) == ["note: haproxy.cfg:7: stats enable: the page is no more on the listener's port, but on port 8404"]


def test_metrics_without_a_page_come_with_it() -> None:
    metrics = "frontend m\n    bind :8405\n    mode http\n    http-request use-service prometheus-exporter if { path /metrics }\n"
    imported = of_haproxy(LISTEN + metrics)
    assert spec(imported)["haproxy"]["stats"] == {"port": 8405, "metrics": True}
    assert lines(imported) == ["note: haproxy.cfg:11: frontend m: the metrics come with the statistics page, on the same port"]
    assert len(lost(of_haproxy(LISTEN + metrics + PAGE))) == 1
    assert spec(of_haproxy(LISTEN + metrics + PAGE))["haproxy"]["stats"] == {"port": 8405, "path": "/haproxy", "metrics": True}


def test_metrics_at_another_path_are_a_note() -> None:
    text = LISTEN + PAGE + "    http-request use-service prometheus-exporter if { path /m }\n"
    assert lines(of_haproxy(text))[0].endswith("the metrics are at /metrics")
