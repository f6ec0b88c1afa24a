"""Reads conditions: `acl` definitions, and what follows `if` and `unless`.

A condition becomes alternatives of terms that all have to hold. A term is about the host that the client asks for, the beginning of the
path, or the client's network; everything else is a `Term` of kind OTHER, which no field expresses.

Source: HAProxy's Configuration Manual 3.0, 7 "Using ACLs and fetching samples".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from hacluster.importer.haproxy_sections import Section

_MOST_ALTERNATIVES: Final = 256


class Kind(Enum):
    """What a term is about."""

    HOST = "host"
    PATH = "path"
    SOURCE = "source"
    ALWAYS = "always"
    NEVER = "never"
    OTHER = "other"


@dataclass(frozen=True)
class Term:
    """One condition. `values`: hosts (`*.` for all names below), beginnings of paths, or networks; one of them has to fit."""

    kind: Kind
    values: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    """Paths that have to be equal."""
    negated: bool = False


Alternatives = tuple[tuple[Term, ...], ...]
"""One of the alternatives has to hold, with all of its terms."""

OTHER: Final = Term(Kind.OTHER)
ALWAYS: Final[Alternatives] = ((),)

_HOST_FETCHES: Final = {"hdr(host)", "req.hdr(host)", "base_host", "req.fhdr(host)", "hdr_dom(host)", "hdr_end(host)"}
_HARMLESS: Final = {"host_only", "lower", "field(1,:)", "word(1,:)"}
"""Converters that change nothing here: a host of the resource is compared without port and without regard to capital letters."""
_OPERATORS: Final = {"or", "||"}


@dataclass
class Conditions:
    """The named conditions of a section."""

    acls: dict[str, tuple[Term, ...]]
    tls: bool
    """Whether the section's clients use TLS, as `ssl_fc` asks."""

    def read(self, words: Sequence[str]) -> Alternatives:
        """The alternatives of a condition that begins with `if` or `unless`; without either, it always holds."""
        if not words:
            return ALWAYS
        if words[0] not in ("if", "unless"):
            return ((OTHER,),)
        found = [_without_families(each) for each in self._alternatives(words[1:])]
        return _simplified(_negated(found) if words[0] == "unless" else found)

    def _alternatives(self, words: Sequence[str]) -> Iterator[list[Term]]:
        """One list of terms for each part between `or`s."""
        terms: list[Term] = []
        position = 0
        while position < len(words):
            word = words[position]
            if word.lower() in _OPERATORS:
                yield terms
                terms = []
            elif word in ("{", "!{"):
                end = next((i for i in range(position + 1, len(words)) if words[i] == "}"), len(words))
                terms += _inverted(_definition(words[position + 1 : end], self.tls), word == "!{" or _bare_not(words, position))
                position = end
            elif word != "!":
                name = word.removeprefix("!")
                terms += _inverted(
                    self.acls.get(name, _PREDEFINED.get(name, (OTHER,))), word != name or _bare_not(words, position)
                )
            position += 1
        yield terms


_PREDEFINED: Final = {"TRUE": (Term(Kind.ALWAYS),), "FALSE": (Term(Kind.NEVER),)}


def conditions_of(section: Section, *, tls: bool) -> Conditions:
    """The `acl`s of a section. An `acl` itself is never lost: the rules that use it are."""
    acls: dict[str, tuple[Term, ...]] = {}
    for directive in section.take("acl"):
        if len(directive.words) > 2:
            acls[directive.words[1]] = _either(acls.get(directive.words[1]), _definition(directive.words[2:], tls))
    return Conditions(acls, tls)


def _bare_not(words: Sequence[str], position: int) -> bool:
    return position > 0 and words[position - 1] == "!"


def _inverted(terms: tuple[Term, ...], negated: bool) -> tuple[Term, ...]:
    """The terms of one name; negated, a name with several is no term of ours any more."""
    if not negated:
        return terms
    return (_not(terms[0]),) if len(terms) == 1 else (OTHER,)


def _not(term: Term) -> Term:
    if term.kind in (Kind.ALWAYS, Kind.NEVER):
        return Term(Kind.NEVER if term.kind is Kind.ALWAYS else Kind.ALWAYS)
    return Term(term.kind, term.values, term.exact, not term.negated)


def _without_families(terms: Sequence[Term]) -> tuple[Term, ...]:
    """Without "no IPv4 address" beside networks: what they have of IPv6 is left."""
    rest = [_ipv6_of(each) for each in terms if each != _NO_IPV4]
    sources = [each for each in rest if each.kind is Kind.SOURCE and not each.negated]
    is_ipv6 = len(rest) < len(terms) and sources and all(each.values for each in sources)
    return tuple(rest if is_ipv6 else terms)


