"""What listeners do with requests: routes, headers, sources, and clients of HTTP/2 and WebSockets, with the real HAProxy."""

from typing import Any

import pytest

from tests.daemons.plan.listeners import config, listener, run, servers

pytestmark = pytest.mark.daemons

B = {"backend": servers(9002)}
ROUTES = [
    {"hosts": ["api.example", "*.sub.example"], "pathPrefix": "/v1.0", "replacePrefix": "/", **B},
    {"pathPrefix": "/files/", "replacePrefix": "/pub%20lic", **B},
    {"pathPrefix": "/from", "replacePrefix": "/to", "cookie": {"name": "C"}, **B},
    {"hosts": ["b.example"], **B},
]
CASES = {
    # Host and path → the server, and the path that it sees.
    ("api.example", "/v1.0"): ("b", "/"),
    ("API.example:80", "/v1.0/x?q=1"): ("b", "/x?q=1"),
    ("deep.er.sub.example", "/v1.0/"): ("b", "/"),
    ("sub.example", "/v1.0/x"): ("a", "/v1.0/x"),
    ("api.example", "/v1x0/x"): ("a", "/v1x0/x"),
    ("api.example", "/v1.0x"): ("a", "/v1.0x"),
    ("other.example", "/v1.0/x"): ("a", "/v1.0/x"),
    ("other.example", "/files/a/b"): ("b", "/pub%20lic/a/b"),
    ("other.example", "/files"): ("a", "/files"),
    ("other.example", "/from"): ("b", "/to"),
    ("other.example", "/from/from/x"): ("b", "/to/from/x"),
    ("b.example", "/any"): ("b", "/any"),
    ("xb.example", "/any"): ("a", "/any"),
}
HEADERS = {
    "request": {
        "set": {"X-Real-IP": "{clientAddress}", "X-All": "{scheme}://{host}:{port}/ 100% 'x' \"y\" \\z $HOME %[src]"},
        "remove": ["X-Debug"],
    },
    "response": {"set": {"X-Url": "{scheme}://{host}/", "X-From": "{clientAddress}"}, "remove": ["X-Powered-By"]},
}
SOURCES = ["127.0.0.2/32", "::/0"]


def seen(answer: dict[str, Any], name: str) -> list[str]:
    """The values of a header as the server got them."""
    return [value for key, value in answer["seen"]["headers"] if key.lower() == name]


@pytest.fixture(scope="module")
def results(node_image: str, tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    plain = config(listener("web", 80))
    asked = [["http", 80, path, {"Host": host}] for host, path in CASES]
    debug = ["http", 80, "/", {"Host": "shop.example", "X-Real-IP": "6.6.6.6", "X-Debug": "1"}]
    from_each = [["http", 80, "/", {}, f"127.0.0.{number}"] for number in (1, 2)]
    http2 = ["curl", "--http2-prior-knowledge", "-w", "%{http_version}", "-o", "/dev/null", "http://127.0.0.1/"]
    return run(
        node_image,
        tmp_path_factory.mktemp("requests"),
        (config(listener("web", 80, routes=ROUTES)), [["servers", {"web:1/s9002": "UP"}], *asked]),
        (plain, [*asked[:1], debug, *from_each, http2, ["websocket", 80, 0.1]]),
        (config(listener("web", 80, headers=HEADERS)), [debug]),
        (config(listener("web", 80, allowedSources=SOURCES)), from_each),
        (config(listener("web", 80, mode="TCP", allowedSources=SOURCES)), from_each),
        (plain, [debug, *from_each]),
    )


def test_routes_are_chosen_by_host_and_whole_parts_of_the_path(results: list[list[Any]]) -> None:
    found = [(each["seen"]["server"], each["seen"]["path"]) for each in results[0][1:]]
    assert dict(zip(CASES, found, strict=True)) == CASES


def test_a_route_has_a_cookie_of_its_own(results: list[list[Any]]) -> None:
    cookies = {path: each["headers"].get("set-cookie", "") for (_, path), each in zip(CASES, results[0][1:], strict=True)}
    assert {path for path, cookie in cookies.items() if cookie.startswith("C=s9002")} == {"/from", "/from/from/x"}


def test_routes_end_when_they_are_removed(results: list[list[Any]]) -> None:
    assert results[1][0]["seen"]["server"] == "a" and results[1][0]["seen"]["path"] == "/v1.0"


def test_headers_are_set_with_what_placeholders_stand_for_and_removed(results: list[list[Any]]) -> None:
    (answer,) = results[2]
    assert seen(answer, "x-real-ip") == ["127.0.0.1"] and seen(answer, "x-debug") == []
    assert seen(answer, "x-all") == ["http://shop.example:80/ 100% 'x' \"y\" \\z $HOME %[src]"]
    assert answer["headers"]["x-url"] == "http://shop.example/" and answer["headers"]["x-from"] == "127.0.0.1"
    assert "x-powered-by" not in {name.lower() for name in answer["headers"]}


def test_headers_pass_unchanged_before_and_after(results: list[list[Any]]) -> None:
    for answer in (results[1][1], results[5][0]):
        assert seen(answer, "x-real-ip") == ["6.6.6.6"] and seen(answer, "x-debug") == ["1"]
        assert answer["headers"]["x-powered-by"] == "test" and "x-url" not in answer["headers"]


def test_other_sources_are_refused_in_both_modes(results: list[list[Any]]) -> None:
    def served(step: int) -> list[bool]:
        return [each is not None for each in results[step][-2:]]

    assert [served(3), served(4), served(5)] == [[False, True], [False, True], [True, True]]


def test_clients_of_http_2_and_websockets_are_served(results: list[list[Any]]) -> None:
    assert results[1][-2:] == ["2", "open"]
