"""Texts for `ip` and `nft`. That kernels take them is shown by tests/dataplane."""

from hacluster.agent.handover.rules import Forwarding, ports, remember, routes, rules
from hacluster.nodeconfig import AgentConfig, Port, Router

VIP, OLD = "172.16.7.200", "172.16.7.153"
SIX = Router(name="VI_6", interface="ens4", priority=100, virtual_router_id=52, virtual_ips=("2001:db8::200/64",))
FOUR = Router(name="VI_1", interface="ens3", priority=100, virtual_router_id=51, virtual_ips=(f"{VIP}/24",))


HTTP, BOUND = Port(port=80, field="a"), Port(port=443, field="b", address=VIP)


def config(*routers: Router, drain: float = 30.0, ports: tuple[Port, ...] = (HTTP,)) -> AgentConfig:
    return AgentConfig(
        cluster="web", namespace="default", node="node1", revision="r1", routers=routers, drain_seconds=drain, ports=ports
    )


def test_only_tcp_from_the_segment_finds_the_sockets() -> None:
    commands = [" ".join(command) for command in routes(Forwarding(config(FOUR, SIX)))]
    assert f"ip -4 rule add preference 5151 to {VIP}/32 iif ens3 ipproto tcp lookup {Forwarding(config()).table}" in commands
    assert any(each.startswith("ip -6 route replace local 2001:db8::200/128 dev lo table") for each in commands)


def test_two_resources_have_tables_of_their_own() -> None:
    other = config(FOUR).model_copy(update={"cluster": "shop"})
    assert Forwarding(other).table != Forwarding(config(FOUR)).table


def test_each_family_has_its_own_rules() -> None:
    text = rules(Forwarding(config(FOUR, SIX)))
    assert "dup to ip daddr map @first0" in text and "dup to ip6 daddr map @second1" in text
    assert text.count("fib daddr . iif type local") == 2
    assert "ip ttl <= 8 counter drop" in text and "ip6 hoplimit <= 8 counter drop" in text


def test_nothing_is_tracked_unless_a_listener_is_bound_to_the_address() -> None:
    assert " ct " not in rules(Forwarding(config(FOUR)))
    assert "ct state { new, invalid }" in rules(Forwarding(config(FOUR, ports=(HTTP, BOUND))))


def test_only_haproxy_s_ports_are_looked_at() -> None:
    name = Forwarding(config()).name
    said = ports(Forwarding(config(FOUR, ports=(HTTP, BOUND))))
    assert f"add element ip {name} any0 {{ 80 }}" in said and f"add element ip {name} bound0 {{ 443 }}" in said
    assert rules(Forwarding(config(FOUR))) == rules(Forwarding(config(FOUR, ports=(HTTP, Port(port=81, field="c")))))


def test_the_old_holders_are_remembered_for_a_while_or_forgotten() -> None:
    forwarding = Forwarding(config(SIX, FOUR))
    said = remember(forwarding, 1, [(OLD, 30), ("172.16.7.163", 12.4), ("172.16.7.173", 5)])
    assert f"add element ip {forwarding.name} first1 {{ {VIP} timeout 30s : {OLD} }}" in said
    assert f"add element ip {forwarding.name} second1 {{ {VIP} timeout 12s : 172.16.7.163 }}" in said
    assert f"add element ip {forwarding.name} known1 {{ {VIP} timeout 30s }}" in said
    assert "173" not in said
    assert "add" not in remember(forwarding, 0, [])
