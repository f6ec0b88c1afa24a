"""Which agents are asked whether they still run, and what one node's word about another is worth."""

from tests.unit.plan.status.examples import ReportSequence, last_move, settled


def test_nobody_is_asked_while_all_is_well() -> None:
    reports = settled(seconds=3600)
    assert reports.report().doubted == ()
    assert reports.report().recheck_in is None


def test_a_node_that_another_one_reports_as_lost_is_asked_and_still_believed() -> None:
    reports = settled(seconds=60)
    reports.node_reports("node3", lost_nodes=("node1",))
    assert reports.report().doubted == ("node1",)
    assert reports.status.vip_holder == "node1", "one node's word, which may be a thief's, is not enough"
    reports.answers("node1")
    assert reports.report().doubted == (), "node1 has spoken since, so the old word is refuted"


def test_the_word_of_a_silent_node_counts_for_nothing() -> None:
    reports = settled()
    reports.node_reports("node3", lost_nodes=("node1",))
    reports.advance(11, alive=("node1", "node2"))
    assert reports.report().doubted == ("node3",)


def test_a_takeover_from_a_node_that_is_reported_as_lost_has_its_reason_at_once() -> None:
    reports = settled(seconds=60)
    reports.node_reports("node2", holds=True, lost_nodes=("node1",))
    assert reports.report().doubted == ("node1",)
    assert last_move(reports) == ("node1", "node2", "NodeSilent")


def test_a_missing_node_is_asked_before_it_counts_as_silent() -> None:
    reports = settled()
    reports.advance(6.9, alive=("node1", "node2"))
    report = reports.report()
    assert report.doubted == () and report.recheck_in is not None and 0 < report.recheck_in <= 0.11
    reports.advance(0.1, alive=("node1", "node2"))
    assert reports.report().doubted == ("node3",)


def test_a_node_that_a_roll_out_waits_for_is_asked_every_ten_seconds() -> None:
    reports = ReportSequence()
    reports.all_fit()
    waits = {"node1": "r1", "node2": "r1", "node3": "r2"}
    assert reports.report(revisions=waits).doubted == ()
    reports.advance(10)
    assert reports.report(revisions=waits).doubted == ("node3",)
    reports.answers("node3")
    assert reports.report(revisions=waits).doubted == ()
