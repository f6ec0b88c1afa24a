"""Finds ports that rules of the node's firewall redirect to another program before HAProxy sees the packets. Pure.

No socket shows this: kube-proxy redirects node ports and the CNI plugin `portmap` redirects host ports (also those of k3s' service load
balancer) by NAT in the hook prerouting, and HAProxy binds the same port without an error. The input is what `nft -j list ruleset`
prints, which also has the rules of iptables-nft. Rules of iptables-legacy are not in it.

Sources: libnftables-json(5); the chains of kube-proxy (pkg/proxy/iptables, pkg/proxy/nftables) and of the plugin portmap.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, Final

_FAMILIES: Final = frozenset({"ip", "ip6", "inet"})
_DEPTH: Final = 16
"""The kernel allows as many jumps."""


@dataclass
class Ruleset:
    """The chains, sets and maps of a ruleset, by family, table and name. Raises ValueError for a text that is none."""

    base_chains: list[tuple[str, str, str]] = field(default_factory=list)
    """Those of type nat in the hook prerouting: every packet from outside passes them."""
    rules: dict[tuple[str, str, str], list[list[Any]]] = field(default_factory=dict)
    elements: dict[tuple[str, str, str], list[Any]] = field(default_factory=dict)


def parse_ruleset(text: str) -> Ruleset:
    """The ruleset that `nft -j list ruleset` printed. Raises ValueError."""
    made = Ruleset()
    try:
        for entry in json.loads(text)["nftables"]:
            for kind, content in entry.items():
                _add(made, kind, content)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a ruleset: {error!r}") from None
    return made


def _add(made: Ruleset, kind: str, content: Mapping[str, Any]) -> None:
    if content.get("family") not in _FAMILIES:
        return
    if kind == "chain" and (content.get("type"), content.get("hook")) == ("nat", "prerouting"):
        made.base_chains.append((content["family"], content["table"], content["name"]))
    elif kind == "rule":
        made.rules.setdefault((content["family"], content["table"], content["chain"]), []).append(content["expr"])
    elif kind in {"set", "map"}:
        made.elements[content["family"], content["table"], content["name"]] = content.get("elem", [])


def redirected(ruleset: Ruleset, port: int, addresses: Collection[str]) -> str:
    """Who redirects TCP packets to this port, as a clause for a message; empty: nobody.

    `addresses` are those of the node and its virtual IPs: a rule for another destination does not concern the port.
    """
    for base in ruleset.base_chains:
        for path in _paths(ruleset, base, _Packet(port, frozenset(addresses)), matched=False, depth=0):
            return _owner(base, path)
    return ""


@dataclass(frozen=True)
class _Packet:
    port: int
    addresses: frozenset[str]


def _paths(
    ruleset: Ruleset, chain: tuple[str, str, str], packet: _Packet, *, matched: bool, depth: int
) -> Iterator[tuple[str, ...]]:
    """The chains through which the packet comes to a redirection, each path that exists.

    `matched`: a rule on the way has compared the port. Redirections of every port are none of a listener's port in particular.
    """
    if depth > _DEPTH:
        return
    for expressions in ruleset.rules.get(chain, ()):
        here = matched
        for expression in expressions:
            answer = _judge(ruleset, chain, expression, packet)
            if answer is None:
                break
            here = here or answer.compares_port
            if answer.redirects and here:
                yield (chain[2],)
            if answer.target:
                for path in _paths(ruleset, (*chain[:2], answer.target), packet, matched=here, depth=depth + 1):
                    yield (chain[2], *path)


@dataclass(frozen=True)
class _Answer:
    """What an expression means for the packet; None stands for: the rule does not apply to it."""

    compares_port: bool = False
    redirects: bool = False
    target: str = ""


def _judge(ruleset: Ruleset, chain: tuple[str, str, str], expression: Any, packet: _Packet) -> _Answer | None:
    """Conditions that are not known here (interfaces, sources, extensions of iptables) count as met: a warning too many does no harm."""
    if not isinstance(expression, dict):
        return _Answer()
    [(kind, content)] = expression.items()
    if kind == "match":
        return _judge_match(ruleset, chain, content, packet)
    if kind == "vmap":
        return _judge_map(ruleset, chain, content, packet)
    if kind in {"dnat", "redirect"} or (kind == "xt" and content.get("name") in {"DNAT", "REDIRECT"}):
        return _Answer(redirects=True)
    if kind in {"jump", "goto"}:
        return _Answer(target=content["target"])
    return _Answer()


def _judge_match(ruleset: Ruleset, chain: tuple[str, str, str], match: Mapping[str, Any], packet: _Packet) -> _Answer | None:
    fits = _fits(match["left"], _values(ruleset, chain, match["right"]), packet)
    if fits is None:
        return _Answer()
    if match["op"] not in {"==", "in"}:
        return _Answer() if not fits else None
    return _Answer(compares_port=_is_port(match["left"])) if fits else None


def _judge_map(ruleset: Ruleset, chain: tuple[str, str, str], vmap: Mapping[str, Any], packet: _Packet) -> _Answer:
    """A verdict map: the packet goes where the element leads that fits it. Without one the rule goes on."""
    keys = vmap["key"]["concat"] if isinstance(vmap["key"], dict) and "concat" in vmap["key"] else [vmap["key"]]
    for element in _values(ruleset, chain, vmap["data"]):
        if not isinstance(element, list) or len(element) != 2 or not isinstance(element[1], dict):
            continue
        parts = element[0]["concat"] if isinstance(element[0], dict) and "concat" in element[0] else [element[0]]
        if len(parts) == len(keys) and all(
            _fits(key, [part], packet) is not False for key, part in zip(keys, parts, strict=True)
        ):
            target = (element[1].get("goto") or element[1].get("jump") or {}).get("target", "")
            if target:
                return _Answer(compares_port=any(map(_is_port, keys)), target=target)
    return _Answer()


def _values(ruleset: Ruleset, chain: tuple[str, str, str], right: Any) -> list[Any]:
    """The values of the right side of a comparison: one, a set in the rule, or a set or map of the table (`@name`)."""
    if isinstance(right, str) and right.startswith("@"):
        return ruleset.elements.get((*chain[:2], right[1:]), [])
    if isinstance(right, dict) and "set" in right:
        return right["set"] if isinstance(right["set"], list) else [right["set"]]
    return [right]


def _is_port(left: Any) -> bool:
    return isinstance(left, dict) and left.get("payload", {}).get("field") == "dport"


def _fits(left: Any, values: Collection[Any], packet: _Packet) -> bool | None:
    """Whether one of the values fits what `left` reads from the packet; None: that is not known here."""
    if not isinstance(left, dict):
        return None
    payload = left.get("payload")
    if isinstance(payload, dict) and payload.get("field") == "dport":
        return payload.get("protocol") in {"tcp", "th"} and any(_has_port(each, packet.port) for each in values)
    if isinstance(payload, dict) and payload.get("field") == "daddr":
        return any(_has_address(each, packet.addresses) for each in values)
    if left.get("meta") == {"key": "l4proto"} or (isinstance(payload, dict) and payload.get("field") in {"protocol", "nexthdr"}):
        return any(each in {"tcp", 6} for each in values if isinstance(each, str | int))
    return None


def _has_port(value: Any, port: int) -> bool:
    value = _plain(value)
    if isinstance(value, dict) and "range" in value:
        low, high = value["range"]
        return bool(low <= port <= high)
    return bool(value == port)


def _has_address(value: Any, addresses: Collection[str]) -> bool:
    value = _plain(value)
    if isinstance(value, dict) and "prefix" in value:
        network = ip_network(f"{value['prefix']['addr']}/{value['prefix']['len']}", strict=False)
        return any(ip_address(each) in network for each in addresses)
    return isinstance(value, str) and value in addresses


def _plain(value: Any) -> Any:
    """An element without its counter, comment or timeout."""
    return value["elem"]["val"] if isinstance(value, dict) and "elem" in value else value


def _owner(base: tuple[str, str, str], path: tuple[str, ...]) -> str:
    """Whose the redirection is, by the names of its chains."""
    for name in path:
        if name.startswith("external-") or name.startswith("service-"):  # kube-proxy: external-HASH-NAMESPACE/NAME/PROTOCOL/PORT
            return f"kube-proxy redirects it to Service {'/'.join(name.split('-', 2)[-1].split('/')[:2])}"
    if any(name.startswith("KUBE-") for name in path):
        return "kube-proxy redirects it to a Service that has it as node port or external IP (kubectl get services -A)"
    if any(name.startswith("CNI-") for name in path):
        return "it is the hostPort of a pod on this node (kubectl get pods -A -o wide)"
    return f"a rule in chain {path[-1]} of table {base[0]} {base[1]} redirects it (nft list chain {base[0]} {base[1]} {path[-1]})"
