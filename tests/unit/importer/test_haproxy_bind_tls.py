"""`bind … ssl`: certificates become Secrets, and versions `minVersion`."""

from typing import Any

import pytest

from hacluster.importer import Texts, import_files
from tests.unit.importer.helpers import LISTEN, ROUTER, lines, listeners, lost, of_haproxy

FOLDER = (
    "no field for a folder, and whether it is a file cannot be known here: name each certificate's file, such as crt site.pem"
)
FORWARDED = "note: haproxy.cfg:4: listen web: servers now get X-Forwarded-Proto: https"


def _text(options: str, *, more: str = "", mode: str = "http", options_of_all: str = "") -> str:
    text = LISTEN.replace("bind :80", f"bind :443 ssl {options}{more}").replace("mode http", f"mode {mode}")
    return text.replace("    maxconn", f"{options_of_all}    maxconn")


def _tls(options: str, **others: str) -> Any:
    imported = of_haproxy(_text(options, **others))
    assert lost(imported) == []
    return listeners(imported)[0]["tls"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("crt /etc/ssl/private/shop.example.com.pem", ["shop.example.com"]),
        ("crt /etc/ssl/Shop_Site.PEM", ["shop-site"]),
        ("crt site.crt", ["site"]),
        ("crt /a/one.pem crt /b/two.pem", ["one", "two"]),
        ("crt /a/one.pem crt /b/one.pem", ["one", "one-2"]),
        ("crt /a/one.pem crt /a/one.pem", ["one"]),
        ("crt /etc/letsencrypt/live/shop.example/fullchain.pem", ["shop.example"]),
        ("crt /etc/haproxy/haproxy.pem", ["web-haproxy"]),
        ("crt /etc/haproxy/...pem", ["web-tls"]),
    ],
)
def test_a_certificate_is_a_secret_named_after_its_file(options: str, names: list[str]) -> None:
    assert _tls(options)["secretNames"] == names


def test_a_note_says_how_the_secret_is_made() -> None:
    assert lines(of_haproxy(_text("crt site.pem", options_of_all="    crt-base /certs\n"))) == [
        "note: haproxy.cfg:5: listen web: servers now get X-Forwarded-Proto: https",
        "note: haproxy.cfg:6: bind :443 ssl crt site.pem: crt site.pem: make a Secret of the certificates and the key in "
        "/certs/site.pem: kubectl create secret tls site --cert=CERTIFICATES --key=KEY",
    ]
    texts = Texts(haproxy=[("haproxy.cfg", _text("crt /x.pem"))], keepalived=[("node1", "node1.conf", ROUTER)])
    assert any("kubectl -n prod create secret tls x " in str(each) for each in import_files(texts, "web", "prod").findings)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("crt /etc/haproxy/certs/", f"crt /etc/haproxy/certs/: {FOLDER}"),
        ("crt /etc/haproxy/certs", f"crt /etc/haproxy/certs: {FOLDER}"),
        ("crt @store/site.pem", f"crt @store/site.pem: {FOLDER}"),
        ("crt-list /list", "crt-list /list: no field"),
        ("", "ssl: no field for TLS without a certificate's file (crt)"),
        ("crt /x.pem verify required ca-file /ca.pem", "verify required: no field: clients are not asked for certificates"),
        ("crt /x.pem strict-sni", "strict-sni: no field"),
        ("crt /x.pem ssl-max-ver TLSv1.1", "ssl-max-ver TLSv1.1: no field: TLSv1.2 is the least"),
        ("crt /x.pem ssl-min-ver TLSv9", "ssl-min-ver TLSv9: there is no such version of TLS"),
        ("crt /x.pem alpn h3", "alpn h3: no field: HTTP/2 and HTTP/1.1 are offered"),
        ("crt /x.pem allow-0rtt", "allow-0rtt: no field"),
    ],
)
def test_what_is_lost(options: str, reason: str) -> None:
    bind = f"bind :443 ssl {options}".rstrip()
    assert lost(of_haproxy(_text(options)))[0] == f"haproxy.cfg:5: {bind}: {reason}"


