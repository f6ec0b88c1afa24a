"""How sections of haproxy.cfg become listeners: frontends with their backends, `defaults`, limits."""

import pytest

from tests.unit.importer.helpers import LISTEN, ROUTER, lines, listeners, lost, of_haproxy, spec

FRONTEND = """
defaults
    mode http
    timeout client 50s
    timeout connect 5s
    timeout server 50s
frontend front
    bind :80
    default_backend back
backend back
    balance leastconn
    server a 10.0.0.1:8080 check
"""


def test_a_frontend_and_its_default_backend_are_one_listener() -> None:
    imported = of_haproxy(FRONTEND)
    [listener] = listeners(imported)
    assert (listener["name"], listener["port"], listener["balance"]) == ("front", 80, "LeastConnections")
    assert listener["backend"] == {"servers": [{"name": "a", "address": "10.0.0.1", "port": 8080}]}
    assert lost(imported) == []


def test_a_backend_of_two_frontends_is_copied() -> None:
    one, other = listeners(of_haproxy(FRONTEND + "frontend second\n    bind :81\n    default_backend back\n"))
    assert one["backend"] == other["backend"]
    assert (other["name"], other["port"]) == ("second", 81)


def test_a_backend_without_a_frontend_is_left_out_with_a_note() -> None:
    imported = of_haproxy(FRONTEND + "backend unused\n    strange thing\n    server x 10.0.0.9:1 check\n")
    assert lines(imported) == ["note: haproxy.cfg:13: backend unused is left out: no listener sends requests to it"]


def test_a_disabled_section_is_left_out_with_a_note() -> None:
    imported = of_haproxy(FRONTEND + "listen off\n    disabled\n    strange\n    bind :81\n    server x 10.0.0.9:1\n")
    assert lines(imported) == ["note: haproxy.cfg:13: listen off is disabled: left out"]
    assert len(listeners(imported)) == 1


def test_a_frontend_whose_backend_is_missing_is_lost() -> None:
    assert lost(of_haproxy(LISTEN + "frontend f\n    bind :81\n    default_backend nobody\n"))[0] == (
        "haproxy.cfg:11: frontend f: no field: it has no servers"
    )


def test_a_frontend_that_redirects_to_no_listener_says_so() -> None:
    assert lost(of_haproxy(LISTEN + "frontend f\n    bind :81\n    mode http\n    redirect scheme https\n")) == [
        "haproxy.cfg:14: redirect scheme https: no field: no listener in mode HTTP with TLS has port 443"
    ]


def test_the_last_defaults_before_a_section_count_and_named_ones_where_they_are_named() -> None:
    imported = of_haproxy("""
    defaults tcp
        mode tcp
        timeout client 1h
        balance source
    defaults http
        mode http
        timeout client 1m
        balance leastconn
    listen one
        bind :1
        server a 10.0.0.1:80 check
    listen two from tcp
        bind :2
        server a 10.0.0.1:80 check
    defaults last from tcp
        balance first
    listen three
        bind :3
        server a 10.0.0.1:80 check
    listen four
        bind :4
        balance roundrobin
        server a 10.0.0.1:80 check
    """)
    assert [(each.get("mode", "HTTP"), each.get("balance", "RoundRobin")) for each in listeners(imported)] == [
        ("HTTP", "LeastConnections"),
        ("TCP", "Source"),
        ("TCP", "First"),
        ("TCP", "RoundRobin"),
    ]
    assert lost(imported) == []


def test_defaults_that_are_missing_or_inherit_too_deeply_are_lost() -> None:
    assert lost(of_haproxy(LISTEN.replace("listen web", "listen web from nowhere"))) == [
        "haproxy.cfg:4: listen web from nowhere: there is no defaults section nowhere before it, or too many inherit from each other"
    ]
    chain = "defaults d0\n" + "".join(f"defaults d{number} from d{number - 1}\n" for number in range(1, 20))
    assert len(lost(of_haproxy(chain + LISTEN))) == 1


def test_defaults_that_nothing_uses_have_no_effect() -> None:
    assert lost(of_haproxy("defaults unused\n    strange thing\ndefaults\n    mode tcp\n" + LISTEN)) == []


def test_a_directive_of_used_defaults_that_no_field_says_is_lost() -> None:
    assert lost(of_haproxy(FRONTEND.replace("mode http", "mode http\n    strange thing"))) == [
        "haproxy.cfg:4: strange thing: no field"
    ]


