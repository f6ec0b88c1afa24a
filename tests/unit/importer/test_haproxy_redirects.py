"""Plain ports that only redirect become `redirectFromPort` of the listener with TLS."""

from typing import Any

import pytest

from tests.unit.importer.helpers import BACKENDS, lines, listeners, lost, of_haproxy

SITE = """
frontend site
    bind :443 ssl crt /site.pem
    mode http
    timeout client 1m
    http-request set-header X-Forwarded-Proto https
    default_backend web
"""
NO_FIELD = "no field: only all requests of a plain port are redirected, to a listener with TLS (tls.redirectFromPort)"


def _plain(rules: str, bind: str = "bind :80") -> str:
    body = "".join(f"    {each.strip()}\n" for each in rules.splitlines())
    return f"frontend plain\n    {bind}\n    mode http\n{body}"


def _imported(plain: str, site: str = SITE, more: str = BACKENDS) -> Any:
    return of_haproxy(site + plain + more)


def _others(imported: Any) -> list[str]:
    return [each for each in lines(imported) if "make a Secret" not in each and "is left out" not in each]


@pytest.mark.parametrize(
    "rules",
    [
        "redirect scheme https code 308",
        "redirect scheme https code 308 if !{ ssl_fc }",
        "http-request redirect scheme https code 308",
        "http-request redirect scheme https code 308 unless { ssl_fc }",
        "acl tls ssl_fc\nhttp-request redirect scheme https code 308 if !tls",
        "http-request redirect location https://%[hdr(host)]%[capture.req.uri] code 308",
        "http-request redirect code 308 location https://%[req.hdr(host),host_only]%[pathq]",
        "http-request redirect prefix https://%[req.hdr(host)] code 308",
        "http-request set-header X-A b\nredirect scheme https code 308\nuse_backend api if { path_beg /x }\ndefault_backend web",
        "option forwardfor\nredirect scheme https code 308\ndefault_backend web",
    ],
)
def test_a_section_that_only_redirects(rules: str) -> None:
    imported = _imported(_plain(rules))
    assert _others(imported) == []
    [listener] = listeners(imported)
    assert (listener["name"], listener["port"]) == ("site", 443)
    assert listener["tls"] == {"secretNames": ["site"], "redirectFromPort": 80}


@pytest.mark.parametrize(("option", "code"), [("", "302"), (" code 301", "301"), (" code 307", "307")])
def test_another_code_is_a_note(option: str, code: str) -> None:
    rule = f"redirect scheme https{option}"
    assert _others(_imported(_plain(rule))) == [
        f"note: haproxy.cfg:11: {rule}: code 308 instead of {code}: browsers remember it, and repeat a request with its method"
    ]


def test_a_section_with_both_ports_redirects_from_the_plain_one() -> None:
    for rule in (
        "redirect scheme https code 308 if !{ ssl_fc }",
        "http-request redirect scheme https code 308 unless { ssl_fc }",
    ):
        site = SITE.replace("bind :443", "bind :80\n    bind :443").replace("mode http", f"mode http\n    {rule}")
        imported = _imported("", site)
        assert _others(imported) == []
        [listener] = listeners(imported)
        assert (listener["name"], listener["port"], listener["tls"]["redirectFromPort"]) == ("site", 443, 80)


def test_the_redirect_may_be_in_the_backend_of_both() -> None:
    more = BACKENDS.replace(
        "backend web\n    mode http\n", "backend web\n    mode http\n    redirect scheme https if !{ ssl_fc }\n"
    )
    imported = _imported(_plain("default_backend web"), more=more)
    assert lost(imported) == []
    assert [(each["port"], each["tls"]["redirectFromPort"]) for each in listeners(imported)] == [(443, 80)]


def test_the_port_in_the_location_is_that_of_the_listener() -> None:
    plain = _plain("http-request redirect location https://%[req.hdr(host),host_only]:8443%[pathq] code 308")
    imported = _imported(plain, SITE.replace(":443", ":8443"))
    assert listeners(imported)[0]["tls"]["redirectFromPort"] == 80
    assert lost(_imported(plain)) == [
        "haproxy.cfg:11: http-request redirect location https://%[req.hdr(host),host_only]:8443%[pathq] code 308: "
        "no field: no listener in mode HTTP with TLS has port 8443"
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "redirect scheme https if { hdr(host) a.example }",
        "redirect scheme https if !{ path_beg /.well-known/acme-challenge }",
        "redirect prefix https://www.example.com",
        "redirect location https://www.example.com/",
        "redirect scheme https drop-query",
        "redirect scheme http",
    ],
)
def test_a_redirect_of_some_requests_or_to_elsewhere_is_lost(rule: str) -> None:
    imported = _imported(_plain(f"{rule}\ndefault_backend web"))
    assert [each.rpartition(f"{rule}: ")[2] for each in lost(imported)] == [NO_FIELD]
    assert "redirectFromPort" not in str(listeners(imported))


def test_what_comes_before_the_redirect_is_lost() -> None:
    rule = "http-request return status 200 if { path_beg /.well-known }"
    assert lost(_imported(_plain(f"{rule}\nredirect scheme https"))) == [
        f"haproxy.cfg:11: {rule}: no field: all requests of the port are redirected"
    ]


@pytest.mark.parametrize(
    ("bind", "site"),
    [
        ("bind 10.0.0.100:80", SITE),
        ("bind :80 accept-proxy", SITE),
        ("bind :80\n    http-request deny if !{ src 10.0.0.0/8 }", SITE),
        ("bind :80", SITE.replace("mode http", "mode http\n    http-request deny if !{ src 10.0.0.0/8 }")),
    ],
)
def test_a_redirect_is_like_its_listener(bind: str, site: str) -> None:
    [finding] = lost(_imported(_plain("redirect scheme https", bind), site))
    assert finding.endswith(
        "port 80: no field: a redirect has the addresses, sources and PROXY protocol of its listener with TLS"
    )


def test_a_redirect_admits_whom_its_listener_admits() -> None:
    deny = "mode http\n    http-request deny if !{ src 10.0.0.0/8 }"
    imported = _imported(_plain("redirect scheme https").replace("mode http", deny), SITE.replace("mode http", deny))
    assert lost(imported) == []
    assert listeners(imported)[0]["allowedSources"] == ["10.0.0.0/8"]


def test_one_port_is_redirected() -> None:
    assert lost(_imported(_plain("redirect scheme https", "bind :80,:81"))) == [
        "haproxy.cfg:11: redirect scheme https: port 81: no field for a second port that is redirected"
    ]


def test_a_listener_in_mode_tcp_takes_no_redirect() -> None:
    site = SITE.replace("    http-request set-header X-Forwarded-Proto https\n", "").replace("mode http", "mode tcp")
    [finding] = lost(_imported(_plain("redirect scheme https"), site, BACKENDS.replace("mode http", "mode tcp")))
    assert finding.endswith("no field: no listener in mode HTTP with TLS has port 443")


def test_limits_of_a_redirect_are_those_of_all_listeners() -> None:
    imported = _imported(_plain("timeout client 1s\nmaxconn 10\nredirect scheme https code 308"))
    assert [each.rpartition(": ")[2] for each in _others(imported)] == [
        "a redirect has the timeouts and limits of all listeners"
    ] * 2
