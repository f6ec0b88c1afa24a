"""Encoding and decoding of policy rules and routes. tests/dataplane/test_forwarding.py has a kernel."""

import pytest

from hacluster.agent.system.routing import (
    LocalRoute,
    PolicyRule,
    encode_route,
    encode_rule,
    parse_route,
    parse_rule,
    routes_of,
    rules_of,
)

TABLE = 0x4000_1234
RULES = [
    (4, PolicyRule("172.16.7.200", "ens3", 6, 5151, TABLE)),
    (6, PolicyRule("2001:db8::200", "ens3", 6, 5151, TABLE)),
    (4, PolicyRule("", "", 0, 32766, 254)),
]


@pytest.mark.parametrize(("version", "rule"), RULES)
def test_a_rule_is_decoded_as_it_was_encoded(version: int, rule: PolicyRule) -> None:
    assert parse_rule(encode_rule(rule, version)) == rule


@pytest.mark.parametrize(("version", "address"), [(4, "172.16.7.200"), (6, "2001:db8::200")])
def test_a_route_is_decoded_as_it_was_encoded(version: int, address: str) -> None:
    route = LocalRoute(address, TABLE)
    assert parse_route(encode_route(route, version, loopback=1)) == route


def test_only_what_is_of_the_table_is_listed() -> None:
    dump = tuple(encode_rule(rule, version) for version, rule in RULES)
    assert rules_of(dump, TABLE) == [RULES[0][1], RULES[1][1]]
    routes = tuple(encode_route(LocalRoute("172.16.7.200", table), 4, loopback=1) for table in (TABLE, 254))
    assert routes_of(routes, TABLE) == [LocalRoute("172.16.7.200", TABLE)]


def test_incomplete_messages_are_left_out() -> None:
    assert parse_rule(b"\2\0") is None and parse_route(b"") is None


def test_a_rule_for_a_network_is_not_taken_for_one_of_a_host() -> None:
    network = bytearray(encode_rule(RULES[0][1], 4))
    network[1] = 24
    rule = parse_rule(bytes(network))
    assert rule is not None and rule.destination == ""
