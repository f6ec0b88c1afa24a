"""`Liveness`: which node counts as lost, by versions and this process's own clock; no clock of a node is compared."""

from hacluster.api.status import NodeStatus, RouterStatus, VrrpState
from hacluster.control.liveness import Liveness
from hacluster.plan.status import Claim
from tests.unit.control.examples import NODE_KEY


def entry(*virtual_ips: str, lost: tuple[str, ...] = (), response: str = "") -> NodeStatus:
    router = RouterStatus(name="VI_1", state=VrrpState.MASTER, priority=1, interface="ens3", since="", virtual_ips=virtual_ips)
    return NodeStatus(name="node1", routers=(router,), lost_nodes=lost, liveness_response=response)


def test_a_claim_keeps_the_report_that_first_made_it() -> None:
    liveness = Liveness()
    liveness.record_report(NODE_KEY, entry("10.0.0.1"), 5, 1.0)
    liveness.record_report(NODE_KEY, entry("10.0.0.1", "10.0.0.2"), 6, 2.0)
    assert liveness.of_node(NODE_KEY).claims == {"10.0.0.1": Claim(5, 1.0), "10.0.0.2": Claim(6, 2.0)}
    liveness.record_report(NODE_KEY, entry("10.0.0.2"), 7, 3.0)
    liveness.record_report(NODE_KEY, entry("10.0.0.1", "10.0.0.2"), 8, 4.0)
    assert liveness.of_node(NODE_KEY).claims == {"10.0.0.1": Claim(8, 4.0), "10.0.0.2": Claim(6, 2.0)}


def test_the_same_report_in_a_later_version_of_the_object_is_no_new_report() -> None:
    liveness = Liveness()
    assert liveness.record_report(NODE_KEY, entry(), 5, 1.0)
    assert not liveness.record_report(NODE_KEY, entry(), 9, 2.0)
    assert liveness.of_node(NODE_KEY).version == 5


def test_a_word_about_a_lost_node_keeps_the_report_that_first_said_it() -> None:
    liveness = Liveness()
    liveness.record_report(NODE_KEY, entry(lost=("node2",)), 5, 1.0)
    liveness.record_report(NODE_KEY, entry(lost=("node2", "node3")), 6, 2.0)
    assert liveness.of_node(NODE_KEY).lost == {"node2": 5, "node3": 6}


def test_a_missing_node_is_silent_after_ten_seconds_unless_it_reports() -> None:
    liveness = Liveness()
    liveness.record_report(NODE_KEY, entry(), 5, 0.0)
    liveness.record_missing(NODE_KEY, True, 100.0)
    assert liveness.of_node(NODE_KEY).silent_in(101.0) == 9.0
    liveness.record_missing(NODE_KEY, True, 105.0)
    assert not liveness.of_node(NODE_KEY).silent(109.9) and liveness.of_node(NODE_KEY).silent(110.0)
    liveness.record_report(NODE_KEY, entry(response="5"), 6, 110.0)
    assert not liveness.of_node(NODE_KEY).silent(119.0)
    liveness.record_missing(NODE_KEY, False, 119.0)
    assert liveness.of_node(NODE_KEY).silent_in(500.0) is None


def test_a_node_that_does_not_answer_is_silent_until_it_reports() -> None:
    liveness = Liveness()
    liveness.record_report(NODE_KEY, entry(), 5, 0.0)
    record = liveness.of_node(NODE_KEY)
    assert record.may_be_asked(1.0)
    liveness.record_question(NODE_KEY, 5, 1.0)
    assert not record.may_be_asked(100.0), "one question to one report is enough"
    assert not record.silent(3.9) and record.silent(4.0)
    liveness.record_report(NODE_KEY, entry(response="5"), 8, 4.5)
    assert not record.silent(100.0)
    assert not record.may_be_asked(5.9) and record.may_be_asked(6.0), "questions are some seconds apart"


def test_a_node_without_a_report_is_not_asked() -> None:
    assert not Liveness().of_node(NODE_KEY).may_be_asked(0.0)


def test_a_process_that_was_stopped_gives_every_node_the_missed_time() -> None:
    liveness = Liveness()
    liveness.record_report(NODE_KEY, entry(), 5, 0.0)
    liveness.record_missing(NODE_KEY, True, 1.0)
    liveness.record_question(NODE_KEY, 5, 1.0)
    for second in (1.0, 2.0, 62.0):
        liveness.tick(second)
    assert liveness.of_node(NODE_KEY).silent_in(62.0) == 2.0


def test_what_an_earlier_process_called_silent_stays_silent_while_nothing_speaks_for_it() -> None:
    liveness = Liveness()
    liveness.record_report(NODE_KEY, entry(), 5, 0.0)
    liveness.record_missing(NODE_KEY, True, 0.0)
    liveness.record_known_silent(NODE_KEY, 0.0)
    assert liveness.of_node(NODE_KEY).silent(0.0)
    other = ("ns", "web", "node2")
    liveness.record_report(other, entry(), 5, 0.0)
    liveness.record_known_silent(other, 0.0)
    assert not liveness.of_node(other).silent(0.0)


def test_a_removed_report_leaves_nothing_but_what_kubernetes_says() -> None:
    liveness = Liveness()
    liveness.record_report(NODE_KEY, entry("10.0.0.1"), 5, 0.0)
    liveness.remove_report(NODE_KEY)
    assert liveness.of_node(NODE_KEY).claims == {} and liveness.of_node(NODE_KEY).entry is None
    liveness.forget("ns", "web")
    assert liveness.nodes_of("ns", "web") == frozenset()
