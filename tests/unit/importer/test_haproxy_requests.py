"""Headers, X-Forwarded-For, and who is admitted."""

from typing import Any

import pytest

from tests.unit.importer.helpers import BACKENDS, front, listeners, lost, of_haproxy


@pytest.mark.parametrize(
    ("rules", "mode"),
    [
        ("", "None"),
        ("option forwardfor", "Append"),
        ("option forwardfor except 127.0.0.0/8", "Append"),
        ("option forwardfor header X-Forwarded-For", "Append"),
        ("http-request set-header X-Forwarded-For %[src]", "Replace"),
        ("http-request add-header X-Forwarded-For %[src]", "Append"),
        ("http-request del-header X-Forwarded-For\noption forwardfor", "Replace"),
    ],
)
def test_x_forwarded_for(rules: str, mode: str) -> None:
    imported = of_haproxy(front(rules))
    assert listeners(imported)[0].get("forwardFor", {"mode": "Replace"}) == {"mode": mode}
    assert lost(imported) == []


def test_the_option_in_frontend_and_backend_adds_once() -> None:
    more = BACKENDS.replace("backend web\n", "backend web\n    option forwardfor\n")
    assert listeners(of_haproxy(front("option forwardfor", more=more)))[0]["forwardFor"] == {"mode": "Append"}


@pytest.mark.parametrize(
    "rule",
    [
        "option forwardfor except 10.0.0.0/8",
        "option forwardfor header X-Client",
        "option forwardfor if-none",
        "http-request del-header X-Forwarded-For",
        "http-request set-header X-Forwarded-For %[req.hdr(X-Client)]",
    ],
)
def test_other_forms_of_x_forwarded_for_are_lost(rule: str) -> None:
    assert len(lost(of_haproxy(front(rule)))) == 1


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("http-request set-header X-Real-IP %[src]", {"request": {"set": {"X-Real-IP": "{clientAddress}"}}}),
        ("http-request set-header X-Port %[dst_port]", {"request": {"set": {"X-Port": "{port}"}}}),
        ("http-request set-header X-Host %[req.hdr(host)]", {"request": {"set": {"X-Host": "{host}"}}}),
        ('http-request set-header X-A "a b 100%%"', {"request": {"set": {"X-A": "a b 100%"}}}),
        ("http-request set-header X-Proto https if { ssl_fc }", None),
        ("http-request set-header X-Proto http if !{ ssl_fc }", {"request": {"set": {"X-Proto": "http"}}}),
        ("http-request set-header X-A b\nhttp-request del-header x-a", {"request": {"remove": ["x-a"]}}),
        ("http-request del-header x-a\nhttp-request set-header X-A b", {"request": {"set": {"X-A": "b"}}}),
        (
            "http-response set-header X-A b\nhttp-response del-header Server",
            {"response": {"set": {"X-A": "b"}, "remove": ["Server"]}},
        ),
        ("http-response add-header X-A b", {"response": {"set": {"X-A": "b"}}}),
    ],
)
def test_headers(rule: str, expected: Any) -> None:
    imported = of_haproxy(front(rule))
    assert listeners(imported)[0].get("headers") == expected
    assert lost(imported) == []


@pytest.mark.parametrize(
    "rule",
    [
        "http-request set-header X-A %[rand]",
        "http-request set-header X-A a{b}",
        "http-request set-header Connection close",
        "http-request set-header X-A b if { path_beg /x }",
        "http-request set-header X-Auth-Token abc",
        "http-request replace-header X-A a b",
        "http-request auth realm x",
        "http-request redirect scheme https if { hdr(x) -m found }",
        "http-request deny",
        "http-request deny if { path_beg /admin }",
        "tcp-request content accept if { req_ssl_hello_type 1 }",
        "reqadd X-A:\\ b",
    ],
)
def test_rules_without_a_field_are_lost(rule: str) -> None:
    assert len(lost(of_haproxy(front(rule)))) == 1


