"""Every type of health check finds the servers that work, and those that do not, with the real HAProxy."""

from typing import Any

import pytest

from tests.daemons.plan.listeners import FAST, config, listener, run, servers

pytestmark = pytest.mark.daemons

HTTP = {"type": "HTTP", "path": "/healthz"}
PING = {"type": "Exchange", "exchange": [{"send": "PING\r\n", "expect": "+PONG"}]}
TLS = {"tls": {"verify": "None"}}
LISTENERS = [
    listener("primary", 5001, servers(9006), mode="TCP", healthCheck={**HTTP, "port": 9001}),
    listener("body", 5002, servers(9001, 9002), healthCheck={**HTTP, "method": "GET", "expectBody": '"server": "a"'}),
    listener(
        "https", 5003, servers(9003, 9001), mode="TCP", healthCheck={**HTTP, **TLS, "host": "test.example", "expectStatus": "200"}
    ),
    listener("tls", 5004, servers(9003, 9001), mode="TCP", healthCheck={"type": "TLS"}),
    listener("mysql", 5005, servers(9005), mode="TCP", healthCheck={"type": "MySQL", "user": "haproxy"}),
    listener("other-user", 5006, servers(9005), mode="TCP", healthCheck={"type": "MySQL", "user": "nobody"}),
    listener("greeting", 5007, servers(9005, 9004), mode="TCP", healthCheck={"type": "MySQL"}),
    listener("postgresql", 5011, servers(9007, 9004), mode="TCP", healthCheck={"type": "PostgreSQL", "user": "haproxy"}),
    listener("other-role", 5012, servers(9007), mode="TCP", healthCheck={"type": "PostgreSQL", "user": "haproxy-2"}),
    listener("redis", 5008, servers(9004, 9006), mode="TCP", healthCheck=PING),
    listener("connects", 5009, servers(9006, 9999), healthCheck={"type": "TCP"}),
    {"name": "unchecked", "port": 5010, "backend": servers(9999), "healthCheck": {"type": "None"}},
]
WORKING = {
    **{"primary/s9006": "UP", "body/s9001": "UP", "body/s9002": "DOWN", "https/s9003": "UP", "https/s9001": "DOWN"},
    **{"tls/s9003": "UP", "tls/s9001": "DOWN", "mysql/s9005": "UP", "other-user/s9005": "DOWN", "greeting/s9005": "UP"},
    **{"greeting/s9004": "DOWN", "redis/s9004": "UP", "redis/s9006": "DOWN", "connects/s9006": "UP", "connects/s9999": "DOWN"},
    **{"postgresql/s9007": "UP", "postgresql/s9004": "DOWN", "other-role/s9007": "DOWN", "unchecked/s9999": "no check"},
}
BROKEN = {
    "primary/s9006": "DOWN",
    "body/s9001": "DOWN",
    "mysql/s9005": "DOWN",
    "redis/s9004": "DOWN",
    "greeting/s9005": "UP",
    "postgresql/s9007": "DOWN",
}


OTHER_USERS = {"haproxy": "nobody", "nobody": "haproxy", "haproxy-2": "haproxy"}
WITH_OTHER_USERS = {
    **WORKING,
    **{"mysql/s9005": "DOWN", "other-user/s9005": "UP", "postgresql/s9007": "DOWN", "other-role/s9007": "UP"},
}


def with_another_user(each: dict[str, Any]) -> dict[str, Any]:
    check = each["healthCheck"]
    return {**each, "healthCheck": {**check, "user": OTHER_USERS[check["user"]]}} if "user" in check else each


def statuses(answer: dict[str, list[str]]) -> dict[str, str]:
    return {
        name: " ".join(status.split()[:2]) if status == "no check" else status.split()[0] for name, (status, *_) in answer.items()
    }


@pytest.fixture(scope="module")
def results(node_image: str, tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    whole = config(*LISTENERS)
    # The same servers with another type of check, and back: a server's state of the one says nothing about the other.
    others = config(*({**each, "mode": "TCP", "healthCheck": {"type": "TCP", **FAST}} for each in LISTENERS))
    connects = dict.fromkeys((name for name in WORKING if "9999" not in name), "UP")
    return run(
        node_image,
        tmp_path_factory.mktemp("checks"),
        (
            whole,
            [
                ["servers", WORKING],
                ["break", "a", "mysql", "redis", "postgresql"],
                ["servers", BROKEN],
                ["break"],
                ["servers", WORKING],
            ],
        ),
        (others, [["servers", connects]]),
        (whole, [["servers", WORKING]]),
        (config(*map(with_another_user, LISTENERS)), [["servers", WITH_OTHER_USERS]]),
        (whole, [["servers", WORKING]]),
    )


def test_each_type_tells_servers_that_work_from_those_that_do_not(results: list[list[Any]]) -> None:
    assert statuses(results[0][0]) == WORKING


def test_each_type_finds_a_server_that_breaks_and_one_that_recovers(results: list[list[Any]]) -> None:
    assert statuses(results[0][2]) == BROKEN
    assert statuses(results[0][4]) == WORKING


def test_a_type_can_be_changed_and_changed_back(results: list[list[Any]]) -> None:
    assert set(statuses(results[1][0]).values()) == {"UP"}
    assert statuses(results[2][0]) == WORKING


def test_the_user_can_be_changed_and_changed_back(results: list[list[Any]]) -> None:
    assert statuses(results[3][0]) == WITH_OTHER_USERS
    assert statuses(results[4][0]) == WORKING


def test_the_words_of_a_check_say_what_it_looked_at(results: list[list[Any]]) -> None:
    words = {name: check for name, (_, check) in results[0][0].items()}
    assert words["primary/s9006"] == "L7OK" and words["tls/s9003"] == "L6OK" and words["connects/s9006"] == "L4OK", words
