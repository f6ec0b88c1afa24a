"""The nftables scripts. tests/dataplane shows that a kernel accepts them and what they do."""

from hacluster.agent.handover.forwarding import Forwarding, make_forwarding
from hacluster.agent.handover.rules import MAX_HOLDERS, clear_rules, ports, recent_holders, rules
from hacluster.agent.system.network import Link, Network
from hacluster.agent.system.routing import PolicyRule
from hacluster.nodeconfig import Port
from tests.unit.agent.handover.routers import BOUND, FOUR, HTTP, OLD, SIX, VIP, config


def test_each_family_has_its_own_rules() -> None:
    text = rules(Forwarding(config(FOUR, SIX)))
    assert "dup to ip daddr map @holder0_0" in text and "dup to ip6 daddr map @holder1_1" in text
    assert text.count("fib daddr . iif type local") == 2
    assert "ip ttl <= 8 counter drop" in text and "ip6 hoplimit <= 8 counter drop" in text


def test_connections_are_tracked_only_if_a_listener_is_bound_to_the_address() -> None:
    assert " ct " not in rules(Forwarding(config(FOUR)))
    assert "ct state { new, invalid }" in rules(Forwarding(config(FOUR, ports=(HTTP, BOUND))))


def test_only_ports_of_haproxy_are_in_the_sets_and_changing_them_leaves_the_rules_alone() -> None:
    name = Forwarding(config()).name
    script = ports(Forwarding(config(FOUR, ports=(HTTP, BOUND))))
    assert f"add element ip {name} any0 {{ 80 }}" in script and f"add element ip {name} bound0 {{ 443 }}" in script
    assert rules(Forwarding(config(FOUR))) == rules(Forwarding(config(FOUR, ports=(HTTP, Port(port=81, field="c")))))


def test_the_rules_are_others_when_an_interface_was_created_anew() -> None:
    """The kernel keeps the index of the interface to which it duplicates packets."""
    before = rules(Forwarding(config(FOUR), {"ens3": 2}))
    assert rules(Forwarding(config(FOUR), {"ens3": 9})) != before
    assert rules(Forwarding(config(FOUR), {"ens3": 2})) == before


def test_a_router_whose_interface_is_missing_does_not_stop_the_others() -> None:
    text = rules(Forwarding(config(FOUR, SIX), {"ens4": 3}))
    assert "ens4" in text and "ens3" not in text
    assert "any0" not in ports(Forwarding(config(FOUR, SIX), {"ens4": 3}))


def test_the_recent_holders_have_entries_that_expire() -> None:
    forwarding = Forwarding(config(SIX, FOUR))
    holders = [(OLD, 30.0), ("172.16.7.163", 12.4), *((f"172.16.7.{170 + each}", 5.0) for each in range(MAX_HOLDERS))]
    script = recent_holders(forwarding, 1, holders)
    assert f"add element ip {forwarding.name} holder0_1 {{ {VIP} timeout 30s : {OLD} }}" in script
    assert f"add element ip {forwarding.name} holder1_1 {{ {VIP} timeout 12s : 172.16.7.163 }}" in script
    assert f"add element ip {forwarding.name} known1 {{ {VIP} timeout 30s }}" in script
    assert f"add element ip {forwarding.name} ended1 {{ {VIP} timeout 90s }}" in script
    assert script.count("add element") == MAX_HOLDERS + 2, "no more are used"
    without = recent_holders(forwarding, 1, [])
    assert f"add element ip {forwarding.name} ended1 {{ {VIP} timeout 60s }}" in without and without.count("add element") == 1


def test_tables_of_the_former_version_are_removed_too() -> None:
    forwarding = Forwarding(config(FOUR))
    for name in (forwarding.name, "hacluster_ebe0"):
        assert f"delete table ip {name}\n" in clear_rules(forwarding) and f"delete table ip6 {name}\n" in clear_rules(forwarding)


def test_packets_come_and_go_by_the_interface_of_the_virtual_ips() -> None:
    apart = FOUR.model_copy(update={"interface": "ens9", "address_interface": "ens3"})
    assert rules(Forwarding(config(apart), {"ens3": 2})) == rules(Forwarding(config(FOUR), {"ens3": 2}))
    forwarding = Forwarding(config(apart))
    assert forwarding.policy_rules(4) == {PolicyRule(VIP, "ens3", 6, 5151, forwarding.table)}
    made = make_forwarding(config(apart), Network((Link(2, "ens3"), Link(9, "ens9"))))
    assert made is not None and made.interfaces == {"ens3": 2} and made.present
