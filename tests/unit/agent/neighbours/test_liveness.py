"""When a neighbour counts as gone, and on which segment it is asked."""

from ipaddress import ip_interface

from hacluster.agent.neighbours.liveness import PATIENCE, PERIOD, TRIES, Liveness, interface_of, places
from hacluster.agent.system.network import Address, Link, Network
from hacluster.nodeconfig import AgentConfig

MAC = "02:00:00:00:00:01"


def silence(liveness: Liveness, start: float, until: float) -> float | None:
    """Nobody answers from `start` on; when it counts as gone."""
    at = start
    while at < until:
        liveness.step(at)
        if liveness.gone:
            return at
        at += 0.001
    return None


def test_who_never_answered_is_not_known_to_be_gone() -> None:
    assert silence(Liveness(), 0.0, 10.0) is None


def test_three_questions_without_an_answer_are_enough() -> None:
    liveness = Liveness()
    liveness.hear(MAC, 0.0)
    gone = silence(liveness, 0.0, 10.0)
    assert gone is not None and abs(gone - (PERIOD + TRIES * PATIENCE)) < 0.01


def test_two_are_not() -> None:
    liveness = Liveness()
    liveness.hear(MAC, 0.0)
    assert silence(liveness, 0.0, PERIOD + 2.5 * PATIENCE) is None
    liveness.hear(MAC, PERIOD + 2.5 * PATIENCE)
    assert silence(liveness, PERIOD + 2.5 * PATIENCE, 2 * PERIOD + 5 * PATIENCE) is None


def test_a_holder_that_misses_an_advertisement_is_asked_at_once_and_with_little_patience() -> None:
    liveness = Liveness()
    liveness.hear(MAC, 0.0)
    liveness.doubt(0.03, 0.05)
    gone = silence(liveness, 0.05, 10.0)
    assert gone is not None and abs(gone - (0.05 + TRIES * 0.009)) < 0.01


def test_who_answers_is_there_again_and_asked_patiently() -> None:
    liveness = Liveness()
    liveness.hear(MAC, 0.0)
    liveness.doubt(0.03, 0.05)
    assert silence(liveness, 0.05, 1.0)
    liveness.hear("02:00:00:00:00:02", 1.0)
    assert not liveness.gone and liveness.mac == "02:00:00:00:00:02"
    gone = silence(liveness, 1.0, 10.0)
    assert gone is not None and gone > 1.0 + PERIOD + TRIES * PATIENCE - 0.01


def network(*addresses: tuple[int, str]) -> Network:
    return Network((Link(2, "ens3"), Link(3, "ens4")), tuple(Address(index, ip_interface(text)) for index, text in addresses))


def test_the_segment_is_the_one_whose_subnet_has_the_address() -> None:
    here = network((2, "172.16.7.153/24"), (3, "192.168.60.210/24"), (2, "172.16.7.200/24"))
    assert interface_of("192.168.60.220", here) == (3, "ens4")
    assert interface_of("10.0.0.1", here) is None
    assert interface_of("192.168.60.210", here) is None, "our own address needs no question"


def test_peers_behind_a_router_are_left_to_the_checks() -> None:
    peers = {"node2": ("192.168.60.220", "172.16.7.163"), "node3": ("10.1.1.1",)}
    config = AgentConfig(cluster="web", namespace="default", node="node1", revision="r1", peers=peers)
    assert places(config, network((3, "192.168.60.210/24"))) == {(3, "ens4", frozenset({"192.168.60.220"}))}
