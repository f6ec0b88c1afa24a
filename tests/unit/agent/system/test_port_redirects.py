"""Ports that the node's firewall redirects, in rulesets as `nft -j list ruleset` prints them."""

import json
from typing import Any

import pytest

from hacluster.agent.system.port_redirects import parse_ruleset, redirected

DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
DADDR = {"payload": {"protocol": "ip", "field": "daddr"}}
TCP = {"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "tcp"}}
ADDRTYPE = {"xt": {"type": "match", "name": "addrtype"}}
COUNTER = {"counter": {"packets": 0, "bytes": 0}}
ADDRESSES = ("172.16.7.153", "172.16.7.200")


def dport(right: Any, op: str = "==") -> Any:
    return {"match": {"op": op, "left": DPORT, "right": right}}


def jump(target: str, kind: str = "jump") -> Any:
    return {kind: {"target": target}}


def table(name: str, chains: dict[str, list[list[Any]]], *sets: Any, base: str = "PREROUTING") -> str:
    """A ruleset of one table: chain → its rules, each a list of expressions. The chain `base` has the hook prerouting."""
    place = {"family": "ip", "table": name}
    entries: list[Any] = [{"metainfo": {"version": "1.1.3"}}, {"table": {"family": "ip", "name": name}}, *sets]
    for chain, rules in chains.items():
        hook = {"type": "nat", "hook": "prerouting", "prio": -100} if chain == base else {}
        entries.append({"chain": place | {"name": chain} | hook})
        entries += [{"rule": place | {"chain": chain, "expr": expressions}} for expressions in rules]
    return json.dumps({"nftables": entries})


IPTABLES = table("nat", {
    "PREROUTING": [
        [{"xt": {"type": "match", "name": "comment"}}, COUNTER, jump("KUBE-SERVICES")],
        [ADDRTYPE, COUNTER, jump("CNI-HOSTPORT-DNAT")],
        [dport(8080), COUNTER, {"xt": {"type": "target", "name": "REDIRECT"}}],
    ],
    "KUBE-SERVICES": [
        [TCP, {"match": {"op": "==", "left": DADDR, "right": "10.96.0.10"}}, dport(53), jump("KUBE-SVC-DNS")],
        [ADDRTYPE, COUNTER, jump("KUBE-NODEPORTS")],
    ],
    "KUBE-SVC-DNS": [[jump("KUBE-SEP-1")]],
    "KUBE-NODEPORTS": [[TCP, dport(30080), COUNTER, jump("KUBE-EXT-ABC")]],
    "KUBE-EXT-ABC": [[COUNTER, jump("KUBE-SEP-1")]],
    "KUBE-SEP-1": [[TCP, COUNTER, {"xt": {"type": "target", "name": "DNAT"}}]],
    "CNI-HOSTPORT-DNAT": [[TCP, {"xt": {"type": "match", "name": "multiport"}}, COUNTER, jump("CNI-DN-1")]],
    "CNI-DN-1": [[dport(80), COUNTER, {"xt": {"type": "target", "name": "DNAT"}}]],
})  # fmt: skip
PROTO_PORT = {"concat": [{"meta": {"key": "l4proto"}}, {"payload": {"protocol": "th", "field": "dport"}}]}
NODEPORTS = {"map": {"family": "ip", "table": "kube-proxy", "name": "service-nodeports", "map": "verdict", "elem": [
    [{"concat": ["tcp", 30081]}, jump("external-AAAA-my-ns/shop/tcp/p80", "goto")],
    [{"concat": ["udp", 30082]}, jump("external-BBBB-my-ns/dns/udp/dns", "goto")],
]}}  # fmt: skip
NFTABLES = table("kube-proxy", {
    "nat-prerouting": [
        [jump("services")],
        [dport({"set": [{"range": [7000, 7010]}, 7777]}), {"dnat": {"addr": "10.1.1.1", "port": 99}}],
        [dport("@ports"), {"redirect": None}],
        [{"match": {"op": "==", "left": DADDR, "right": "10.9.9.9"}}, dport(4444), {"dnat": {"addr": "10.1.1.1"}}],
        [{"match": {"op": "==", "left": DADDR, "right": "172.16.7.200"}}, dport(443), {"dnat": {"addr": "10.1.1.1"}}],
        [{"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": 514}}, {"redirect": {"port": 1}}],
        [{"vmap": {"key": DPORT, "data": {"set": [[5000, jump("endpoint-x", "goto")]]}}}],
        [dport(22, "!="), {"accept": None}],
        [{"match": {"op": "==", "left": DADDR, "right": {"prefix": {"addr": "172.16.7.0", "len": 24}}}}, dport(4445), {"redirect": None}],
        [{"match": {"op": "==", "left": DADDR, "right": {"prefix": {"addr": "10.0.0.0", "len": 8}}}}, dport(4446), {"redirect": None}],
        [dport(4447, "!="), dport({"range": [4447, 4448]}), {"redirect": None}],
        [{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "wan0"}}, {"dnat": {"addr": "10.1.1.2"}}],
    ],
    "services": [[{"match": {"op": "==", "left": {"fib": {"result": "type", "flags": ["daddr"]}}, "right": "local"}},
                  {"vmap": {"key": PROTO_PORT, "data": "@service-nodeports"}}]],
    "external-AAAA-my-ns/shop/tcp/p80": [[jump("endpoint-x", "goto")]],
    "external-BBBB-my-ns/dns/udp/dns": [[jump("endpoint-x", "goto")]],
    "endpoint-x": [[TCP, {"dnat": {"addr": "10.244.1.9", "port": 80}}]],
}, NODEPORTS, {"set": {"family": "ip", "table": "kube-proxy", "name": "ports", "elem": [{"elem": {"val": 9000, "counter": {}}}]}},
   base="nat-prerouting")  # fmt: skip


