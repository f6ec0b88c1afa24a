"""Joins the sections of haproxy.cfg into listeners: a `listen`, or a `frontend` with its backends, for each port.

A backend that several frontends use is copied: in the resource, servers are those of one listener.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_binds import Binds
from hacluster.importer.haproxy_checks import CHECK_OPTIONS
from hacluster.importer.haproxy_conditions import conditions_of
from hacluster.importer.haproxy_global import own_proxy_settings
from hacluster.importer.haproxy_groups import CONNECTION_MODES, Group, connection_mode, group_of, strongest
from hacluster.importer.haproxy_requests import NO_REDIRECT, RequestRules, request_rules
from hacluster.importer.haproxy_route_fields import report_rules_of_some, route_fields
from hacluster.importer.haproxy_routes import RoutedTo, routes_of
from hacluster.importer.haproxy_secrets import Secrets
from hacluster.importer.haproxy_sections import Configuration, Section
from hacluster.importer.haproxy_servers import with_ports, without_offsets
from hacluster.importer.haproxy_timeouts import (
    CLIENT_SIDE,
    SERVER_SIDE,
    Timeouts,
    complete,
    inherited,
    report_missing,
    timeouts_of,
)
from hacluster.importer.haproxy_values import name_of, number

OWN_PREFIX: Final = "hacluster:"
"""What the names of the operator's own sections begin with."""


@dataclass
class Front:
    """One `listen` or `frontend`, read completely."""

    section: Section
    binds: Binds
    http: bool
    fields: dict[str, Any]
    """Everything but name, port and addresses; servers may have relative ports."""
    timeouts: Timeouts
    """All that hold for the listener."""
    inherited_timeouts: Timeouts
    """Those that its `defaults` say."""
    route_timeouts: list[Timeouts]
    """Those of each route, on the side of the servers."""
    retries: int | None
    maximum: int | None
    """Connections, as the section or its `defaults` say."""
    own_maximum: bool
    """Whether the section itself says so."""
    resolvers: set[str] = field(default_factory=set)


def read_front(section: Section, binds: Binds, configuration: Configuration, secrets: Secrets) -> Front | None:
    """The section as a listener on these addresses, all with TLS or all without; None: it has no servers at all."""
    ledger, http = secrets.ledger, is_http(section, secrets.ledger)
    own_proxy_settings(section, ledger)
    routes, back = _targets(section, configuration, binds, ledger, http=http)
    if back is None:
        return None
    sections = list(dict.fromkeys([section, back]))
    for each in (*sections, *(route.backend for route in routes)):
        is_http(each, ledger)
    rules = request_rules(sections, ledger, tls=binds.tls)
    group = group_of(back, secrets, http=http)
    by_section = {each: group_of(each, secrets, http=http) for each in dict.fromkeys(route.backend for route in routes)}
    groups = [by_section[each.backend] for each in routes]
    report_rules_of_some(section, routes, back, ledger)
    for each in (*sections, *(route.backend for route in routes)):
        _without_effect(each, ledger)
    client = timeouts_of(section, CLIENT_SIDE, ledger)
    report_missing(section, client, ("client",), ledger)
    for one in (group, *groups):
        report_missing(one.section, one.timeouts, ("connect", "server"), ledger)
    maximum = section.last("maxconn")
    return Front(
        section=section,
        binds=binds,
        http=http,
        fields=_fields(
            section, binds, rules, group, routes=route_fields(routes, groups, group, ledger), http=http, ledger=ledger
        ),
        timeouts=complete(client, group.timeouts, http=http, interval=group.interval),
        inherited_timeouts=inherited(section, back, ledger, http=http),
        route_timeouts=[complete({}, each.timeouts, http=http, interval=each.interval) for each in groups],
        retries=_retries(section, [group, *groups], ledger),
        maximum=_maximum(maximum, ledger),
        own_maximum=maximum is not None and not section.inherits(maximum),
        resolvers={name for each in (group, *groups) for name in each.servers.resolvers},
    )


