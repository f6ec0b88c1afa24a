"""When foreign routers and members with a different configuration are reported. Times are seconds."""

from dataclasses import replace

import pytest

from hacluster.agent.vrrp.anomalies import Anomalies
from hacluster.agent.vrrp.authentication import as_sent
from hacluster.agent.vrrp.membership import watched_routers
from hacluster.agent.vrrp.packet import Advert
from tests.unit.agent.vrrp.routers import KEY, MEMBER, ROUTER, agent_config

FOREIGN = replace(MEMBER, source="10.0.0.99", addresses=("10.0.0.250",))


class Receiver:
    """A node that records the advertisements it receives."""

    def __init__(self) -> None:
        self.anomalies, self.routers = Anomalies(), watched_routers(agent_config(ROUTER), None)

    def receives(self, advert: Advert, *times: float) -> None:
        for time in times:
            self.anomalies.record(self.routers[KEY], advert, time)

    def reasons(self, now: float) -> list[str]:
        return [problem.reason for problem in self.anomalies.problems(self.routers, now)]

    def message(self, now: float) -> str:
        (problem,) = self.anomalies.problems(self.routers, now)
        return problem.message


def test_a_member_with_the_same_configuration_is_not_reported() -> None:
    node = Receiver()
    node.receives(MEMBER, *range(20))
    assert node.reasons(19) == []


def test_a_foreign_router_is_reported_when_it_lasts() -> None:
    node = Receiver()
    node.receives(FOREIGN, 10, 11, 11.9)
    assert node.reasons(13) == [], "the time from its first to its last advertisement counts, not the time since"
    node.receives(FOREIGN, 12)
    assert node.reasons(12) == ["ForeignRouter"]
    for word in ("10.0.0.99", "51", "eth0", "VI_1", "10.0.0.250", "priority 100", "virtualRouterID"):
        assert word in node.message(12)


def test_a_foreign_router_is_forgotten_when_it_stops() -> None:
    node = Receiver()
    node.receives(FOREIGN, 10, 12)
    assert node.reasons(16.9) == ["ForeignRouter"]
    assert node.reasons(17.1) == []
    node.receives(FOREIGN, 17.2)
    assert node.reasons(17.2) == [], "and has to last again"


def test_a_foreign_router_with_a_long_interval_is_remembered_for_longer() -> None:
    node = Receiver()
    node.receives(replace(FOREIGN, interval_ms=2000), 10, 12)
    assert node.reasons(31.9) == ["ForeignRouter"]
    assert node.reasons(32.1) == []


def test_a_foreign_router_that_comes_back_after_a_long_time_has_to_last_again() -> None:
    node = Receiver()
    node.receives(FOREIGN, 10, 20)
    assert node.reasons(20) == []


def test_a_node_that_joins_is_not_foreign() -> None:
    node = Receiver()
    node.receives(FOREIGN, 10, 12)
    joined = ROUTER.model_copy(update={"neighbours": (*ROUTER.neighbours, "10.0.0.99")})
    node.routers = watched_routers(agent_config(ROUTER), agent_config(joined))
    assert node.reasons(12) == []
    node.receives(replace(MEMBER, source="10.0.0.99"), 12.1)
    assert node.reasons(12.2) == []


def test_another_virtual_router_id_ends_the_problem() -> None:
    node = Receiver()
    node.receives(FOREIGN, 10, 12)
    node.routers = watched_routers(agent_config(ROUTER.model_copy(update={"virtual_router_id": 52})), None)
    assert node.reasons(12) == []


def test_the_number_of_recorded_senders_is_limited() -> None:
    node = Receiver()
    for each in range(200):
        node.receives(replace(FOREIGN, source=f"10.1.0.{each}"), 10, 12)
    assert len(node.reasons(12)) == 32


def test_a_member_that_stays_different_is_reported_with_both_values() -> None:
    node = Receiver()
    other = replace(MEMBER, addresses=("10.0.0.200", "10.0.0.202"))
    node.receives(other, 10, 12, 14.9)
    assert node.reasons(14.9) == [], "during a roll-out they differ for a moment"
    node.receives(other, 15)
    assert node.reasons(15) == ["AdvertMismatch"]
    for word in ("10.0.0.2 ", "VI_1", "10.0.0.200, 10.0.0.202 (here 10.0.0.200, 10.0.0.201)"):
        assert word in node.message(15)
    node.receives(MEMBER, 15.1)
    assert node.reasons(15.1) == []


def test_a_member_that_differs_only_now_and_then_is_not_reported() -> None:
    node = Receiver()
    other = replace(MEMBER, addresses=("10.0.0.200",))
    for at in range(10, 20, 2):
        node.receives(other, at)
        node.receives(MEMBER, at + 1)
    assert node.reasons(20) == []


def test_a_new_configuration_that_agrees_with_the_member_ends_a_mismatch() -> None:
    node = Receiver()
    node.receives(replace(MEMBER, addresses=("10.0.0.200",)), 10, 15)
    assert node.reasons(15) == ["AdvertMismatch"]
    node.routers = watched_routers(agent_config(ROUTER.model_copy(update={"virtual_ips": ("10.0.0.200/24",)})), None)
    assert node.reasons(15) == []


@pytest.mark.parametrize(
    ("own", "heard", "text"),
    [
        ("a7#", "z9%", "with another password"),
        ("", "z9%", "with a password (here none)"),
        ("a7#", "", "with no password (here one)"),
    ],
)
def test_a_member_with_another_password_is_reported_without_it(own: str, heard: str, text: str) -> None:
    old = ROUTER.model_copy(update={"version": 2, "advertisement_interval_ms": 1000})
    node = Receiver()
    node.routers = watched_routers(agent_config(old), None)
    member = replace(MEMBER, version=2, interval_ms=1000, authentication=as_sent(heard))
    node.receives(member, *range(6))
    assert node.reasons(6) == [], "what this node sends is not known"
    own_data = as_sent(own)
    node.anomalies.authentication = lambda _: own_data
    assert node.anomalies.has_other_password(node.routers[KEY], member)
    node.receives(member, *range(6, 12))
    assert node.reasons(12) == ["AdvertMismatch"] and text in node.message(12)
    assert not any(each in node.message(12) for each in (own, heard) if each)
    node.receives(replace(member, authentication=own_data), 13)
    assert node.reasons(13) == []
    assert not node.anomalies.has_other_password(node.routers[KEY], replace(member, version=3, authentication=b""))
