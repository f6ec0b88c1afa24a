"""`summary.py`: the table and the document have the figures of both clients."""

from hacluster.rehearse.events import Event, Trial
from hacluster.rehearse.measure import Measurement
from hacluster.rehearse.summary import HEADINGS, cells, document, summarize


def trial(gap: float, newcomer_gap: float, *, recovered: bool = True) -> Trial:
    measured = Measurement(gap, gap, 0, 200, 0, 0.0, 0.0, 0.0, 5.0, newcomer_gap, 3, 100)
    return Trial(Event.KEEPALIVED_KILL, measured, 1.0, 2.0, recovered)


def test_each_client_has_its_columns() -> None:
    trials = [trial(0, 100), trial(0, 250), trial(4, 120)]
    (row,) = summarize(trials)
    shown = cells(row)
    assert len(shown) == len(HEADINGS)
    assert shown[2:8] == ("0", "4", "0 of 600", "120", "250", "9 of 300")
    summary = document(trials, {}, {})["summary"][0]
    assert (summary["newcomer_gap_worst"], summary["newcomer_failed"], summary["newcomer_requests"]) == (250, 9, 300)


def test_without_a_recovery_there_is_no_figure_for_either() -> None:
    (row,) = summarize([trial(8000, 9000, recovered=False)])
    shown = cells(row)
    assert len(shown) == len(HEADINGS)
    assert shown[3] == "not within 8 s (1 of 1)" and shown[6] == "not within 9 s (1 of 1)"
