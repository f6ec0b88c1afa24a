"""A virtual IP that does not come to rest is named once, counted truly, and forgotten by itself."""

from datetime import timedelta
from itertools import cycle

import pytest

from hacluster.api.status import HAClusterStatus, Health
from tests.unit.plan.status.examples import VIP, Reports


def move(reports: Reports, after: float = 5.0) -> str:
    """The virtual IP goes from node1 to node2 or back; the new holder."""
    old, new = ("node1", "node2") if reports.status.virtual_ips[0].last_holder == "node1" else ("node2", "node1")
    reports.later(after)
    reports.says(old, holds=False)
    reports.says(new, holds=True)
    reports.report()
    return new


def flapping(moves: int = 4, every: float = 5.0) -> Reports:
    reports = Reports()
    reports.all_fit()
    reports.report()
    for _ in range(moves):
        move(reports, every)
    return reports


def test_three_moves_in_a_minute_are_a_rolling_upgrade() -> None:
    reports = flapping(3)
    assert reports.shows("Degraded")[0] == "False"
    assert reports.told() == ["HolderChanged"]


def test_the_fourth_move_in_a_minute_is_named_and_the_holder_stays_true() -> None:
    reports = flapping(3)
    holder = move(reports)
    assert reports.shows("Degraded") == ("True", "Flapping")
    assert reports.condition("Degraded").message.startswith(f"{VIP} moved 4 times within 60 s, last to {holder}")
    assert reports.told() == ["Flapping"]
    assert reports.status.vip_holder == holder
    assert reports.status.virtual_ips[0].transitions == 4
    assert reports.shows("Ready") == ("True", "Ready")  # it is served all the while
    holder = move(reports)
    assert reports.status.vip_holder == holder
    assert "moved 5 times" in reports.condition("Degraded").message
    assert reports.told() == []


def test_slow_moves_are_not_flapping() -> None:
    reports = flapping(10, every=20.1)  # three in any minute
    assert reports.shows("Degraded")[0] == "False"
    assert reports.told() == ["HolderChanged"]


def test_it_ends_by_itself_a_minute_after_the_last_move() -> None:
    reports = flapping()
    assert reports.last is not None
    reports.later(59)
    before = reports.status
    look = reports.report().look_again
    assert look == reports.now + timedelta(seconds=1)
    assert reports.status == before, "time alone changes nothing in between"
    reports.later(1)
    reports.report()
    assert reports.shows("Degraded")[0] == "False"
    assert reports.status.virtual_ips[0].flapping_since is None
    assert reports.told() == ["Settled"]
    assert reports.last.events[0].message == f"{VIP} has not moved for 60 s, it is on node1"
    reports.later(5)
    reports.report()
    assert reports.told() == []


def test_moves_now_and_then_do_not_end_it() -> None:
    reports = flapping()
    since = reports.status.virtual_ips[0].flapping_since
    for _ in range(5):
        move(reports, 45)  # fewer than four in a minute, but no rest either
        assert reports.shows("Degraded") == ("True", "Flapping")
        assert reports.told() == []
    assert reports.status.virtual_ips[0].flapping_since == since


def test_what_is_remembered_is_bounded() -> None:
    reports = flapping(40, every=1)
    assert len(reports.status.virtual_ips[0].recent_transitions) == 16
    assert "moved at least 16 times within 60 s" in reports.condition("Degraded").message


def test_it_survives_a_restart_of_the_operator() -> None:
    reports = flapping(3)
    read = HAClusterStatus.model_validate(reports.last.document() if reports.last else {})
    restarted = Reports(now=reports.now, status=read, nodes=dict(reports.nodes))
    move(restarted)
    assert restarted.shows("Degraded") == ("True", "Flapping")
    again = Reports(now=restarted.now, status=restarted.status, nodes=dict(restarted.nodes))
    again.report()
    assert again.told() == []
    again.later(60)
    again.report()
    assert again.told() == ["Settled"]


def test_other_troubles_are_told_when_it_is_over() -> None:
    reports = flapping()
    reports.says("node3", haproxy=Health.DOWN)
    reports.report()
    assert reports.shows("Degraded") == ("True", "Flapping")
    assert "node3: HAProxy does not answer" in reports.condition("Degraded").message
    assert reports.told() == []
    reports.later(60)
    reports.report()
    assert reports.shows("Degraded") == ("True", "HAProxyDown")
    assert reports.told() == ["Settled", "Degraded"]


def test_the_gap_at_each_move_is_no_news_but_a_lasting_one_is() -> None:
    reports = flapping()
    for name in cycle(("node1", "node2")):
        reports.says(name, holds=False, haproxy=Health.DOWN)
        if reports.report().status.vip_holder == "":
            break
    assert reports.shows("Ready") == ("False", "NoHolder")
    assert "NoHolder" not in reports.told()
    reports.later(60)
    reports.report()
    assert reports.told() == ["Settled", "Degraded", "NoHolder"]
    assert reports.last is not None and reports.last.events[0].message == f"{VIP} has not moved for 60 s, it has no holder"


@pytest.mark.parametrize("recent", [(), ("nonsense",), ("2026-01-01T11:00:00Z",), ("2027-01-01T12:00:00Z",)])
def test_whatever_stands_in_status_it_ends(recent: tuple[str, ...]) -> None:
    reports = flapping()
    vip = reports.status.virtual_ips[0].model_copy(update={"recent_transitions": recent})
    reports.status = reports.status.model_copy(update={"virtual_ips": (vip,)})
    reports.report()
    assert reports.shows("Degraded")[0] == "False"
