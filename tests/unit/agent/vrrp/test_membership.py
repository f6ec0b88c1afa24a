"""Who counts as a member of a virtual router, and what a member advertises differently."""

from dataclasses import replace

import pytest

from hacluster.agent.vrrp.membership import differences, is_member, watched_routers
from hacluster.nodeconfig import Router
from tests.unit.agent.vrrp.routers import KEY, MEMBER, ROUTER, agent_config


@pytest.mark.parametrize(
    ("source", "neighbours", "addresses", "member"),
    [
        ("10.0.0.2", ("10.0.0.2",), ("10.0.0.250",), True),
        ("10.0.0.9", ("10.0.0.2",), ("10.0.0.200",), False),
        ("10.0.0.9", (), ("10.0.0.200",), True),
        ("10.0.0.9", (), ("10.0.0.250",), False),
        ("10.0.0.9", (), (), False),
        ("fe80::9", ("2001:db8::2",), ("10.0.0.200",), True),
        ("fe80::9", ("2001:db8::2",), ("10.0.0.250",), False),
        ("2001:db8::9", ("2001:db8::2",), ("10.0.0.200",), False),
    ],
)
def test_neighbours_are_members_or_without_neighbours_those_that_share_a_virtual_ip(
    source: str, neighbours: tuple[str, ...], addresses: tuple[str, ...], member: bool
) -> None:
    router = ROUTER.model_copy(update={"neighbours": neighbours})
    watched = watched_routers(agent_config(router), None)[KEY]
    assert is_member(watched, replace(MEMBER, source=source, addresses=addresses)) is member


@pytest.mark.parametrize(
    ("router", "advertised", "words"),
    [
        (ROUTER, {"version": 2, "interval_ms": 1000}, ["version 2 (here 3)"]),
        (ROUTER, {"interval_ms": 1000}, []),
        (ROUTER, {"priority": 255}, []),
        (ROUTER, {"addresses": ("10.0.0.200",)}, ["10.0.0.200 (here 10.0.0.200, 10.0.0.201)"]),
        (ROUTER, {"addresses": ()}, ["nothing (here 10.0.0.200, 10.0.0.201)"]),
        (
            ROUTER.model_copy(update={"version": 2, "advertisement_interval_ms": 1000}),
            {"version": 2, "interval_ms": 2000},
            ["2000 ms (here 1000 ms)"],
        ),
    ],
)
def test_version_addresses_and_in_version_2_the_interval_must_be_those_of_the_configuration(
    router: Router, advertised: dict[str, object], words: list[str]
) -> None:
    found = differences(router, replace(MEMBER, **advertised))  # type: ignore[arg-type]
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))


def test_ipv4_and_ipv6_routers_may_have_the_same_virtual_router_id() -> None:
    ipv6 = ROUTER.model_copy(update={"name": "VI_6", "virtual_ips": ("2001:db8::10/64",)})
    assert set(watched_routers(agent_config(ROUTER, ipv6), None)) == {KEY, ("eth0", 51, 6)}
