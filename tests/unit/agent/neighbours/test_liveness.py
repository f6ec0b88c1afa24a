"""When another node counts as gone, and on which segment it is probed. Times are seconds."""

from ipaddress import ip_interface

from hacluster.agent.neighbours.liveness import ANSWER_TIMEOUT, PERIOD, TRIES, Liveness, interface_of, places
from hacluster.agent.system.network import Address, Link, Network
from hacluster.nodeconfig import AgentConfig

MAC = "02:00:00:00:00:01"


def gone_at(liveness: Liveness, start: float, until: float) -> float | None:
    """When a node that answers no probe from `start` to `until` counts as gone; None: it does not."""
    at = start
    while at < until:
        liveness.take_due_probe(at)
        if liveness.gone:
            return at
        at += 0.001
    return None


def test_a_node_that_has_never_answered_does_not_count_as_gone() -> None:
    assert gone_at(Liveness(), 0.0, 10.0) is None


def test_a_node_counts_as_gone_after_three_unanswered_probes() -> None:
    liveness = Liveness()
    liveness.record_answer(MAC, 0.0)
    gone = gone_at(liveness, 0.0, 10.0)
    assert gone is not None and abs(gone - (PERIOD + TRIES * ANSWER_TIMEOUT)) < 0.01


def test_a_node_does_not_count_as_gone_after_two_unanswered_probes() -> None:
    liveness = Liveness()
    liveness.record_answer(MAC, 0.0)
    assert gone_at(liveness, 0.0, PERIOD + 2.5 * ANSWER_TIMEOUT) is None
    liveness.record_answer(MAC, PERIOD + 2.5 * ANSWER_TIMEOUT)
    assert gone_at(liveness, PERIOD + 2.5 * ANSWER_TIMEOUT, 2 * PERIOD + 5 * ANSWER_TIMEOUT) is None


def test_a_holder_that_misses_an_advertisement_is_probed_at_once_and_with_short_timeouts() -> None:
    liveness = Liveness()
    liveness.record_answer(MAC, 0.0)
    liveness.suspect(0.03, 0.05)
    gone = gone_at(liveness, 0.05, 10.0)
    assert gone is not None and abs(gone - (0.05 + TRIES * 0.009)) < 0.01


def test_a_node_that_answers_again_is_no_longer_gone_and_has_the_usual_timeouts() -> None:
    liveness = Liveness()
    liveness.record_answer(MAC, 0.0)
    liveness.suspect(0.03, 0.05)
    assert gone_at(liveness, 0.05, 1.0)
    liveness.record_answer("02:00:00:00:00:02", 1.0)
    assert not liveness.gone and liveness.mac == "02:00:00:00:00:02"
    gone = gone_at(liveness, 1.0, 10.0)
    assert gone is not None and gone > 1.0 + PERIOD + TRIES * ANSWER_TIMEOUT - 0.01


def network(*addresses: tuple[int, str]) -> Network:
    return Network((Link(2, "ens3"), Link(3, "ens4")), tuple(Address(index, ip_interface(text)) for index, text in addresses))


def test_an_address_is_on_the_segment_whose_subnet_contains_it() -> None:
    own = network((2, "172.16.7.153/24"), (3, "192.168.60.210/24"), (2, "172.16.7.200/24"))
    assert interface_of("192.168.60.220", own) == (3, "ens4")
    assert interface_of("10.0.0.1", own) is None
    assert interface_of("192.168.60.210", own) is None, "the node's own address needs no probe"


def test_peers_behind_a_router_are_not_probed() -> None:
    peers = {"node2": ("192.168.60.220", "172.16.7.163"), "node3": ("10.1.1.1",)}
    config = AgentConfig(cluster="web", namespace="default", node="node1", revision="r1", peers=peers)
    assert places(config, network((3, "192.168.60.210/24"))) == {(3, "ens4", frozenset({"192.168.60.220"}))}
