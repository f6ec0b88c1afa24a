"""`acl`, `use_backend` and `default_backend`: routes by host and path."""

from typing import Any

import pytest

from tests.unit.importer.helpers import BACKENDS, front, lines, listeners, lost, of_haproxy


def _routes(rules: str, more: str = BACKENDS) -> Any:
    imported = of_haproxy(front(rules, more=more))
    assert lost(imported) == []
    kept = ("hosts", "pathPrefix", "replacePrefix")
    return [{key: value for key, value in each.items() if key in kept} for each in listeners(imported)[0].get("routes", [])]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("acl h hdr(host) -i A.example b.example\nuse_backend api if h", [{"hosts": ["a.example", "b.example"]}]),
        ("acl h hdr(host) a.example:8080\nuse_backend api if h", [{"hosts": ["a.example"]}]),
        ("acl h req.hdr(Host),host_only,lower -m str a.example\nuse_backend api if h", [{"hosts": ["a.example"]}]),
        ("acl h hdr(host) a.example\nacl h hdr(host) b.example\nuse_backend api if h", [{"hosts": ["a.example", "b.example"]}]),
        ("acl h hdr_end(host) -i .a.example\nuse_backend api if h", [{"hosts": ["*.a.example"]}]),
        ("acl h hdr_dom(host) a.example\nuse_backend api if h", [{"hosts": ["a.example", "*.a.example"]}]),
        ("acl p path_beg /api/\nuse_backend api if p", [{"pathPrefix": "/api/"}]),
        ("acl p path -m beg /api/ /v2/\nuse_backend api if p", [{"pathPrefix": "/api/"}, {"pathPrefix": "/v2/"}]),
        ("acl p path /api\nacl p path_beg /api/\nuse_backend api if p", [{"pathPrefix": "/api"}]),
        ("acl h hdr(host) a\nacl p path_beg /x/\nuse_backend api if h p", [{"hosts": ["a"], "pathPrefix": "/x/"}]),
        ("acl h hdr(host) a\nacl p path_beg /x/\nuse_backend api if h or p", [{"hosts": ["a"]}, {"pathPrefix": "/x/"}]),
        ("acl h hdr(host) a\nacl p path_beg /x/\nuse_backend api if h || p", [{"hosts": ["a"]}, {"pathPrefix": "/x/"}]),
        ("use_backend api if { hdr(host) a } { path_beg /x/ }", [{"hosts": ["a"], "pathPrefix": "/x/"}]),
        ("use_backend api if { hdr(host) a } !{ ssl_fc }", [{"hosts": ["a"]}]),
        ("use_backend api if { ssl_fc }", []),
        ("use_backend api if { hdr(host) a } TRUE", [{"hosts": ["a"]}]),
    ],
)
def test_conditions_become_hosts_and_paths(rules: str, expected: Any) -> None:
    assert _routes(rules) == expected


def test_the_backend_of_a_route_is_used() -> None:
    assert lines(of_haproxy(front("use_backend api if { hdr(host) a }"))) == []


def test_a_route_is_named_after_its_backend_and_has_its_servers() -> None:
    listener = listeners(of_haproxy(front("use_backend api if { hdr(host) a }\nuse_backend api if { hdr(host) b }")))[0]
    assert [each["name"] for each in listener["routes"]] == ["api", "api-2"]
    assert listener["routes"][0]["backend"]["servers"][0]["address"] == "10.0.0.1"
    assert listener["backend"]["servers"][0]["address"] == "10.0.0.2"


def test_an_unconditional_use_backend_ends_the_rules() -> None:
    listener = listeners(of_haproxy(front("use_backend api\nuse_backend web if { hdr(host) a }")))[0]
    assert "routes" not in listener
    assert listener["backend"]["servers"][0]["address"] == "10.0.0.1"


def test_a_path_prefix_ends_where_a_part_of_the_path_ends() -> None:
    imported = of_haproxy(front("use_backend api if { path_beg /api }"))
    assert lines(imported)[0].endswith("/api and /api/… only: a pathPrefix ends where a part of the path ends")


@pytest.mark.parametrize(
    "condition",
    [
        "if { hdr(host) a } { hdr(host) b }",
        "if !{ hdr(host) a }",
        "unless { hdr(host) a }",
        "if { path /exact }",
        "if { hdr_beg(host) a }",
        "if { hdr_end(host) a.example }",
        "if { hdr(host) -f /etc/hosts.lst }",
        "if { src 10.0.0.0/8 }",
        "if { url_param(x) y }",
        "if nobody",
        "when { hdr(host) a }",
    ],
)
def test_a_condition_without_a_field_is_lost_with_its_rule(condition: str) -> None:
    imported = of_haproxy(front(f"use_backend api {condition}"))
    assert lines(imported) == [
        f"haproxy.cfg:5: use_backend api {condition}: no field for such a condition",
        "note: haproxy.cfg:8: backend api is left out: no listener sends requests to it",
    ]


def test_a_backend_that_depends_on_the_request_is_lost() -> None:
    assert lost(of_haproxy(front("use_backend %[req.hdr(host),lower]"))) == [
        "haproxy.cfg:5: use_backend %[req.hdr(host),lower]: there is no such backend, or its name depends on the request"
    ]