def _ipv6_of(term: Term) -> Term:
    if term.kind is not Kind.SOURCE or term.negated:
        return term
    return replace(term, values=tuple(each for each in term.values if ":" in each))


_NO_IPV4: Final = Term(Kind.SOURCE, ("0.0.0.0/0",), negated=True)


def _negated(alternatives: Sequence[tuple[Term, ...]]) -> list[tuple[Term, ...]]:
    """None of the alternatives, each of which has to be a single term."""
    if any(len(each) != 1 for each in alternatives):
        return [(OTHER,)]
    return [tuple(_not(each[0]) for each in alternatives)]


def _simplified(alternatives: Sequence[tuple[Term, ...]]) -> Alternatives:
    """Without terms that always hold, and without alternatives that never do."""
    kept = [
        tuple(term for term in each if term.kind is not Kind.ALWAYS)
        for each in alternatives[:_MOST_ALTERNATIVES]
        if not any(term.kind is Kind.NEVER for term in each)
    ]
    return tuple(dict.fromkeys(kept)) if len(alternatives) <= _MOST_ALTERNATIVES else ((OTHER,),)


def _either(earlier: tuple[Term, ...] | None, terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """Two definitions of one name: one of them has to fit."""
    if earlier is None:
        return terms
    one, other = earlier[0], terms[0]
    if len(earlier) != 1 or len(terms) != 1 or one.kind is not other.kind or one.kind is Kind.OTHER:
        return (OTHER,)
    return (Term(one.kind, (*one.values, *other.values), (*one.exact, *other.exact)),)


def _definition(words: Sequence[str], tls: bool) -> tuple[Term, ...]:
    """What a criterion with its flags and values means. A tuple, so that no term at all can be told from one."""
    if not words:
        return (OTHER,)
    method, values, criterion = "", list(words[1:]), words[0].lower()
    while values and values[0].startswith("-") and len(values[0]) > 1:
        flag = values.pop(0)
        if flag == "-m" and values:
            method = values.pop(0)
        elif flag == "--":
            break
        elif flag not in ("-i", "-n"):
            return (OTHER,)
    if criterion == "ssl_fc" and not values:
        return (Term(Kind.ALWAYS if tls else Kind.NEVER),)
    fetch, *converters = _split_converters(criterion)
    if fetch in _HOST_FETCHES and _HARMLESS.issuperset(converters):
        return (_host(fetch, method, values),)
    if criterion == "src" and not method:
        return (_source(values),)
    return (_path(criterion, method, values),)


def _split_converters(criterion: str) -> list[str]:
    """Fetch and converters: commas separate them, but not those in parentheses."""
    return re.findall(r"(?:\([^()]*\)|[^,()])+", criterion) or [""]


def _host(fetch: str, method: str, values: Sequence[str]) -> Term:
    kind = method or {"hdr_dom(host)": "dom", "hdr_end(host)": "end"}.get(fetch, "str")
    hosts = [each.lower() for each in values]
    if kind == "end" and all(each.startswith(".") for each in hosts):
        return Term(Kind.HOST, tuple(f"*{each}" for each in hosts))
    if kind == "dom":
        return Term(Kind.HOST, tuple(name for each in hosts for name in (each, f"*.{each}")))
    return Term(Kind.HOST, tuple(re.sub(":[0-9]+$", "", each) for each in hosts)) if kind == "str" and hosts else OTHER


def _path(criterion: str, method: str, values: Sequence[str]) -> Term:
    if not values or not all(each.startswith("/") for each in values):
        return OTHER
    if criterion in ("path_beg", "url_beg") or (criterion == "path" and method == "beg"):
        return Term(Kind.PATH, tuple(values))
    return Term(Kind.PATH, exact=tuple(values)) if criterion == "path" and method in ("", "str") else OTHER


def _source(values: Sequence[str]) -> Term:
    networks = []
    for each in values:
        try:
            networks += [str(network) for network in _compared(ip_network(each, strict=False))]
        except ValueError:
            return OTHER
    return Term(Kind.SOURCE, tuple(networks)) if networks else OTHER


def _compared(network: IPv4Network | IPv6Network) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks whose clients fit. HAProxy compares an IPv4 address with IPv6 networks as ::ffff:a.b.c.d, so ::/0 is everyone."""
    if isinstance(network, IPv4Network) or not network.overlaps(_MAPPED):
        return (network,)
    if network.prefixlen < _MAPPED.prefixlen:
        return network, IPv4Network("0.0.0.0/0")
    return (IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - _MAPPED.prefixlen)),)


_MAPPED: Final = IPv6Network("::ffff:0:0/96")
"""IPv4 addresses written as IPv6 (RFC 4291, 2.5.5.2)."""
