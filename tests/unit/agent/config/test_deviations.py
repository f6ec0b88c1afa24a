"""When a deviation is repaired, and what is reported of it."""

from hacluster.agent.config.deviations import REPORTED_FOR, Deviation, Deviations
from hacluster.api.reasons import Reason


def reasons(deviations: Deviations) -> list[str]:
    return [each.reason for each in deviations.problems()]


def test_a_deviation_is_repaired_at_once_and_reported_for_a_minute() -> None:
    deviations = Deviations()
    assert deviations.update([Deviation.HAPROXY], 10.0) == {Deviation.HAPROXY}
    assert deviations.update([], 10.8) == frozenset() and reasons(deviations) == [Reason.CONFIGURATION_RESTORED]
    assert "HAProxy ran with something else" in deviations.problems()[0].message
    deviations.update([], 10.0 + REPORTED_FOR)
    assert reasons(deviations) == []


def test_the_next_one_is_repaired_at_once_too() -> None:
    deviations = Deviations()
    for now in (10.0, 11.6, 13.2):
        assert deviations.update([Deviation.KEEPALIVED], now) == {Deviation.KEEPALIVED}
        assert deviations.update([], now + 0.8) == frozenset()
    assert reasons(deviations) == [Reason.CONFIGURATION_RESTORED]


def test_where_a_repair_does_not_help_that_is_reported_and_it_is_repeated_ever_more_rarely() -> None:
    deviations = Deviations()
    repaired = [now for now in range(1000) if deviations.update([Deviation.HAPROXY], float(now))]
    assert repaired[:4] == [0, 2, 6, 14] and len(repaired) < 12
    assert reasons(deviations) == [Reason.NOT_LOADED]
    deviations.update([], 1000.0)
    assert reasons(deviations) == []
