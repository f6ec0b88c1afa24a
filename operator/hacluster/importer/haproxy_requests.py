"""`http-request`, `http-response` and `tcp-request` rules of a listener: headers, X-Forwarded-For, and whose connections are refused.

Source: HAProxy's Configuration Manual 3.0, 4.2 and 8.2 "Log formats".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hacluster.api.headers import RESERVED
from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_conditions import Alternatives, Conditions, Kind, conditions_of
from hacluster.importer.haproxy_routes import always, never
from hacluster.importer.haproxy_sections import Section
from hacluster.importer.secrets import is_secret_header

_FORWARDED: Final = "x-forwarded-for"
_SCHEME: Final = "x-forwarded-proto"
NO_REDIRECT: Final = "no field: only all requests of a plain port are redirected, to a listener with TLS (tls.redirectFromPort)"
_FETCHES: Final = {
    **{
        "%[src]": "{clientAddress}",
        "%ci": "{clientAddress}",
        "%[dst_port]": "{port}",
        "%fp": "{port}",
        "%[fc_dst_port]": "{port}",
    },
    **{"%[var(txn.host)]": "{host}", "%[req.hdr(host)]": "{host}", "%[hdr(host)]": "{host}", "%%": "%"},
    "%[ssl_fc,iif(https,http)]": "{scheme}",
}
_NAME: Final = re.compile("[A-Za-z0-9_-]{1,64}")
_LITERAL: Final = re.compile("[ -z|~]*")


@dataclass
class RequestRules:
    """What the rules of a listener come to."""

    forward_for: str = "None"
    headers: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {each: {"set": {}, "remove": []} for each in ("request", "response")}
    )
    allowed_sources: list[str] | None = None
    scheme: bool = False
    """Whether the rules say what X-Forwarded-Proto is."""


def request_rules(sections: Sequence[Section], ledger: Ledger, *, tls: bool) -> RequestRules:
    """Reads the rules of a listener's sections: the frontend and, where it has one, its backend. Each has `acl`s of its own."""
    rules = RequestRules()
    for section in sections:
        conditions = conditions_of(section, tls=tls)
        for directive in (*section.take("http-request"), *section.take("http-response")):
            _http_rule(directive, conditions, rules, ledger)
        for directive in section.take("redirect"):
            if not never(conditions.read(condition_of(directive))):
                ledger.lost(directive, NO_REDIRECT)
        _forward_for(section, rules, ledger)
        tcp_rules(section, conditions, rules, ledger)
    return rules


def _http_rule(directive: Directive, conditions: Conditions, rules: RequestRules, ledger: Ledger) -> None:
    direction, action = directive.keyword.removeprefix("http-"), (directive.words[1] if len(directive.words) > 1 else "")
    if action in ("set-header", "add-header", "del-header"):
        count = 3 if action == "del-header" else 4
        condition = conditions.read(directive.words[count:])
        if len(directive.words) < count or not (always(condition) or never(condition)):
            ledger.lost(directive, "no field for a header that depends on a condition")
        elif not never(condition):
            _header(directive, direction, action, rules, ledger, tls=conditions.tls)
    elif not refusal(directive, conditions, rules, ledger) and not (
        directive.words[1:] in _OWN or never(conditions.read(condition_of(directive)))
    ):
        ledger.lost(directive, *([NO_REDIRECT] if action == "redirect" else []))


def refusal(directive: Directive, conditions: Conditions, rules: RequestRules, ledger: Ledger) -> bool:
    """Whether an `http-request` rule refuses all clients but those of some networks."""
    sources = _only_for(condition_of(directive), conditions) if directive.words[1:2] in (("deny",), ("tarpit",)) else ()
    if sources:
        _allow(directive, sources, rules, ledger)
    return bool(sources)


_OWN: Final = {
    ("disable-l7-retry", "unless", "{", "method", "GET", "HEAD", "OPTIONS", "}"),
    ("set-var(txn.host)", "req.hdr(host)"),
}
"""Rules that the operator writes into each HAProxy by itself."""


def condition_of(directive: Directive) -> Sequence[str]:
    """The words from `if` or `unless` on."""
    start = next((i for i, word in enumerate(directive.words) if word in ("if", "unless")), len(directive.words))
    return directive.words[start:]


