"""The fields of routes, and what a route would need of its own that only a listener has."""

from collections.abc import Sequence
from typing import Any, Final

from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_groups import Group, strongest
from hacluster.importer.haproxy_routes import RoutedTo, replaced_prefix
from hacluster.importer.haproxy_sections import Section
from hacluster.importer.haproxy_values import name_of, unique

_UNLIKE: Final = "no field: a route's servers are in this like those of the listener"
_RULES: Final = ("http-request", "http-response", "tcp-request")
_OF_PATHS: Final = (("replace-path",), ("set-path",))


def route_fields(routes: Sequence[RoutedTo], groups: Sequence[Group], own: Group, ledger: Ledger) -> list[dict[str, Any]]:
    """The routes as fields; what a route leaves out is as the listener has it."""
    found = []
    names = unique([name_of(each.backend.name.rpartition(":")[2]) for each in routes])
    prefixes: dict[Section, list[str]] = {}
    for route in routes:
        prefixes.setdefault(route.backend, []).append(route.fields.get("pathPrefix", ""))
    replacements = {each: replaced_prefix(each, prefixes[each], ledger) for each in prefixes}
    for name, route, group in zip(names, routes, groups, strict=True):
        fields = {"name": name, **route.fields}
        replaced = replacements[route.backend]
        if replaced and replaced != fields["pathPrefix"]:
            fields["replacePrefix"] = replaced
        fields |= {"balance": group.balance} if group.balance != own.balance else {}
        fields |= {"cookie": group.cookie} if group.cookie and group.cookie != own.cookie else {}
        fields |= {"healthCheck": group.health_check} if group.health_check != own.health_check else {}
        if own.cookie and not group.cookie:
            ledger.miss(group.section.place, f"backend {group.section.name} sets no cookie: no field: a route has the listener's")
        for attribute, word in (("maximum", "maxconn"), ("send_proxy", "send-proxy"), ("close_sessions", "on-marked-down")):
            if getattr(group.servers, attribute) != getattr(own.servers, attribute):
                ledger.miss(group.section.place, f"backend {group.section.name}: {word} of its servers: {_UNLIKE}")
        if group.server_tls != own.server_tls:
            ledger.miss(group.section.place, f"backend {group.section.name}: ssl of its servers: {_UNLIKE}")
        if strongest(group.connection_mode, own.connection_mode) != own.connection_mode:
            ledger.miss(group.section.place, f"backend {group.section.name}: how connections are kept: {_UNLIKE}")
        found.append({**fields, "backend": {"servers": group.servers.fields}})
    return found


def report_rules_of_some(front: Section, routes: Sequence[RoutedTo], back: Section, ledger: Ledger) -> None:
    """Rules that not all sections have to which a frontend sends requests: a route has no headers of its own."""
    if not routes:
        return
    backends = list(dict.fromkeys([*([back] if back is not front else []), *(route.backend for route in routes)]))
    rules = {
        each: [one for keyword in _RULES for one in each.take(keyword) if one.words[1:2] not in _OF_PATHS] for each in backends
    }
    means = {each: _meanings(each, rules[each]) for each in backends}
    alike = frozenset.intersection(*(frozenset(each.values()) for each in means.values()))
    forwards = {each.option("forwardfor") is not None for each in backends}
    for section in backends:
        for directive in rules[section]:
            if means[section][directive] not in alike:
                ledger.lost(directive, "no field for rules of some requests only")
        if len(forwards) > 1 and section.option("forwardfor") and not front.option("forwardfor"):
            ledger.miss(section.place, f"backend {section.name}: option forwardfor: {_UNLIKE}")


def _meanings(section: Section, rules: Sequence[Directive]) -> dict[Directive, tuple[object, ...]]:
    """Rule → what it says. Rules with a condition say the same in two sections if these have the same `acl`s as well."""
    acls = tuple(each.words for each in section.take("acl"))
    return {each: (each.words, acls if {"if", "unless"} & set(each.words) else ()) for each in rules}
