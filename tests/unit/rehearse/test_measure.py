"""What a rehearsal makes of what was seen."""

from hacluster.rehearse.address_watch import Change
from hacluster.rehearse.arp_watch import Answer
from hacluster.rehearse.measure import (
    Request,
    dual_on_wire,
    holder_counts,
    longest_disturbance,
    longest_gap,
    measure_window,
    parse_records,
)

VIP = "172.16.7.200"


def ok(start: float, latency: float = 0.001) -> Request:
    return Request(start, latency, True, "node1")


def lost(start: float) -> Request:
    return Request(start, 3.0, False, "TimeoutError")


def test_records_are_read_and_half_a_line_is_left_out() -> None:
    records = parse_records(["r 2.0 0.001 node1", "f 1.0 3.0 TimeoutError", "x 2.0 7", "b 1.5 EOFError:closed", "r 3.0"])
    assert [each.start for each in records.requests] == [1.0, 2.0]
    assert [each.answered for each in records.requests] == [False, True]
    assert (records.exchanges, records.broken) == (7, ((1.5, "EOFError:closed"),))


def test_a_gap_is_from_the_last_good_request_to_the_next() -> None:
    requests = [ok(0.0), ok(0.1), lost(0.2), lost(0.3), ok(0.4), ok(0.5)]
    assert round(longest_gap(requests, 0.1), 6) == 0.2


def test_a_late_answer_is_part_of_the_gap() -> None:
    assert round(longest_gap([ok(0.0), ok(0.1, latency=0.2), ok(0.2)], 0.0), 6) == 0.2


def test_a_disturbance_lasts_to_the_last_late_request_whatever_is_answered_in_between() -> None:
    assert longest_disturbance([ok(0.0), lost(0.1), ok(0.2), ok(0.3, latency=0.2), ok(0.4), lost(2.0), ok(2.1)]) == 1.9
    assert longest_disturbance([ok(0.0), ok(0.1)]) == 0


def test_no_outage_is_no_gap_and_one_without_an_end_is() -> None:
    assert longest_gap([ok(0.0), ok(5.0)], 0.1) == 0
    assert longest_gap([ok(0.0), lost(0.1), lost(4.0)], 0.1) == 4.0
    assert longest_gap([lost(0.0), lost(4.0)], 0.1) == 4.0


def test_holders_are_counted_over_the_window() -> None:
    changes = [
        Change(0.0, "node1", VIP, True), Change(1.0, "node2", VIP, True), Change(1.5, "node1", VIP, False),
        Change(2.0, "node2", VIP, False), Change(2.1, "node2", "172.16.7.201", True),
    ]  # fmt: skip
    assert holder_counts(changes, VIP, (0.5, 3.0)) == [(0.5, 1.0, 1), (1.0, 1.5, 2), (1.5, 2.0, 1), (2.0, 3.0, 0)]


def test_what_a_node_holds_that_nobody_reaches_does_not_count() -> None:
    changes = [Change(0.0, "node1", VIP, True), Change(1.3, "node2", VIP, True)]
    seen = measure_window(parse_records([]), changes, [], VIP, (0.9, 2.0), away={"node1": 1.0})
    assert (round(seen.ownerless), round(seen.dual)) == (300, 0)
    assert round(measure_window(parse_records([]), changes, [], VIP, (0.9, 2.0)).dual) == 700


def test_two_stations_that_answer_one_request_are_seen() -> None:
    one = [Answer(1.0, "aa", 1, VIP), Answer(1.02, "bb", 2, VIP), Answer(1.03, "bb", 0, VIP)]
    assert dual_on_wire(one, VIP, (0.0, 2.0)) == 0
    both = [*one, Answer(1.0, "bb", 1, VIP), Answer(1.7, "aa", 9, VIP), Answer(1.7, "bb", 9, VIP), Answer(1.72, "aa", 10, VIP)]
    assert round(dual_on_wire(both, VIP, (0.0, 2.0)), 3) == 0.04  # two moments, not all that lies between them
    assert round(dual_on_wire(both[:-1], VIP, (0.0, 1.9)), 3) == 0.22  # nothing said that it had ended


def test_a_client_that_does_nothing_for_a_while_cannot_vouch_for_it() -> None:
    records = parse_records(["r 1.0 0.001 node1", "r 1.005 0.001 node1", "r 1.1 0.001 node2", "r 1.105 0.001 node2"])
    assert round(measure_window(records, [], [], VIP, (1.0, 1.105)).gap) == 95
    assert measure_window(records, [], [], VIP, (1.1, 1.105)).gap == 0
