"""Flapping: when it begins and ends, and which Events it posts."""

from itertools import cycle

import pytest

from hacluster.api.status import HAClusterStatus, Health
from tests.unit.plan.status.examples import VIP, ReportSequence


def move(reports: ReportSequence, after: float = 5.0) -> str:
    """Moves the virtual IP from node1 to node2 or back. Returns the new holder."""
    old, new = ("node1", "node2") if reports.status.virtual_ips[0].last_holder == "node1" else ("node2", "node1")
    reports.advance(after)
    reports.node_reports(old, holds=False)
    reports.node_reports(new, holds=True)
    reports.report()
    return new


def flapping(moves: int = 4, every: float = 5.0) -> ReportSequence:
    reports = ReportSequence()
    reports.all_fit()
    reports.report()
    for _ in range(moves):
        move(reports, every)
    return reports


def test_three_moves_in_a_minute_are_not_flapping() -> None:
    reports = flapping(3)
    assert reports.condition_state("Degraded")[0] == "False"
    assert reports.event_reasons() == ["HolderChanged"]


def test_the_fourth_move_in_a_minute_is_flapping_and_the_holder_is_still_reported() -> None:
    reports = flapping(3)
    holder = move(reports)
    assert reports.condition_state("Degraded") == ("True", "Flapping")
    assert reports.condition("Degraded").message.startswith(f"{VIP} moved 4 times within 60 s, last to {holder}")
    assert reports.event_reasons() == ["Flapping"]
    assert reports.status.vip_holder == holder
    assert reports.status.virtual_ips[0].transitions == 4
    assert reports.condition_state("Ready") == ("True", "Ready")  # a flapping virtual IP is still served
    holder = move(reports)
    assert reports.status.vip_holder == holder
    assert "moved 5 times" in reports.condition("Degraded").message
    assert reports.event_reasons() == []


def test_slow_moves_are_not_flapping() -> None:
    reports = flapping(10, every=20.1)  # never more than three in a minute
    assert reports.condition_state("Degraded")[0] == "False"
    assert reports.event_reasons() == ["HolderChanged"]


def test_flapping_ends_a_minute_after_the_last_move() -> None:
    reports = flapping()
    assert reports.last is not None
    reports.advance(59)
    before = reports.status
    assert reports.report().recheck_in == 1
    assert reports.status == before, "time alone changes nothing before the minute is over"
    reports.advance(1)
    reports.report()
    assert reports.condition_state("Degraded")[0] == "False"
    assert reports.status.virtual_ips[0].flapping_since is None
    assert reports.event_reasons() == ["Settled"]
    assert reports.last.events[0].message == f"{VIP} has not moved for 60 s, it is on node1"
    reports.advance(5)
    reports.report()
    assert reports.event_reasons() == []


def test_a_move_within_a_minute_of_the_last_keeps_it_flapping() -> None:
    reports = flapping()
    since = reports.status.virtual_ips[0].flapping_since
    for _ in range(5):
        move(reports, 45)  # fewer than four in a minute, but no minute without a move
        assert reports.condition_state("Degraded") == ("True", "Flapping")
        assert reports.event_reasons() == []
    assert reports.status.virtual_ips[0].flapping_since == since


def test_the_number_of_recorded_moves_is_bounded() -> None:
    reports = flapping(40, every=1)
    assert len(reports.status.virtual_ips[0].recent_transitions) == 16
    assert "moved at least 16 times within 60 s" in reports.condition("Degraded").message


def test_flapping_survives_a_restart_of_the_operator() -> None:
    reports = flapping(3)
    read = HAClusterStatus.model_validate(reports.last.document() if reports.last else {})
    restarted = ReportSequence(now=reports.now, status=read, nodes=dict(reports.nodes))
    move(restarted)
    assert restarted.condition_state("Degraded") == ("True", "Flapping")
    again = ReportSequence(now=restarted.now, status=restarted.status, nodes=dict(restarted.nodes))
    again.report()
    assert again.event_reasons() == []
    again.advance(60)
    again.report()
    assert again.event_reasons() == ["Settled"]


def test_other_problems_get_their_event_after_flapping_has_ended() -> None:
    reports = flapping()
    reports.node_reports("node3", haproxy=Health.DOWN)
    reports.report()
    assert reports.condition_state("Degraded") == ("True", "Flapping")
    assert "node3: HAProxy does not answer" in reports.condition("Degraded").message
    assert reports.event_reasons() == []
    reports.advance(60)
    reports.report()
    assert reports.condition_state("Degraded") == ("True", "HAProxyDown")
    assert reports.event_reasons() == ["Settled", "Degraded"]


def test_the_gap_at_each_move_gets_no_event_but_a_lasting_gap_does() -> None:
    reports = flapping()
    for name in cycle(("node1", "node2")):
        reports.node_reports(name, holds=False, haproxy=Health.DOWN)
        if reports.report().status.vip_holder == "":
            break
    assert reports.condition_state("Ready") == ("False", "NoHolder")
    assert "NoHolder" not in reports.event_reasons()
    reports.advance(60)
    reports.report()
    assert reports.event_reasons() == ["Settled", "Degraded", "NoHolder"]
    assert reports.last is not None and reports.last.events[0].message == f"{VIP} has not moved for 60 s, it has no holder"


@pytest.mark.parametrize("recent", [(), ("nonsense",), ("2026-01-01T11:00:00Z",), ("2027-01-01T12:00:00Z",)])
def test_flapping_ends_whatever_move_times_the_status_has(recent: tuple[str, ...]) -> None:
    reports = flapping()
    vip = reports.status.virtual_ips[0].model_copy(update={"recent_transitions": recent})
    reports.status = reports.status.model_copy(update={"virtual_ips": (vip,)})
    reports.report()
    assert reports.condition_state("Degraded")[0] == "False"