def _header(directive: Directive, direction: str, action: str, rules: RequestRules, ledger: Ledger, *, tls: bool) -> None:
    name = directive.words[2]
    changes = rules.headers[direction]
    if direction == "request" and name.lower() == _SCHEME:
        rules.scheme = True
        if tls and action != "del-header" and _value(directive.words[3]) in ("https", "{scheme}"):
            _forget(changes, name)  # a listener with TLS sets it by itself
            return
    if direction == "request" and name.lower() == _FORWARDED:
        _forwarded(directive, action, rules, ledger)
        return
    if not _NAME.fullmatch(name) or name.lower() in RESERVED:
        ledger.lost(directive, "no field for this header")
        return
    if action != "del-header" and is_secret_header(name):
        ledger.lost(directive, "no field for a secret")
        return
    if action == "del-header":
        _forget(changes, name)
        changes["remove"].append(name)
        return
    value = _value(directive.words[3])
    if value is None:
        ledger.lost(directive, "no field for such a value; there are {clientAddress}, {port}, {host} and {scheme}")
        return
    if action == "add-header":
        ledger.noted(directive, "the header replaces one of the same name")
    _forget(changes, name)
    changes["set"][name] = value


def _forget(changes: dict[str, Any], name: str) -> None:
    """An earlier change of the same header has no effect any more."""
    changes["set"] = {key: value for key, value in changes["set"].items() if key.lower() != name.lower()}
    changes["remove"] = [each for each in changes["remove"] if each.lower() != name.lower()]


def _forwarded(directive: Directive, action: str, rules: RequestRules, ledger: Ledger) -> None:
    if action == "del-header":
        rules.forward_for = "Removed"
    elif action == "set-header" and _value(directive.words[3]) == "{clientAddress}":
        rules.forward_for = "Replace"
    elif action == "add-header" and _value(directive.words[3]) == "{clientAddress}":
        rules.forward_for = "Replace" if rules.forward_for == "Removed" else "Append"
    else:
        ledger.lost(directive, "no field: forwardFor replaces X-Forwarded-For by the client's address, or appends it")


def _value(text: str) -> str | None:
    """A log format in the resource's notation; None: it has parts that the resource cannot say."""
    parts = re.split(r"(%\[[^\]]*\]|%[A-Za-z]+|%%)", text)
    found = []
    for part in parts:
        if part.startswith("%"):
            if part not in _FETCHES:
                return None
            found.append(_FETCHES[part])
        elif _LITERAL.fullmatch(part):
            found.append(part)
        else:
            return None
    return "".join(found)


def _forward_for(section: Section, rules: RequestRules, ledger: Ledger) -> None:
    option = section.option("forwardfor")
    if option is None:
        return
    words = list(option.words[2:])
    if words[:1] == ["except"]:
        if not words[1:2] or not words[1].startswith("127."):
            ledger.lost(option, "no field: the header is set for every client", "except")
        del words[:2]
    for word in words:
        if word.lower() not in ("header", _FORWARDED):
            ledger.lost(option, part=word)
    rules.forward_for = "Append" if rules.forward_for in ("None", "Append") else "Replace"


def tcp_rules(section: Section, conditions: Conditions, rules: RequestRules, ledger: Ledger) -> None:
    """`tcp-request` rules: they refuse clients, or are lost."""
    directives = section.take("tcp-request")
    contents = [each for each in directives if each.words[1:2] == ("content",)]
    accepted: tuple[str, ...] = ()
    for directive in directives:
        action, condition = directive.words[2:3], condition_of(directive)
        if action == ("reject",) and (sources := accepted if not condition else _only_for(condition, conditions)):
            _allow(directive, sources, rules, ledger)
        elif action == ("accept",) and (sources := _sources(conditions.read(condition), negated=False)):
            accepted += sources
        elif directive.words[1:2] != ("inspect-delay",) or contents:
            ledger.lost(directive)


def _only_for(condition: Sequence[str], conditions: Conditions) -> tuple[str, ...]:
    """The networks of a refusal for all others; empty: it is no such refusal."""
    return _sources(conditions.read(condition), negated=True)


def _sources(alternatives: Alternatives, *, negated: bool) -> tuple[str, ...]:
    """The networks of a condition that is about the client's network only."""
    terms = [term for each in alternatives for term in each]
    if len(alternatives) != 1 or not terms or any(term.kind is not Kind.SOURCE or term.negated is not negated for term in terms):
        return ()
    return tuple(value for term in terms for value in term.values) if negated or len(terms) == 1 else ()


def _allow(directive: Directive, sources: Sequence[str], rules: RequestRules, ledger: Ledger) -> None:
    if rules.allowed_sources is not None and rules.allowed_sources != list(dict.fromkeys(sources)):
        ledger.lost(directive, "no field for a second list of networks")
    else:
        rules.allowed_sources = list(dict.fromkeys(sources))
