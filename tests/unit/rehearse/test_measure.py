"""`measure.py`: durations and counts from the records of client and watchers."""

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
    with_newcomer,
)

VIP = "172.16.7.200"


def ok(start: float, latency: float = 0.001) -> Request:
    return Request(start, latency, True, "node1")


def lost(start: float) -> Request:
    return Request(start, 3.0, False, "TimeoutError")


def test_records_are_parsed_and_an_incomplete_line_is_left_out() -> None:
    records = parse_records(["r 2.0 0.001 node1", "f 1.0 3.0 TimeoutError", "x 2.0 7", "b 1.5 EOFError:closed", "r 3.0"])
    assert [each.start for each in records.requests] == [1.0, 2.0]
    assert [each.answered for each in records.requests] == [False, True]
    assert (records.exchanges, records.broken) == (7, ((1.5, "EOFError:closed"),))


def test_a_gap_lasts_from_the_last_good_request_to_the_next_good_one() -> None:
    requests = [ok(0.0), ok(0.1), lost(0.2), lost(0.3), ok(0.4), ok(0.5)]
    assert round(longest_gap(requests, 0.1), 6) == 0.2


def test_a_late_answer_is_part_of_the_gap() -> None:
    assert round(longest_gap([ok(0.0), ok(0.1, latency=0.2), ok(0.2)], 0.0), 6) == 0.2


def test_a_disturbance_lasts_to_the_last_late_request_whatever_is_answered_in_between() -> None:
    assert longest_disturbance([ok(0.0), lost(0.1), ok(0.2), ok(0.3, latency=0.2), ok(0.4), lost(2.0), ok(2.1)]) == 1.9
    assert longest_disturbance([ok(0.0), ok(0.1)]) == 0


def test_without_an_outage_there_is_no_gap_and_an_outage_without_an_end_is_one() -> None:
    assert longest_gap([ok(0.0), ok(5.0)], 0.1) == 0
    assert longest_gap([ok(0.0), lost(0.1), lost(4.0)], 0.1) == 4.0
    assert longest_gap([lost(0.0), lost(4.0)], 0.1) == 4.0


def test_holders_are_counted_for_each_span_of_the_window() -> None:
    changes = [
        Change(0.0, "node1", VIP, True), Change(1.0, "node2", VIP, True), Change(1.5, "node1", VIP, False),
        Change(2.0, "node2", VIP, False), Change(2.1, "node2", "172.16.7.201", True),
    ]  # fmt: skip
    assert holder_counts(changes, VIP, (0.5, 3.0)) == [(0.5, 1.0, 1), (1.0, 1.5, 2), (1.5, 2.0, 1), (2.0, 3.0, 0)]


def test_a_node_that_is_cut_off_does_not_count_as_a_holder() -> None:
    changes = [Change(0.0, "node1", VIP, True), Change(1.3, "node2", VIP, True)]
    measured = measure_window(parse_records([]), changes, [], VIP, (0.9, 2.0), away={"node1": 1.0})
    assert (round(measured.ownerless), round(measured.dual)) == (300, 0)
    assert round(measure_window(parse_records([]), changes, [], VIP, (0.9, 2.0)).dual) == 700


def test_two_mac_addresses_in_one_round_count_as_two_holders_until_the_next_answered_round() -> None:
    one = [Answer(1.0, "aa", 1, VIP), Answer(1.02, "bb", 2, VIP), Answer(1.03, "bb", 0, VIP)]
    assert dual_on_wire(one, VIP, (0.0, 2.0)) == 0
    both = [*one, Answer(1.0, "bb", 1, VIP), Answer(1.7, "aa", 9, VIP), Answer(1.7, "bb", 9, VIP), Answer(1.72, "aa", 10, VIP)]
    assert round(dual_on_wire(both, VIP, (0.0, 2.0)), 3) == 0.04  # each until the next answered round, not the time between both
    assert round(dual_on_wire(both[:-1], VIP, (0.0, 1.9)), 3) == 0.22  # no later round: it lasts to the end of the window


def test_a_pause_of_the_client_counts_as_a_gap() -> None:
    records = parse_records(["r 1.0 0.001 node1", "r 1.005 0.001 node1", "r 1.1 0.001 node2", "r 1.105 0.001 node2"])
    assert round(measure_window(records, [], [], VIP, (1.0, 1.105)).gap) == 95
    assert measure_window(records, [], [], VIP, (1.1, 1.105)).gap == 0


def test_the_newcomers_gap_and_failures_are_counted_beside_those_of_the_other_client() -> None:
    remembering = parse_records([f"r {1 + number / 100:.2f} 0.001 node1" for number in range(101)])
    asking = parse_records([f"{'f' if 20 <= number < 45 else 'r'} {1 + number / 100:.2f} 0.001 x" for number in range(101)])
    measured = with_newcomer(measure_window(remembering, [], [], VIP, (1.0, 2.0), every=0.01), asking, (1.0, 2.0), 0.01)
    assert (measured.gap, measured.failed) == (0, 0)
    assert (round(measured.newcomer_gap), measured.newcomer_failed, measured.newcomer_requests) == (250, 25, 101)
