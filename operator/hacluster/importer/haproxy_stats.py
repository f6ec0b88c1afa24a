"""The statistics page: a section of its own, or a page on the port of a listener.

Source: HAProxy's Configuration Manual 3.0, 4.2 "stats …".
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from hacluster import names
from hacluster.importer.findings import Ledger
from hacluster.importer.haproxy_binds import Endpoint, binds_of
from hacluster.importer.haproxy_conditions import conditions_of
from hacluster.importer.haproxy_global import own_proxy_settings, page_look
from hacluster.importer.haproxy_secrets import Secrets
from hacluster.importer.haproxy_sections import Section
from hacluster.importer.haproxy_timeouts import CLIENT_SIDE, SERVER_SIDE, is_timeout, timeouts_of

_DEFAULT_URI: Final = "/haproxy?stats"
_PATH: Final = re.compile(r"/[A-Za-z0-9._~=:@+,&/-]{0,254}")
_REALM: Final = re.compile("[A-Za-z0-9 ._-]{1,64}")
_PORTS: Final = (8080, 8404, 9000, 1936, 8405)
"""Ports that a page gets which had none of its own: the first that no listener has."""
_CREDENTIALS: Final = f"opt@{names.credentials_file('')}"
"""What the operator's own acl of a page with a password begins the Secret's file with."""
_ENABLING: Final = ("enable", "uri", "auth", "realm", "admin", *("hide-version", "refresh", "scope", "show-legends", "show-node"))


def has_page(section: Section) -> bool:
    """Whether the section has a statistics page."""
    return any(each.keyword == "stats" and each.words[1:2] and each.words[1] in _ENABLING for each in _own_and_inherited(section))


def is_page(section: Section) -> bool:
    """Whether it is a page and nothing else."""
    own = {each.keyword for each in section.directives}
    metrics = any(each.words[1:3] == ("use-service", "prometheus-exporter") for each in section.directives)
    return (has_page(section) or metrics) and own.isdisjoint({"server", "default_backend", "use_backend", "server-template"})


def page_of(section: Section, interfaces: Mapping[str, str], secrets: Secrets) -> dict[str, Any]:
    """`haproxy.stats` from a section of its own. `interfaces`: a node's address → its interface."""
    ledger = secrets.ledger
    binds = binds_of(section, ledger)
    if has_page(section):
        fields = _page(section, secrets)
    else:
        fields = {"enabled": True}
        ledger.note(section.place, f"{section.kind} {section.name}: the metrics come with the statistics page, on the same port")
    for endpoint in binds.endpoints:
        if endpoint.port != binds.endpoints[0].port:
            ledger.lost(endpoint.directive, "no field: the page has one port")
    if binds.endpoints:
        fields["port"] = binds.endpoints[0].port
    of_addresses = _interface(binds.endpoints, interfaces, ledger)
    interface = binds.interface or of_addresses
    if interface:
        fields["interface"] = interface
    fields |= _metrics(section, ledger)
    fields |= _credentials(section, ledger)
    _consume(section, ledger, interface=bool(interface))
    return fields


def _interface(endpoints: Sequence[Endpoint], interfaces: Mapping[str, str], ledger: Ledger) -> str:
    """The interface of the addresses to which a page is bound; empty: it is on all of them."""
    known = {"127.0.0.1": "lo", "::1": "lo", **interfaces}
    found = {known.get(each.address, "") for each in endpoints}
    if len(found) == 1 and (interface := found.pop()):
        for each in endpoints:
            if interface != "lo":
                ledger.noted(each.directive, f"the page is on all addresses of {interface}, on every node that has it")
        return interface
    for each in endpoints:
        if each.address:
            reason = "no field for an address: the page would be on all of them; --nodes tells its interface, for `interface`"
            ledger.lost(each.directive, reason)
    return ""


def page_on_listener(section: Section, taken: Collection[int], secrets: Secrets, *, tls: bool) -> dict[str, Any]:
    """`haproxy.stats` from a page on the port of a listener: it gets a port of its own.

    `taken`: the listeners' ports; `tls`: whether the listener has TLS.
    """
    fields = _page(section, secrets)
    fields["port"] = next((each for each in _PORTS if each not in taken), 8080)
    for directive in section.take("stats")[:1]:
        secrets.ledger.noted(
            directive, f"the page is no more on the listener's port, but on port {fields['port']}{', without TLS' if tls else ''}"
        )
    return fields