def test_a_frontend_without_a_default_gets_one_and_this_is_a_loss() -> None:
    text = front("use_backend api if { hdr(host) a }").replace("    default_backend web\n", "")
    imported = of_haproxy(text)
    assert lost(imported)[0].startswith("haproxy.cfg:1: frontend f has no default_backend: it answers 503")
    assert listeners(imported)[0]["backend"]["servers"][0]["address"] == "10.0.0.1"


@pytest.mark.parametrize(
    ("rule", "replaced"),
    [
        (r"http-request replace-path /api/(.*) /\1", "/"),
        (r"http-request replace-path ^/api(/.*)?$ /new\1", "/new"),
        (r"http-request replace-path /api(/)?(.*) /\2", "/"),
        (r"http-request set-path %[path,regsub(^/api/,/)]", "/"),
        (r"http-request set-path %[path,regsub(^/api,/v1)]", "/v1"),
    ],
)
def test_a_replaced_prefix(rule: str, replaced: str) -> None:
    more = BACKENDS.replace("backend api\n", f"backend api\n    {rule}\n")
    assert _routes("use_backend api if { path_beg /api/ }", more) == [{"pathPrefix": "/api/", "replacePrefix": replaced}]


@pytest.mark.parametrize(
    "rule",
    [
        r"http-request replace-path (a+)+$ /\1",
        r"http-request replace-path /other/(.*) /\1",
        "http-request set-path /fixed",
        r"http-request replace-path ( /\1",
    ],
)
def test_another_change_of_the_path_is_lost(rule: str) -> None:
    more = BACKENDS.replace("backend api\n", f"backend api\n    {rule}\n")
    assert lost(of_haproxy(front("use_backend api if { path_beg /api/ }", more=more)))[0].endswith(
        "no field for such a change of the path"
    )


def test_a_change_of_the_path_without_a_route_is_lost() -> None:
    assert len(lost(of_haproxy(front(r"http-request replace-path /a/(.*) /\1")))) == 1


def test_rules_of_some_requests_only_are_lost() -> None:
    rule = "    http-request set-header X-A b\n"
    route = "use_backend api if { hdr(host) a }"
    one = BACKENDS.replace("backend api\n", f"backend api\n{rule}    option forwardfor\n")
    assert [each.partition(": ")[2] for each in lost(of_haproxy(front(route, more=one)))] == [
        "backend api: option forwardfor: no field: a route's servers are in this like those of the listener",
        "http-request set-header X-A b: no field for rules of some requests only",
    ]
    other = BACKENDS.replace("backend web\n", f"backend web\n{rule}")
    assert len(lost(of_haproxy(front(route, more=other)))) == 1
    assert lost(of_haproxy(front("", more=other))) == []
    both = BACKENDS.replace("    mode http\n", f"    mode http\n{rule}    option forwardfor\n")
    imported = of_haproxy(front(route, more=both))
    assert lost(imported) == []
    assert listeners(imported)[0]["headers"] == {"request": {"set": {"X-A": "b"}}}


def test_rules_with_conditions_are_alike_where_the_conditions_are() -> None:
    rule = "    acl in src 10.0.0.0/8\n    http-request deny if !in\n"
    route = "use_backend api if { hdr(host) a }"
    alike = BACKENDS.replace("    mode http\n", f"    mode http\n{rule}")
    assert lost(of_haproxy(front(route, more=alike))) == []
    assert len(lost(of_haproxy(front(route, more=alike.replace("10.0.0.0/8", "10.1.0.0/16", 1))))) == 2


def test_what_a_route_has_of_its_own() -> None:
    more = BACKENDS.replace(
        "server a 10.0.0.1:80 check", "server a 10.0.0.1:80 check cookie a\n    cookie S insert indirect nocache"
    )
    more = more.replace("timeout server 50s", "balance source\n    option httpchk GET /x\n    timeout server 9m", 1)
    imported = of_haproxy(front("use_backend api if { hdr(host) a }", more=more))
    [route] = listeners(imported)[0]["routes"]
    assert (route["balance"], route["cookie"], route["timeouts"]) == ("Source", {"name": "S"}, {"server": "9m"})
    assert route["healthCheck"] == {"method": "GET", "path": "/x", "interval": "2s", "rise": 2}
    assert lost(imported) == []


def test_a_route_without_the_cookie_of_the_listener_is_a_loss() -> None:
    server = "server b 10.0.0.2:80 check"
    more = BACKENDS.replace(server, f"{server} cookie b maxconn 5\n    cookie S insert indirect nocache")
    more = more.replace("backend api\n", "backend api\n    option httpclose\n    retries 5\n")
    assert [each.partition(": ")[2] for each in lost(of_haproxy(front("use_backend api if { hdr(host) a }", more=more)))] == [
        "frontend f: retries: no field for different ones",
        "backend api sets no cookie: no field: a route has the listener's",
        "backend api: maxconn of its servers: no field: a route's servers are in this like those of the listener",
        "backend api: how connections are kept: no field: a route's servers are in this like those of the listener",
    ]
