"""The duration of a move, as the new holder measured it."""

from dataclasses import replace

from hacluster.api.status import Health, VrrpState
from tests.unit.plan.status.examples import ReportSequence, last_move, settled


def reports_takeover(reports: ReportSequence, name: str, milliseconds: int | None) -> None:
    """The node reports that it holds the virtual IP, and how long its takeover took."""
    reports.node_reports(name, holds=True)
    entry = reports.nodes[name].entry
    assert entry is not None
    router = entry.routers[0].model_copy(update={"takeover_milliseconds": milliseconds})
    reports.nodes[name] = replace(reports.nodes[name], entry=entry.model_copy(update={"routers": (router,)}))


def duration(reports: ReportSequence) -> int | None:
    assert reports.status.last_failover is not None
    return reports.status.last_failover.duration_milliseconds


def test_the_duration_is_what_the_new_holder_measured() -> None:
    reports = settled(seconds=3)
    reports.node_reports("node1", holds=False)
    reports_takeover(reports, "node2", 58)
    reports.report()
    assert duration(reports) == 58
    assert reports.last is not None and reports.last.document()["lastFailover"]["durationMilliseconds"] == 58  # type: ignore[index]


def test_a_measurement_that_comes_a_moment_after_the_move_is_taken() -> None:
    reports = settled(seconds=3)
    reports.node_reports("node1", haproxy=Health.DOWN)
    reports.node_reports("node2", holds=True)
    reports.report()
    assert duration(reports) is None
    reports.advance(0.3)
    reports_takeover(reports, "node2", 310)
    reports.report()
    assert (duration(reports), last_move(reports)) == (310, ("node1", "node2", "HAProxyDown"))
    reports.advance(3)
    reports.report()
    assert duration(reports) == 310


def test_the_measurement_of_another_takeover_is_not_taken() -> None:
    reports = settled(seconds=3)
    reports.node_reports("node1", haproxy=Health.DOWN)
    reports.node_reports("node2", holds=True)
    reports.report()
    reports.advance(10)
    reports_takeover(reports, "node2", 20)  # it had lost the address for a moment, and took it back
    reports.report()
    assert duration(reports) is None


def test_a_node_that_lost_the_address_gives_no_duration() -> None:
    reports = settled(seconds=3)
    reports_takeover(reports, "node2", 77)
    reports.node_reports("node1")
    entry = reports.nodes["node2"].entry
    assert entry is not None
    reports.report()
    last = reports.status.last_failover
    assert last is not None
    without_duration = last.model_copy(update={"duration_milliseconds": None})
    reports.status = reports.status.model_copy(update={"last_failover": without_duration})
    gone = entry.routers[0].model_copy(update={"virtual_ips": ()})
    reports.nodes["node2"] = replace(reports.nodes["node2"], entry=entry.model_copy(update={"routers": (gone,)}), claims={})
    reports.report()
    assert duration(reports) is None


def test_the_durations_of_a_race_add_up() -> None:
    reports = settled(seconds=3)
    reports.node_reports("node1", leaving=True, state=VrrpState.BACKUP)
    reports_takeover(reports, "node3", 10)
    reports.report()
    reports.advance(0.05)
    reports.node_reports("node3")
    reports_takeover(reports, "node2", 4)
    reports.report()
    assert duration(reports) == 60