@pytest.mark.parametrize(
    "rules",
    [
        "acl in src 10.0.0.0/8 192.168.1.1\nhttp-request deny if !in",
        "acl in src 10.0.0.0/8 192.168.1.1\nhttp-request deny deny_status 403 unless in",
        "tcp-request connection reject if !{ src 10.0.0.0/8 192.168.1.1 }",
        "acl a src 10.0.0.0/8\nacl b src 192.168.1.1\ntcp-request connection reject if !a !b",
        "acl a src 10.0.0.0/8\nacl b src 192.168.1.1\ntcp-request content reject unless a or b",
        "tcp-request connection accept if { src 10.0.0.0/8 192.168.1.1 }\ntcp-request connection reject",
        "tcp-request session reject unless { src 10.0.0.0/8 192.168.1.1 }",
    ],
)
def test_who_is_admitted(rules: str) -> None:
    imported = of_haproxy(front(rules))
    assert listeners(imported)[0]["allowedSources"] == ["10.0.0.0/8", "192.168.1.1/32"]
    assert lost(imported) == []


def test_conditions_are_those_of_the_section_that_has_the_rule() -> None:
    more = BACKENDS.replace("backend web\n", "backend web\n    acl in src 192.168.0.0/16\n")
    assert listeners(of_haproxy(front("acl in src 10.0.0.0/8\nhttp-request deny if !in", more=more)))[0]["allowedSources"] == [
        "10.0.0.0/8"
    ]


def test_networks_of_both_families_are_admitted() -> None:
    rules = "acl a src 10.0.0.0/8\nacl b src 2001:db8::/32\nacl v4 src 0.0.0.0/0\ntcp-request connection reject unless a or !v4 b"
    assert listeners(of_haproxy(front(rules)))[0]["allowedSources"] == ["10.0.0.0/8", "2001:db8::/32"]


@pytest.mark.parametrize(
    ("network", "admitted"),
    [
        ("::/0", ["::/0", "0.0.0.0/0"]),
        ("2001:db8::/32 ::/64", ["2001:db8::/32", "::/64", "0.0.0.0/0"]),
        ("::ffff:10.0.0.0/104", ["10.0.0.0/8"]),
        ("::ffff:0:0/96", ["0.0.0.0/0"]),
        ("2001:db8::/32", ["2001:db8::/32"]),
    ],
)
def test_ipv4_clients_that_an_ipv6_network_admits_stay_admitted(network: str, admitted: list[str]) -> None:
    for rule in (f"http-request deny unless {{ src {network} }}", f"tcp-request connection reject if !{{ src {network} }}"):
        assert listeners(of_haproxy(front(rule)))[0]["allowedSources"] == admitted


def test_ipv4_clients_that_another_condition_refuses_stay_refused() -> None:
    rules = "acl all src ::/0\nacl v4 src 0.0.0.0/0\ntcp-request connection reject unless !v4 all"
    assert listeners(of_haproxy(front(rules)))[0]["allowedSources"] == ["::/0"]


@pytest.mark.parametrize(
    "rules",
    [
        "http-request deny if { src 10.0.0.0/8 }",
        "acl a src 10.0.0.0/8\nacl v4 src 0.0.0.0/0\nhttp-request deny unless a !v4",
        "http-request deny if !{ src -f /list }",
        "acl a src 10.0.0.0/8\ntcp-request connection reject if !a { dst_port 80 }",
        "http-request deny if !{ src 10.0.0.0/8 }\nhttp-request deny if !{ src 10.1.0.0/16 }",
    ],
)
def test_other_refusals_are_lost(rules: str) -> None:
    assert len(lost(of_haproxy(front(rules)))) == 1


def test_a_redirect_without_a_field_says_which_there_is() -> None:
    for rule in ("http-request redirect scheme https if { path_beg /x }", "redirect prefix https://other"):
        assert lost(of_haproxy(front(rule)))[0].endswith(
            "no field: only all requests of a plain port are redirected, to a listener with TLS (tls.redirectFromPort)"
        )
    assert lost(of_haproxy(front("http-request auth")))[0].endswith("http-request auth: no field")


def test_a_delay_without_a_rule_that_needs_it_has_no_effect() -> None:
    assert lost(of_haproxy(front("tcp-request inspect-delay 5s"))) == []


def test_ssl_fc_holds_on_addresses_with_tls_and_on_no_others() -> None:
    rules = "http-request set-header X-Proto https if { ssl_fc }\nhttp-request set-header X-Plain yes unless { ssl_fc }"
    imported = of_haproxy(front(rules, bind="bind :80\n    bind :443 ssl crt /x.pem"))
    assert [(each["name"], each["port"], each["headers"]["request"]["set"]) for each in listeners(imported)] == [
        ("f", 80, {"X-Plain": "yes"}),
        ("f-443", 443, {"X-Proto": "https"}),
    ]
    assert lost(imported) == []
