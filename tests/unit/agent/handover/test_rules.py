"""The texts for `ip` and `nft`. tests/dataplane shows that a kernel accepts them and what they do."""

from hacluster.agent.handover.rules import Forwarding, ports, recent_holders, routes, rules
from hacluster.nodeconfig import Port
from tests.unit.agent.handover.routers import BOUND, FOUR, HTTP, OLD, SIX, VIP, config


def test_only_tcp_from_the_interface_of_the_router_uses_the_policy_routes() -> None:
    commands = [" ".join(command) for command in routes(Forwarding(config(FOUR, SIX)))]
    assert f"ip -4 rule add preference 5151 to {VIP}/32 iif ens3 ipproto tcp lookup {Forwarding(config()).table}" in commands
    assert any(each.startswith("ip -6 route replace local 2001:db8::200/128 dev lo table") for each in commands)


def test_two_resources_have_different_routing_tables() -> None:
    other = config(FOUR).model_copy(update={"cluster": "shop"})
    assert Forwarding(other).table != Forwarding(config(FOUR)).table


def test_each_family_has_its_own_rules() -> None:
    text = rules(Forwarding(config(FOUR, SIX)))
    assert "dup to ip daddr map @first0" in text and "dup to ip6 daddr map @second1" in text
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


def test_the_recent_holders_have_entries_that_expire() -> None:
    forwarding = Forwarding(config(SIX, FOUR))
    script = recent_holders(forwarding, 1, [(OLD, 30), ("172.16.7.163", 12.4), ("172.16.7.173", 5)])
    assert f"add element ip {forwarding.name} first1 {{ {VIP} timeout 30s : {OLD} }}" in script
    assert f"add element ip {forwarding.name} second1 {{ {VIP} timeout 12s : 172.16.7.163 }}" in script
    assert f"add element ip {forwarding.name} known1 {{ {VIP} timeout 30s }}" in script
    assert "173" not in script, "only two are used"
    assert "add" not in recent_holders(forwarding, 0, [])