@pytest.mark.parametrize(
    ("options", "of_all", "version", "note"),
    [
        ("", "", None, ""),
        ("ssl-min-ver TLSv1.2", "", None, ""),
        ("ssl-min-ver TLSv1.3", "", "TLSv1.3", ""),
        ("ssl-min-ver TLSv1.0", "", None, "ssl-min-ver TLSv1.0: TLSv1.2 is the least"),
        ("no-sslv3 no-tlsv10 no-tlsv11", "", None, ""),
        ("no-tlsv12", "", "TLSv1.3", ""),
        ("no-tlsv13", "", None, "no-tlsv13: TLSv1.3 is offered as well"),
        ("force-tlsv13", "", "TLSv1.3", ""),
        ("force-tlsv12", "", None, "force-tlsv12: TLSv1.3 is offered as well"),
        ("ssl-max-ver TLSv1.2", "", None, "ssl-max-ver TLSv1.2: TLSv1.3 is offered as well"),
        ("", "ssl-min-ver TLSv1.3", "TLSv1.3", ""),
        ("", "no-sslv3 no-tlsv10 no-tls-tickets", None, ""),
        ("ssl-min-ver TLSv1.2", "ssl-min-ver TLSv1.3", None, ""),
        ("alpn h2,http/1.1", "", None, ""),
        ("alpn http/1.1", "", None, "alpn http/1.1: HTTP/2 is offered as well"),
        ("ciphers ECDHE+AES", "", None, "ciphers ECDHE+AES: the operator decides the ciphers: HAProxy's own defaults"),
        ("verify none ca-file /ca.pem", "", None, ""),
    ],
)
def test_versions_ciphers_and_protocols(options: str, of_all: str, version: str | None, note: str) -> None:
    options_of_all = f"    ssl-default-bind-options {of_all}\n" if of_all else ""
    assert _tls(f"crt /x.pem {options}", options_of_all=options_of_all).get("minVersion") == version
    found = lines(of_haproxy(_text(f"crt /x.pem {options}", options_of_all=options_of_all)))
    others = [each for each in found if "make a Secret" not in each and "X-Forwarded-Proto" not in each]
    assert [each.endswith(note) for each in others] == ([True] if note else [])


def test_mode_tcp_ends_tls_too_and_offers_no_protocol() -> None:
    assert _tls("crt /x.pem", mode="tcp") == {"secretNames": ["x"]}
    assert lost(of_haproxy(_text("crt /x.pem alpn h2", mode="tcp"))) == [
        "haproxy.cfg:5: bind :443 ssl crt /x.pem alpn h2: alpn h2: no field: in mode TCP no protocol is offered"
    ]


def test_each_port_has_its_own_certificates_and_all_addresses_of_it_the_same() -> None:
    imported = of_haproxy(_text("crt /a.pem", more="\n    bind :::443 ssl crt /a.pem\n    bind :444 ssl crt /b.pem"))
    assert [(each["port"], each["tls"]) for each in listeners(imported)] == [
        (443, {"secretNames": ["a"]}),
        (444, {"secretNames": ["b"]}),
    ]
    assert lost(imported) == []
    assert lost(of_haproxy(_text("crt /a.pem", more="\n    bind :::443 ssl crt /b.pem"))) == [
        "haproxy.cfg:6: bind :::443 ssl crt /b.pem: no field: all addresses of a port have the same certificates and versions of TLS"
    ]


@pytest.mark.parametrize("rule", ["https", "https if { ssl_fc }", "%[ssl_fc,iif(https,http)]"])
def test_a_listener_with_tls_says_so_to_the_servers_by_itself(rule: str) -> None:
    rule = f"\n    http-request set-header X-Forwarded-Proto {rule}"
    imported = of_haproxy(_text("crt /x.pem").replace("mode http", f"mode http{rule}"))
    assert "headers" not in listeners(imported)[0]
    assert [each for each in lines(imported) if "make a Secret" not in each] == []
    assert FORWARDED in lines(of_haproxy(_text("crt /x.pem")))
