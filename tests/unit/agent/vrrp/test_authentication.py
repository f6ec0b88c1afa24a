"""The password below the operator's marker, and in packets."""

from ipaddress import IPv4Address

import pytest

from hacluster import names
from hacluster.agent.vrrp.authentication import LENGTH, as_sent, is_wanted, password_in, with_password
from hacluster.agent.vrrp.packet import Advert, build, parse_ipv4
from tests.unit.agent.vrrp.routers import ROUTER
from tests.unit.agent.vrrp.test_packet import ipv4

MARKED = f"vrrp_instance VI_1 {{\n    advert_int 1\n    {names.authentication_marker('vrrp', 'password')}\n    nopreempt\n}}\n"
OLD = ROUTER.model_copy(update={"version": 2, "advertisement_interval_ms": 1000})


def test_the_password_is_added_below_the_marker_and_found_again() -> None:
    text = with_password(MARKED, "a#b")
    assert is_wanted(MARKED) and not is_wanted("vrrp_instance VI_1 {\n}\n")
    assert text.splitlines()[2:8] == [
        MARKED.splitlines()[2],
        "    authentication {",
        "        auth_type PASS",
        '        auth_pass "a#b"',
        "    }",
        "    nopreempt",
    ]
    assert password_in(text) == "a#b" and password_in(MARKED) == ""
    assert with_password("no marker\n", "a#b") == "no marker\n"


def test_a_short_password_is_followed_by_zero_bytes() -> None:
    assert as_sent("a") == b"a" + bytes(LENGTH - 1) and as_sent("12345678") == b"12345678" and as_sent("") == b""


@pytest.mark.parametrize("password", ["", "z9", "12345678"])
def test_what_is_built_with_a_password_is_parsed_with_it(password: str) -> None:
    group = "224.0.0.18"
    found = parse_ipv4(ipv4(build(OLD, 0, IPv4Address("10.0.0.1"), IPv4Address(group), as_sent(password)), "10.0.0.1"), "eth0")
    assert found == Advert("10.0.0.1", 2, 51, 0, 1000, ("10.0.0.200", "10.0.0.201"), "eth0", authentication=as_sent(password))
    assert not password or password not in repr(found)


def test_version_3_has_none() -> None:
    message = build(ROUTER, 7, IPv4Address("10.0.0.1"), IPv4Address("224.0.0.18"), as_sent("x"))
    assert message == build(ROUTER, 7, IPv4Address("10.0.0.1"), IPv4Address("224.0.0.18"))
    found = parse_ipv4(ipv4(message, "10.0.0.1"), "eth0")
    assert found and found.authentication == b""


def test_a_packet_without_room_for_the_data_has_another_password() -> None:
    message = build(OLD, 7, IPv4Address("10.0.0.1"), IPv4Address("224.0.0.18"), as_sent("ab"))
    found = parse_ipv4(ipv4(message[:-6], "10.0.0.1"), "eth0")
    assert found is None or found.authentication != as_sent("ab")
