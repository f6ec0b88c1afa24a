"""`server … ssl`, and checks over TLS."""

from typing import Any

import pytest

from tests.unit.importer.helpers import LISTEN, lines, listeners, lost, of_haproxy


def _text(*servers: str, more: str = "", of_all: str = "") -> str:
    """A listener with these servers: what follows the address."""
    written = "".join(f"    server s{number} 10.0.0.{number}:443 {each}\n" for number, each in enumerate(servers, 1))
    text = LISTEN.replace("    server a 10.0.0.1:80 check\n", "".join(f"    {each}\n" for each in more.splitlines()) + written)
    return text.replace("    maxconn", f"{of_all}    maxconn")


def _listener(*servers: str, more: str = "", of_all: str = "") -> Any:
    imported = of_haproxy(_text(*servers, more=more, of_all=of_all))
    assert lost(imported) == []
    return listeners(imported)[0]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("ssl verify none", {"verify": "None"}),
        ("ssl verify none ca-file /ca.pem verifyhost x crl-file /c", {"verify": "None"}),
        ("ssl verify none sni str(a.example)", {"verify": "None", "serverName": "a.example"}),
        ("ssl verify required ca-file /etc/ours.pem", {"verify": "CA", "caSecretName": "ours"}),
        ("ssl ca-file /etc/ours.pem", {"verify": "CA", "caSecretName": "ours"}),
        ("ssl ca-file /etc/ca.crt", {"verify": "CA", "caSecretName": "web-ca"}),
        (
            "ssl verify required ca-file /o.pem sni str(a.example) verifyhost a.example",
            {"verify": "CA", "caSecretName": "o", "serverName": "a.example"},
        ),
        ("ssl verify required ca-file /o.pem verifyhost b", {"verify": "CA", "caSecretName": "o", "serverName": "b"}),
        ("ssl verify required ca-file @system-ca", {"verify": "CA", "caSecretName": "system-ca"}),
        ("ssl verify none alpn http/1.1 ssl-min-ver TLSv1.2", {"verify": "None"}),
    ],
)
def test_tls_with_servers(options: str, expected: Any) -> None:
    assert _listener(f"check {options}")["serverTLS"] == expected


def test_a_note_says_how_the_secret_is_made() -> None:
    server = "check ssl verify required ca-file ours.pem"
    assert lines(of_haproxy(_text(server, of_all="    ca-base /ca\n"))) == [
        f"note: haproxy.cfg:11: server s1 10.0.0.1:443 {server}: ca-file ours.pem: make a Secret of the authorities: "
        "kubectl create secret generic ours --from-file=ca.crt=/ca/ours.pem"
    ]
    [note] = lines(of_haproxy(_text("check ssl verify required ca-file @system-ca")))
    assert note.endswith("kubectl create secret generic system-ca --from-file=ca.crt=/etc/ssl/certs/ca-certificates.crt")


def test_one_file_is_one_secret_and_a_certificates_file_another_one() -> None:
    servers = "check ssl verify required ca-file /x.pem"
    text = _text(servers, servers) + _text(servers).replace("listen web", "listen other").replace(":80", ":81 ssl crt /x.pem")
    imported = of_haproxy(text)
    one, other = listeners(imported)
    assert one["serverTLS"]["caSecretName"] == other["serverTLS"]["caSecretName"] == "x"
    assert other["tls"]["secretNames"] == ["x-2"]


def test_whether_servers_are_verified_where_their_lines_do_not_say() -> None:
    assert _listener("check ssl", of_all="    ssl-server-verify none\n")["serverTLS"] == {"verify": "None"}
    assert [each.rpartition("check ssl: ")[2] for each in lost(of_haproxy(_text("check ssl")))] == [
        "ssl: certificates are verified, but by no ca-file: name one, or say verify none"
    ]
    assert listeners(of_haproxy(_text("check ssl")))[0]["serverTLS"] == {"verify": "CA", "caSecretName": "web-ca"}


def test_default_server_says_it_for_all_and_a_line_takes_it_back() -> None:
    assert _listener("check", "check", more="default-server ssl verify none")["serverTLS"] == {"verify": "None"}
    assert "serverTLS" not in _listener("check no-ssl", "check no-ssl", more="default-server ssl verify none")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("sni req.hdr(host)", "no field for a name that depends on the request; there is serverTLS.serverName"),
        ("sni ssl_fc_sni", "no field for a name that depends on the request; there is serverTLS.serverName"),
        ("sni str(10.0.0.1)", "no field: serverName is a host name"),
        ("crt /client.pem", "no field: HAProxy shows the servers no certificate of its own"),
        ("alpn h2", "alpn h2: no field"),
    ],
)
def test_what_is_lost(options: str, reason: str) -> None:
    [finding] = lost(of_haproxy(_text(f"check ssl verify none {options}")))
    assert finding.endswith(reason)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("verify required ca-file /certs/", "no field for a folder: name one file with all authorities, such as ca.pem"),
        ("verify required ca-file /x.pem crl-file /c", "crl-file /c: no field"),
        ("verify required ca-file /x.pem sni str(a) verifyhost b", "no field for a second name: requests ask for that of sni"),
    ],
)
def test_what_is_lost_where_certificates_are_verified(options: str, reason: str) -> None:
    [finding] = lost(of_haproxy(_text(f"check ssl {options}")))
    assert finding.endswith(reason)


