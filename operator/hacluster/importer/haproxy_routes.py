"""`use_backend` and `default_backend`: which requests of a frontend go to which section.

Source: HAProxy's Configuration Manual 3.0, 4.2 "use_backend", "http-request replace-path", "http-request set-path".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_conditions import Alternatives, Conditions, Kind, Term
from hacluster.importer.haproxy_sections import Configuration, Section

_LONGEST_PATTERN: Final = 100
_PATTERN: Final = re.compile(r"\^?(?:[A-Za-z0-9_/~-]|\\?\.|\\/|\[[.+]\])*(?:(?:/\?|\(/\)\?)?\(\.\*\)|\(/\.\*\)\??)?\$?")
"""Regular expressions that are tried: a path, and at its end one group for the rest. Others could take for ever."""


@dataclass
class RoutedTo:
    """Requests that go to a section of their own."""

    backend: Section
    directive: Directive
    fields: dict[str, Any] = field(default_factory=dict)
    """`hosts` and `pathPrefix`."""


def routes_of(
    front: Section, conditions: Conditions, configuration: Configuration, *, http: bool, ledger: Ledger
) -> tuple[list[RoutedTo], Section | None]:
    """The routes in their order, and the section that gets all other requests; None: there is none."""
    routes: list[RoutedTo] = []
    for directive in front.take("use_backend"):
        name, words = (directive.words[1] if len(directive.words) > 1 else ""), directive.words[2:]
        backend = configuration.named(name, "backend", "listen")
        if backend is None:
            ledger.lost(directive, "there is no such backend, or its name depends on the request")
            continue
        alternatives = conditions.read(words)
        if always(alternatives):  # what follows is never reached
            backend.used = True
            return routes, backend
        found = [each for terms in alternatives for each in _route(directive, terms, ledger)]
        if not http or any(each is None for each in found):
            ledger.lost(directive, "no field for such a condition")
        else:
            backend.used |= bool(found)
            routes += [RoutedTo(backend, directive, each) for each in found if each is not None]
    default = front.last("default_backend")
    if default is None:
        return routes, None
    backend = configuration.named(default.words[1] if len(default.words) > 1 else "", "backend", "listen")
    if backend is None:
        ledger.lost(default, "there is no such backend")
    else:
        backend.used = True
    return routes, backend


def _route(directive: Directive, terms: Sequence[Term], ledger: Ledger) -> list[dict[str, Any] | None]:
    """The fields of one route for each beginning of a path; None: there is no field."""
    hosts = [term for term in terms if term.kind is Kind.HOST]
    paths = [term for term in terms if term.kind is Kind.PATH]
    if len(hosts) > 1 or len(paths) > 1 or len(hosts) + len(paths) < len(terms) or any(term.negated for term in terms):
        return [None]
    fields: dict[str, Any] = {"hosts": list(dict.fromkeys(hosts[0].values))} if hosts else {}
    if not paths:
        return [fields]
    prefixes = _prefixes(directive, paths[0], ledger)
    return [None] if prefixes is None else [{**fields, "pathPrefix": each} for each in prefixes]


def _prefixes(directive: Directive, term: Term, ledger: Ledger) -> list[str] | None:
    """The path prefixes of a term; None: it compares whole paths, which no field does."""
    exact, beginnings = set(term.exact), list(dict.fromkeys(term.values))
    whole = [each.rstrip("/") for each in beginnings if each.endswith("/") and each.rstrip("/") in exact]
    if exact - set(whole):
        return None
    for each in beginnings:
        if not each.endswith("/"):
            ledger.noted(directive, f"{each} and {each}/… only: a pathPrefix ends where a part of the path ends")
    return [each.rstrip("/") if each.rstrip("/") in whole else each for each in beginnings]


def replaced_prefix(backend: Section, prefixes: Sequence[str], ledger: Ledger) -> str:
    """The `replacePrefix` of a route to this section; empty: the path stays. `prefixes`: the path prefixes of all its routes."""
    rules = [*backend.take("http-request", "replace-path"), *backend.take("http-request", "set-path")]
    if not rules:
        return ""
    found = {_replacement(rules[0].words[2:], each) for each in prefixes}
    if len(rules) > 1 or len(found) != 1 or "" in found:
        for each in rules:
            ledger.lost(each, "no field for such a change of the path")
        return ""
    return found.pop()


def _replacement(words: Sequence[str], prefix: str) -> str:
    """What stands for the prefix in the changed path; empty: no prefix does. The rule is tried with three paths."""
    base = prefix.rstrip("/")
    results = [_changed(words, f"{base}{rest}") for rest in ("/x", "/x/y", "/x/y/z")]
    found = results[0].removesuffix("/x") if results[0].endswith("/x") else None
    if found is None or results[1:] != [f"{found}/x/y", f"{found}/x/y/z"]:
        return ""
    return found if found.startswith("/") else "/" if not found else ""


def _changed(words: Sequence[str], path: str) -> str:
    """The path as the rule changes it; empty: it does not, or it is no such rule."""
    pattern = replacement = ""
    whole = True
    if len(words) == 2:
        pattern, replacement = words
    elif len(words) == 1 and (call := re.fullmatch(r"%\[path,regsub\(([^(),]+),([^(),]*)\)\]", words[0])):
        pattern, replacement, whole = call[1], call[2], False
    if not pattern or len(pattern) > _LONGEST_PATTERN or not _PATTERN.fullmatch(pattern) or "%" in replacement.replace("%%", ""):
        return ""
    try:
        found = re.search(pattern, path)
        text = found.expand(replacement.replace("%%", "%")) if found else ""
    except (re.error, IndexError, RecursionError, OverflowError):
        return ""
    if found is None:
        return ""
    return text if whole else path[: found.start()] + text + path[found.end() :]


def always(alternatives: Alternatives) -> bool:
    """Whether the condition always holds."""
    return () in alternatives


def never(alternatives: Alternatives) -> bool:
    """Whether the condition never holds."""
    return not alternatives