def _page(section: Section, secrets: Secrets) -> dict[str, Any]:
    ledger = secrets.ledger
    fields: dict[str, Any] = {"enabled": True}
    uri = section.last("stats", "uri")
    path = uri.words[2] if uri and len(uri.words) > 2 else _DEFAULT_URI
    plain = path.partition("?")[0]
    if _PATH.fullmatch(plain):
        fields["path"] = plain
        if plain != path and uri:
            ledger.noted(uri, f"the page is at {plain}, without a query")
    elif uri:
        ledger.lost(uri, "no field for such a path")
    if plain != path and not uri:
        ledger.note(section.place, f"the page of {section.kind} {section.name} is at {plain}, without a query")
    realm = section.last("stats", "realm")
    if realm and len(realm.words) > 2:
        if _REALM.fullmatch(realm.words[2]):
            fields["realm"] = realm.words[2]
        else:
            ledger.noted(realm, "the realm is HAProxy Statistics")
    rules = section.take("stats", "http-request")
    for directive in rules:
        ledger.lost(directive, "no field: a page asks for the user and the password of stats.credentialsSecret, or for none")
    fields |= _login(section, secrets)
    for directive in section.take("stats", "admin"):
        if tuple(each.upper() for each in directive.words[2:]) != ("IF", "TRUE"):
            ledger.lost(directive, "no field for a condition")
        elif rules and "credentialsSecret" not in fields:
            ledger.lost(directive, "it goes with a password only: set stats.admin and stats.credentialsSecret")
        else:
            asks = "credentialsSecret" in fields or _secret(section)
            fields |= {"admin": True} if asks else {"admin": True, "allowUnauthenticatedAdmin": True}
    section.take("stats", "enable")
    page_look(section, ledger)
    return fields


def _login(section: Section, secrets: Secrets) -> dict[str, Any]:
    """`credentialsSecret`, where the page asks for a password. It may let several users in, the port lets in one."""
    found: dict[str, Any] = {}
    for directive in section.take("stats", "auth"):
        user, _, password = (directive.words[2] if len(directive.words) > 2 else "").partition(":")
        if not user or not password:
            secrets.ledger.lost(directive, "needs a user and a password, such as admin:PASSWORD")
        elif found:
            secrets.ledger.lost(directive, "no field for a second user of the page")
        else:
            found = {"credentialsSecret": {"name": secrets.credentials(directive, user)}}
    return found


def _metrics(section: Section, ledger: Ledger) -> dict[str, Any]:
    """`metrics`, where the section also serves HAProxy's own metrics."""
    rules = section.take("http-request", "use-service", "prometheus-exporter")
    for rule in rules:
        if rule.words[3:] not in (("if", "{", "path", "/metrics", "}"), ()):
            ledger.noted(rule, "the metrics are at /metrics")
    return {"metrics": True} if rules else {}


def _secret(section: Section) -> str:
    """The name of the Secret in a page that the operator has written; empty: there is none."""
    found = (word for each in section.directives if each.keyword == "acl" for word in each.words if word.startswith(_CREDENTIALS))
    return next(found, "").removeprefix(_CREDENTIALS)


def _credentials(section: Section, ledger: Ledger) -> dict[str, Any]:
    name = _secret(section)
    if not name:
        return {}
    ledger.owned(*(each for each in section.directives if each.words[:2] == ("http-request", "auth")))
    return {"credentialsSecret": {"name": name}}


def _consume(section: Section, ledger: Ledger, *, interface: bool) -> None:
    """What else belongs to a page, or is the operator's own. Timeouts and limits of the page alone have no field."""
    section.take("mode")
    conditions_of(section, tls=False)
    own_proxy_settings(section, ledger)
    if interface:  # the operator refuses other addresses of a page that is limited to an interface (`plan/texts/stats.py`)
        for rest in ((), ("unless", "stats_address")):
            ledger.owned(*(each for each in section.directives if each.words == ("tcp-request", "connection", "reject", *rest)))
    timeouts_of(section, CLIENT_SIDE | SERVER_SIDE, ledger)
    for directive in section.directives:
        if is_timeout(directive) or directive.keyword == "maxconn":
            ledger.noted(directive, "the page has the timeouts and limits of all listeners")
    for keyword in ("maxconn", "balance", "cookie", "retries", "backlog"):
        section.take(keyword)
    for option in ("httpclose", "http-server-close", "http-keep-alive", "forceclose", "forwardfor", "httpchk"):
        section.option(option)


def _own_and_inherited(section: Section) -> list[Any]:
    inherited = _own_and_inherited(section.parent) if section.parent is not None else []
    return inherited + section.directives