@pytest.mark.parametrize(
    ("ruleset", "port", "owner"),
    [
        (IPTABLES, 30080, "kube-proxy redirects it to a Service"),
        (IPTABLES, 80, "hostPort of a pod"),
        (IPTABLES, 8080, "a rule in chain PREROUTING of table ip nat"),
        (IPTABLES, 53, ""),  # the address of a Service, not of the node
        (IPTABLES, 443, ""),
        (NFTABLES, 30081, "Service my-ns/shop"),
        (NFTABLES, 30082, ""),  # UDP
        (NFTABLES, 7005, "a rule in chain nat-prerouting of table ip kube-proxy"),
        (NFTABLES, 7777, "a rule"),
        (NFTABLES, 9000, "a rule"),
        (NFTABLES, 5000, "endpoint-x"),
        (NFTABLES, 443, "a rule"),
        (NFTABLES, 4444, ""),  # of another address
        (NFTABLES, 4445, "a rule"),
        (NFTABLES, 4446, ""),
        (NFTABLES, 4447, ""),
        (NFTABLES, 4448, "a rule"),
        (NFTABLES, 514, ""),
        (NFTABLES, 80, ""),  # a rule for every port of an interface is none for this one
    ],
)
def test_who_redirects_a_port(ruleset: str, port: int, owner: str) -> None:
    found = redirected(parse_ruleset(ruleset), port, ADDRESSES)
    assert owner in found and bool(found) is bool(owner)


def test_chains_that_jump_in_a_circle_end() -> None:
    circle = table("nat", {"PREROUTING": [[jump("a")]], "a": [[jump("b")]], "b": [[jump("a")]]})
    assert redirected(parse_ruleset(circle), 80, ADDRESSES) == ""


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nftables": [1]}', '{"nftables": [{"rule": {"family": "ip"}}]}'])
def test_a_text_that_is_no_ruleset_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_ruleset(text)