def per_port(front: Front, name: str, bind: Mapping[int, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A listener for each port. `bind` has the fields for the addresses of each port."""
    found = []
    for position, port in enumerate(front.binds.ports):
        backend = {"servers": without_offsets(with_ports(front.fields["backend"]["servers"], port))}
        routes = [
            {**each, "backend": {"servers": without_offsets(with_ports(each["backend"]["servers"], port))}}
            for each in front.fields["routes"]
        ]
        own = {"name": name if position == 0 else f"{name[:57]}-{port}", "port": port, **bind[port]}
        found.append({**own, **front.fields, "routes": routes, "backend": backend})
    return found


def is_http(section: Section, ledger: Ledger) -> bool:
    """Whether it is `mode http`; without `mode`, HAProxy takes tcp."""
    directive = section.last("mode")
    value = directive.words[-1].lower() if directive is not None else "tcp"
    if directive is not None and value not in ("http", "tcp"):
        ledger.lost(directive)
    return value == "http"


def _targets(
    section: Section, configuration: Configuration, binds: Binds, ledger: Ledger, *, http: bool
) -> tuple[list[RoutedTo], Section | None]:
    conditions = conditions_of(section, tls=binds.tls)
    routes, default = routes_of(section, conditions, configuration, http=http, ledger=ledger)
    has_servers = section.kind == "listen" and any(each.keyword == "server" for each in section.directives)
    back = default or (section if has_servers else None)
    if back is None and routes:
        ledger.miss(
            section.place,
            f"{section.kind} {section.name} has no default_backend: it answers 503 to requests that no use_backend fits; "
            f"no field: now they would go to {routes[-1].backend.name}",
        )
        back = routes.pop().backend
    if back is None:
        _without_servers(section, ledger)
    return routes, back


def _without_servers(section: Section, ledger: Ledger) -> None:
    """What a section without servers does by itself is lost: it redirects, or it answers."""
    own = section.take_all()
    answers = [each for each in own if each.keyword in ("redirect", "monitor-uri") or each.words[:2] in _ANSWERS]
    for each in answers:
        ledger.lost(each, *([NO_REDIRECT] if "redirect" in each.words[:2] else []))
    if not answers:
        ledger.lost(section.header, "no field: it has no servers")


_ANSWERS: Final = (("http-request", "redirect"), ("http-request", "return"), ("http-request", "use-service"))


def _fields(
    section: Section, binds: Binds, rules: RequestRules, group: Group, *, routes: list[dict[str, Any]], http: bool, ledger: Ledger
) -> dict[str, Any]:
    if binds.interface and binds.interface_directive is not None:
        ledger.lost(binds.interface_directive, "no field: a listener is on all interfaces", f"interface {binds.interface}")
    if rules.forward_for == "Removed":
        ledger.miss(section.place, f"{section.kind} {section.name} removes X-Forwarded-For: no field: forwardFor replaces it")
    if http and binds.tls and not rules.scheme:
        ledger.note(section.place, f"{section.kind} {section.name}: servers now get X-Forwarded-Proto: https")
    headers = {
        direction: changes for direction, changes in rules.headers.items() if http and (changes["set"] or changes["remove"])
    }
    mode = strongest(connection_mode(section, ledger), group.connection_mode)
    forward_for = "Replace" if rules.forward_for == "Removed" else rules.forward_for
    only_http = {"connectionMode": mode, **({"forwardFor": {"mode": forward_for}} if forward_for != "Replace" else {})}
    return {
        "mode": "HTTP" if http else "TCP",
        "balance": group.balance,
        **(only_http if http else {}),
        **({"headers": headers} if headers else {}),
        **({"allowedSources": rules.allowed_sources} if rules.allowed_sources else {}),
        **({"serverMaxConnections": group.servers.maximum} if group.servers.maximum else {}),
        "proxyProtocol": {"accept": binds.accept_proxy, "send": group.servers.send_proxy},
        "onServerDown": "CloseSessions" if group.servers.close_sessions else "KeepSessions",
        **({"cookie": group.cookie} if group.cookie else {}),
        "healthCheck": group.health_check,
        **({"serverTLS": group.server_tls} if group.server_tls else {}),
        "routes": routes,
        "backend": {"servers": group.servers.fields},
    }


def _without_effect(section: Section, ledger: Ledger) -> None:
    """What `defaults` say for the other side: a frontend has no servers, a backend no clients."""
    if section.parent is not None:
        timeouts_of(section.parent, CLIENT_SIDE | SERVER_SIDE, ledger)
        for keyword in ("balance", "cookie", "default-server", "http-check", "maxconn", "retries", "tcp-check"):
            section.parent.take(keyword)
        for option in (*CHECK_OPTIONS, *CONNECTION_MODES, "forwardfor"):
            section.parent.option(option)


def _retries(section: Section, groups: Sequence[Group], ledger: Ledger) -> int | None:
    section.take("retries")
    values = {each.retries for each in groups}
    if len(values) > 1:
        ledger.miss(section.place, f"{section.kind} {section.name}: retries: no field for different ones")
    return groups[0].retries


def _maximum(directive: Directive | None, ledger: Ledger) -> int | None:
    if directive is None:
        return None
    value = number(directive.words[-1], 1, 1_000_000)
    if value is None:
        ledger.lost(directive, "must be a number from 1 to 1000000")
    return value


def listener_name(section: Section) -> str:
    """A name that a listener may have."""
    return name_of(section.name.removeprefix(OWN_PREFIX))
