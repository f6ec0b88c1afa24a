"""Which routers a node yields because one that moves with them cannot be there. tests/dataplane/test_together.py has real daemons."""

from ipaddress import ip_interface

from hacluster.agent.handover.together import Together
from hacluster.agent.handover.yielding import takeover_timeout
from hacluster.agent.state import AgentState, Instance
from hacluster.agent.system.network import Address, Link, Network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.agent.vrrp.packet import Advert
from hacluster.api.status import VrrpState
from hacluster.nodeconfig import Router
from hacluster.timing import FAULT_PULSE
from tests.unit.agent.handover.routers import FOUR, config

LEADER = FOUR.model_copy(update={"moves_with": ("VI_2",)})
FOLLOWER = Router(name="VI_2", interface="ens4", priority=100, virtual_router_id=52, virtual_ips=("10.0.0.200/24",),
                  moves_with=("VI_1",), follows="VI_1")  # fmt: skip
INTERVAL = 0.1
TIMEOUT = takeover_timeout(FOLLOWER)
OTHER, THIRD = "172.16.7.163", "172.16.7.173"


class Node:
    """One node's decisions. `held`: the routers whose virtual IPs it has."""

    def __init__(self, *, preempts: bool = True) -> None:
        self.state, self.adverts = AgentState(), LastAdverts()
        routers = (each.model_copy(update={"preempts": preempts}) for each in (LEADER, FOLLOWER))
        self.state.update(installed=config(*routers))
        self.together = Together(self.state, self.adverts)
        self.hold()

    def hold(self, *routers: Router) -> None:
        index = {"ens3": 2, "ens4": 3}
        addresses = (Address(index[each.interface], ip_interface(each.virtual_ips[0])) for each in routers)
        self.state.update(network=Network((Link(2, "ens3"), Link(3, "ens4")), tuple(addresses)))

    def report(self, router: Router, state: VrrpState) -> None:
        self.state.put_instance(router.name, Instance(state, 100))

    def advertise(self, router: Router, source: str, at: float) -> None:
        self.adverts.record(router.name, Advert(source, 3, 51, 100, 10, ("172.16.7.200",), router.interface), at)

    def yields(self, now: float, **flagged: bool) -> set[str]:
        return set(self.together.update(flagged, now))


def test_where_one_is_in_fault_the_other_yields_until_it_is_not() -> None:
    for faulty, other in ((LEADER, FOLLOWER), (FOLLOWER, LEADER)):
        node = Node()
        node.hold(LEADER, FOLLOWER)
        node.report(faulty, VrrpState.FAULT)
        node.report(other, VrrpState.MASTER)
        assert node.yields(1.0) == set(), "for a moment, as after a reload"
        assert node.yields(1.0 + INTERVAL) == {other.name}
        assert node.yields(9.0, **{other.name: True}) == {other.name}
        node.report(faulty, VrrpState.BACKUP)
        assert node.yields(9.1, **{other.name: True}) == set()


def test_a_fault_that_is_a_yield_is_nothing_to_follow() -> None:
    """Without preemption, a node yields by FAULT."""
    node = Node(preempts=False)
    node.report(FOLLOWER, VrrpState.FAULT)
    assert node.yields(1.0, VI_2=True) == set()
    assert node.yields(1.0 + TIMEOUT / 2) == set()
    assert node.yields(1.0 + TIMEOUT) == set() and node.yields(1.1 + TIMEOUT) == {"VI_1"}, "it has stayed"


def test_with_preemption_a_yield_is_no_fault() -> None:
    node = Node()
    node.report(FOLLOWER, VrrpState.FAULT)
    node.yields(1.0, VI_2=True)
    assert node.yields(1.1, VI_2=True) == {"VI_1"}


def test_without_preemption_a_follower_that_has_come_apart_is_given_up_once_for_each_holder_of_the_leader() -> None:
    node = Node(preempts=False)
    node.hold(FOLLOWER)
    at = 10.0
    for holder in (OTHER, THIRD):
        began = at
        while at < began + TIMEOUT - 0.05:
            node.advertise(LEADER, holder, at)
            assert node.yields(at) == set()
            at += 0.1
        at = began + TIMEOUT + 0.01
        pulse = at
        while at < pulse + FAULT_PULSE * INTERVAL:
            node.advertise(LEADER, holder, at)
            assert node.yields(at) == {"VI_2"}
            at += 0.1
        for _ in range(100):
            at += 0.1
            node.advertise(LEADER, holder, at)
            assert node.yields(at) == set(), "no second try"
        node.hold()
        assert node.yields(at) == set()
        node.hold(FOLLOWER)


def test_nothing_has_come_apart_where_both_are_here_or_nobody_has_the_leader_or_priorities_decide() -> None:
    for preempts, held, advertised in (
        (False, (LEADER, FOLLOWER), False),
        (False, (FOLLOWER,), False),
        (True, (FOLLOWER,), True),
    ):
        node = Node(preempts=preempts)
        node.hold(*held)
        for step in range(60):
            if advertised:
                node.advertise(LEADER, OTHER, step * 0.1)
            assert node.yields(step * 0.1) == set()


def test_routers_that_move_alone_are_left_alone() -> None:
    node = Node()
    node.state.update(installed=config(FOUR, FOLLOWER.model_copy(update={"moves_with": (), "follows": ""})))
    node.report(FOUR, VrrpState.FAULT)
    assert node.yields(1.0) == node.yields(2.0) == set()