def test_defaults_may_say_what_has_an_effect_on_the_other_side_only() -> None:
    imported = of_haproxy("""
    defaults clients
        mode http
        timeout client 1m
        timeout server 9m
        balance source
        option httpchk
        cookie S insert indirect nocache
    frontend f
        bind :80
        default_backend b
    defaults servers
        mode http
        timeout connect 1s
        timeout server 2m
        timeout client 7m
        maxconn 5
    backend b
        server a 10.0.0.1:80 check cookie a
    """)
    assert spec(imported)["haproxy"]["timeouts"]["server"] == "2m"
    assert "balance" not in listeners(imported)[0]
    assert lost(imported) == []


def test_several_files_are_read_as_one() -> None:
    from hacluster.importer import Texts, import_files

    files = [
        ("a.cfg", "defaults\n mode http\n option forwardfor\n"),
        ("b.cfg", "listen web\n bind :80\n server a 10.0.0.1:80 check\n strange\n"),
    ]
    imported = import_files(Texts(haproxy=files, keepalived=[("n", "k", ROUTER)]), "web")
    assert listeners(imported)[0]["forwardFor"] == {"mode": "Append"}
    assert lost(imported) == ["b.cfg:4: strange: no field"]


def test_a_directive_outside_of_sections_is_lost() -> None:
    assert lost(of_haproxy("strange thing\n" + LISTEN)) == ["haproxy.cfg:1: strange thing: it is in no section"]


def test_other_kinds_of_sections_are_lost() -> None:
    assert lost(of_haproxy(LISTEN + "peers p\n    peer a 10.0.0.1:1024\n")) == [
        "haproxy.cfg:11: peers p: no field",
        "haproxy.cfg:12: peer a 10.0.0.1:1024: no field",
    ]


def test_names_become_names_of_the_resource() -> None:
    text = LISTEN.replace("listen web", "listen web:x_") + LISTEN.replace("listen web", "listen web-x").replace(":80", ":81")
    assert [each["name"] for each in listeners(of_haproxy(text))] == ["web-x", "web-x-2"]


@pytest.mark.parametrize(
    ("front", "back", "mode"),
    [
        ("", "", "KeepAlive"),
        ("option http-server-close", "", "ServerClose"),
        ("option http-server-close", "option httpclose", "Close"),
        ("option httpclose", "option http-server-close", "Close"),
        ("option forceclose", "no option forceclose", "Close"),
        ("option http-server-close\n    no option http-server-close", "", "KeepAlive"),
        ("option httpclose\n    option http-keep-alive", "", "KeepAlive"),
    ],
)
def test_how_connections_are_kept(front: str, back: str, mode: str) -> None:
    text = FRONTEND.replace("bind :80", f"bind :80\n    {front}").replace("balance leastconn", back)
    assert listeners(of_haproxy(text))[0].get("connectionMode", "KeepAlive") == mode


def test_tunnels_are_read_request_by_request_now() -> None:
    assert lines(of_haproxy(LISTEN.replace("mode http", "mode http\n    option http-tunnel"))) == [
        "note: haproxy.cfg:7: option http-tunnel: connections are kept, and every request is read"
    ]


def test_limits_of_sections_and_defaults() -> None:
    text = (
        FRONTEND.replace("mode http", "mode http\n    maxconn 3000")
        + "listen own\n    bind :81\n    maxconn 50\n    server a 10.0.0.1:1\n"
    )
    haproxy = spec(of_haproxy(text))["haproxy"]
    assert haproxy["proxyMaxConnections"] == 3000
    assert [each.get("maxConnections") for each in haproxy["listeners"]] == [None, 50]


def test_a_limit_that_is_no_number_is_lost() -> None:
    assert lost(of_haproxy(LISTEN.replace("mode http", "mode http\n    maxconn many"))) == [
        "haproxy.cfg:7: maxconn many: must be a number from 1 to 1000000"
    ]


def test_without_a_limit_of_its_own_a_listener_has_the_global_one() -> None:
    assert spec(of_haproxy(LISTEN.replace("maxconn 4000", "maxconn 40000")))["haproxy"]["proxyMaxConnections"] == 40000


def test_retries_are_the_same_for_all_listeners() -> None:
    assert lost(of_haproxy(FRONTEND.replace("mode http", "mode http\n    retries never"))) == [
        "haproxy.cfg:4: retries never: must be a number from 0 to 100"
    ]
    text = FRONTEND.replace("mode http", "mode http\n    retries 2")
    assert spec(of_haproxy(text))["haproxy"]["retries"] == 2
    imported = of_haproxy(text + "listen own\n    bind :81\n    retries 5\n    server a 10.0.0.1:1\n")
    assert lost(imported) == ["haproxy.cfg:14: listen own: retries 5: no field: 2 for all"]
