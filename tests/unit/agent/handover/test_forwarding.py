"""The names, policy rules and routes of a resource. tests/dataplane shows what they do in a kernel."""

from hacluster.agent.handover.forwarding import Forwarding, make_forwarding
from hacluster.agent.system.network import Link, Network
from hacluster.agent.system.routing import LocalRoute, PolicyRule
from tests.unit.agent.handover.routers import FOUR, SIX, VIP, config


def test_only_tcp_from_the_interface_of_the_router_uses_the_policy_routes() -> None:
    forwarding = Forwarding(config(FOUR, SIX))
    assert forwarding.policy_rules(4) == {PolicyRule(VIP, "ens3", 6, 5151, forwarding.table)}
    assert forwarding.policy_rules(6) == {PolicyRule("2001:db8::200", "ens4", 6, 5151, forwarding.table)}
    assert forwarding.local_routes(6) == {LocalRoute("2001:db8::200", forwarding.table)}


def test_two_resources_whose_names_collided_in_16_bits_have_different_names() -> None:
    first, second = (Forwarding(config(FOUR).model_copy(update={"cluster": name})) for name in ("shop-123646", "shop-852860"))
    assert first.former_names == second.former_names, "the example is no example any more"
    assert first.table != second.table and first.name != second.name
    assert 0x4000_0000 <= first.table < 0x8000_0000


def test_the_indices_of_the_interfaces_are_part_of_the_forwarding() -> None:
    networks = (Network((Link(index, "ens3"), Link(1, "lo"))) for index in (2, 9))
    first, second = (make_forwarding(config(FOUR), network) for network in networks)
    assert first is not None and first.interfaces == {"ens3": 2} and first != second


def test_nothing_is_forwarded_without_a_drain_or_before_the_network_is_known() -> None:
    assert make_forwarding(config(FOUR, drain=0.0), Network()) is None
    assert make_forwarding(config(FOUR), None) is None
    assert make_forwarding(None, Network()) is None