@pytest.mark.parametrize("options", ["ciphers X", "ssl-min-ver TLSv1.0", "force-tlsv12"])
def test_ciphers_and_versions_are_the_operators(options: str) -> None:
    assert lines(of_haproxy(_text(f"check ssl verify none {options}"))) == [
        f"note: haproxy.cfg:10: server s1 10.0.0.1:443 check ssl verify none {options}: {options}: "
        "the operator decides it: HAProxy's own defaults, TLSv1.2 and later"
    ]


def test_servers_that_differ_are_named() -> None:
    [finding] = lost(of_haproxy(_text("check ssl verify none", "check")))
    assert finding == "haproxy.cfg:11: server s2 10.0.0.2:443 check: ssl: no field: the servers of a listener are alike in this"
    assert len(lost(of_haproxy(_text("check ssl verify none", "check ssl verify required ca-file /x.pem")))) == 1
    routed = "frontend f\n    bind :1\n    mode http\n    use_backend b if { path_beg /b/ }\n    default_backend a\n" + "".join(
        f"backend {name}\n    mode http\n    server s 10.0.0.1:1 check{tls}\n"
        for name, tls in (("a", ""), ("b", " ssl verify none"))
    )
    assert any("backend b: ssl of its servers: no field" in each for each in lost(of_haproxy(routed)))


CA = {"verify": "CA", "caSecretName": "o"}


@pytest.mark.parametrize(
    ("rules", "options", "expected"),
    [
        ("option httpchk", "ssl verify none", {}),
        ("option httpchk", "ssl verify none check-ssl", {}),
        ("option httpchk", "ssl verify none port 81", {"port": 81}),
        ("option httpchk", "ssl verify none check-ssl port 81", {"port": 81, "tls": {"verify": "None"}}),
        ("option httpchk", "ssl ca-file /o.pem check-ssl port 81", {"port": 81, "tls": CA}),
        ("option httpchk\nhttp-check connect port 81", "ssl verify none", {"port": 81}),
        ("option httpchk\nhttp-check connect default", "ssl verify none", {}),
        ("option httpchk\nhttp-check connect ssl", "ssl verify none", {}),
        ("option tcp-check", "ssl verify none", {"type": "TCP"}),
        ("option tcp-check", "ssl verify none check-ssl port 81", {"type": "TLS", "port": 81}),
        ("option httpchk", "check-ssl verify none", {"tls": {"verify": "None"}}),
        ("option httpchk", "check-ssl verify required ca-file /o.pem", {"tls": CA}),
        ("option httpchk\nhttp-check connect ssl", "verify required ca-file /o.pem", {"tls": CA}),
        ("option httpchk", "check-ssl ca-file /o.pem verifyhost a.b", {"tls": CA, "host": "a.b"}),
        ("option redis-check", "check-ssl ca-file /o.pem", {"type": "Exchange", "tls": CA}),
    ],
)
def test_checks_over_tls(rules: str, options: str, expected: Any) -> None:
    found = dict(_listener(f"check {options}", more=rules)["healthCheck"])
    assert {name: value for name, value in found.items() if name not in ("interval", "rise", "exchange")} == expected


@pytest.mark.parametrize(
    ("rules", "options", "reason"),
    [
        ("option httpchk\nhttp-check connect", "ssl verify none", "no field: with serverTLS, checks are over TLS"),
        ("", "check-ssl verify required ca-file /o.pem", "no field: a check of the handshake verifies no certificate"),
        ("option mysql-check", "check-ssl verify none", "check-ssl: no field for such a check over TLS"),
        (
            "option httpchk\nhttp-check send hdr Host a",
            "check-ssl ca-file /o.pem verifyhost b",
            "verifyhost b: no field for another name than that of the Host header",
        ),
        (
            "option httpchk\nhttp-check send hdr Host a",
            "ssl verify none check-sni b",
            "check-sni b: no field for another name than that of the Host header",
        ),
    ],
)
def test_checks_over_tls_that_are_lost(rules: str, options: str, reason: str) -> None:
    [finding] = lost(of_haproxy(_text(f"check {options}", more=rules)))
    assert finding.endswith(reason)


def test_a_check_asks_for_the_name_of_the_servers() -> None:
    assert "host" not in _listener("check ssl verify none sni str(a.b) check-sni a.b", more="option httpchk")["healthCheck"]


def test_a_name_that_a_certificate_needs_now_is_a_note() -> None:
    rules = "option httpchk\nhttp-check send hdr Host a.b"
    found = lines(of_haproxy(_text("check check-ssl ca-file /o.pem", more=rules)))
    assert "note: haproxy.cfg:4: the check of listen web: the certificate has to have the name a.b, too" in found


def test_a_server_that_is_not_checked_needs_no_tls_of_checks() -> None:
    assert lost(of_haproxy(_text("check check-ssl verify none", "", more="option httpchk"))) == []
    [finding] = lost(of_haproxy(_text("check check-ssl verify none", "check check-ssl ca-file /x.pem", more="option httpchk")))
    assert finding.endswith("verify: no field: the servers of a listener are alike in this")
