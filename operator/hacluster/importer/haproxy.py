"""Makes `spec.haproxy` of haproxy.cfg files.

`read_haproxy` reads everything that the files say; `haproxy_fields` then needs the virtual IPs, to tell which addresses a listener means.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hacluster.importer.findings import Ledger
from hacluster.importer.haproxy_bind_tls import bind_reader
from hacluster.importer.haproxy_binds import ANY, Endpoint, binds_of
from hacluster.importer.haproxy_global import dns_settings, global_settings, log_settings
from hacluster.importer.haproxy_listeners import OWN_PREFIX, Front, is_http, listener_name, per_port, read_front
from hacluster.importer.haproxy_redirects import Redirect, attach, redirect_of
from hacluster.importer.haproxy_secrets import Secrets, secrets_of
from hacluster.importer.haproxy_sections import PROXIES, Configuration, Section, read_sections
from hacluster.importer.haproxy_stats import has_page, is_page, page_of, page_on_listener
from hacluster.importer.haproxy_timeouts import as_fields, common, differing
from hacluster.importer.haproxy_values import unique

_DEFAULT_MAXIMUM: Final = 8000
"""`haproxy.proxyMaxConnections` of a resource that does not name it."""
_CLIENTS: Final = ("frontend", "listen")


@dataclass
class Haproxy:
    """What haproxy.cfg files say."""

    settings: dict[str, Any]
    stats: dict[str, Any]
    fronts: list[Front]
    names: list[str]
    """Of the listeners of each front."""
    redirects: list[Redirect]


def read_haproxy(
    files: Iterable[tuple[str, str]], interfaces: Mapping[str, str], resource: str, namespace: str, ledger: Ledger
) -> Haproxy:
    """Reads the files, each given by its name and text.

    `interfaces`: a node's address → its interface, as far as they are known. The resource's name and namespace (or none) are for Secrets.
    """
    configuration = read_sections(files, ledger)
    _pass_over(configuration, ledger)
    secrets = secrets_of(configuration, resource, namespace, ledger)
    settings = {**global_settings(configuration, ledger)}
    log = log_settings(configuration, ledger)
    pages = [each for each in configuration.of_kind(*_CLIENTS) if is_page(each)]
    fronts, redirects = _fronts([each for each in configuration.of_kind(*_CLIENTS) if each not in pages], configuration, secrets)
    stats = _stats(pages, interfaces, fronts, secrets)
    settings |= _limits(fronts, settings, ledger)
    timeouts = common([each.timeouts for each in fronts], [each.inherited_timeouts for each in fronts])
    for front in fronts:
        _own_timeouts(front, timeouts)
    dns = dns_settings(configuration, {name for front in fronts for name in front.resolvers}, ledger)
    settings |= {"timeouts": as_fields(timeouts)} | ({"dns": dns} if dns else {}) | ({"log": log} if log else {})
    _finish(configuration, ledger)
    return Haproxy(settings, stats, fronts, unique(_names(fronts)), redirects)


def haproxy_fields(read: Haproxy, virtual_ips: Mapping[str, str], ledger: Ledger, *, known: bool) -> dict[str, Any]:
    """`spec.haproxy`. `virtual_ips`: address → router; `known`: whether they are known, because keepalived.conf was given."""
    listeners: list[dict[str, Any]] = []
    for front, name in zip(read.fronts, read.names, strict=True):
        bind = {port: _bind(front.section, front.binds.on(port), virtual_ips, ledger, known=known) for port in front.binds.ports}
        served = {port: front.binds.served(port, ledger) for port in front.binds.ports}
        bind = {port: {**fields, **({"tls": tls.fields} if (tls := served[port]) else {})} for port, fields in bind.items()}
        if not bind:
            ledger.miss(front.section.place, f"{front.section.kind} {front.section.name} listens on no TCP port")
        listeners += per_port(front, name, bind)
    for redirect in read.redirects:
        own = {
            port: _bind(redirect.section, redirect.binds.on(port), virtual_ips, ledger, known=known)
            for port in redirect.binds.ports
        }
        attach(redirect, listeners, own, ledger)
    return {**read.settings, "stats": read.stats, "listeners": listeners}


def needs_nonlocal_bind(haproxy: Mapping[str, Any]) -> bool:
    """Whether a listener binds virtual IPs, which a node that does not hold them can do only with that setting of the kernel."""
    return any(each.get("bind") == "VirtualIPs" for each in haproxy["listeners"])


def _pass_over(configuration: Configuration, ledger: Ledger) -> None:
    """Takes sections that have no effect here out: disabled ones, those of the operator itself, those of other kinds."""
    for section in list(configuration.sections):
        if section.name == f"{OWN_PREFIX}health":
            section.take_all()
        elif section.kind in PROXIES and any(each.words == ("disabled",) for each in section.directives):
            section.take_all()
            ledger.note(section.place, f"{section.kind} {section.name} is disabled: left out")
        elif section.kind in (*PROXIES, "global", "defaults", "resolvers"):
            continue
        else:
            ledger.lost(section.header)
        configuration.sections.remove(section)


def _fronts(sections: Iterable[Section], configuration: Configuration, secrets: Secrets) -> tuple[list[Front], list[Redirect]]:
    """The sections as listeners, and those parts of them that only redirect. Addresses with TLS and without are apart."""
    reader = bind_reader(configuration, secrets)
    fronts: list[Front] = []
    redirects: list[Redirect] = []
    for section in sections:
        http = is_http(section, secrets.ledger)
        halves = binds_of(section, secrets.ledger, reader, http=http).halves()
        for binds in halves:
            redirect = None
            if http and not binds.tls:
                redirect = redirect_of(section, binds, configuration, secrets.ledger, alone=len(halves) == 1)
            if redirect is not None:
                redirects.append(redirect)
            elif (front := read_front(section, binds, configuration, secrets)) is not None:
                fronts.append(front)
    return fronts, redirects


def _names(fronts: Sequence[Front]) -> list[str]:
    """The name of each front: of its section, and where that has two, the second one's port."""
    found: dict[Section, str] = {}
    return [
        f"{found[each.section][:57]}-{each.binds.ports[0]}"
        if each.section in found
        else found.setdefault(each.section, listener_name(each.section))
        for each in fronts
    ]


def _stats(pages: Sequence[Section], interfaces: Mapping[str, str], fronts: Sequence[Front], secrets: Secrets) -> dict[str, Any]:
    """The page of the first section that has one. The other pages are lost."""
    found: dict[str, Any] = {}
    ledger = secrets.ledger
    for section in pages:
        fields = page_of(section, interfaces, secrets)
        if found and has_page(section) and found.get("path"):
            ledger.lost(section.header, "no field for a second statistics page")
        elif found and fields.get("port") != found.get("port"):
            ledger.lost(section.header, "no field: metrics and page have one port")
        found = {**fields, **found} if found else fields
    ports = {port for front in fronts for port in front.binds.ports}
    for front in fronts:
        if front.http and has_page(front.section):
            fields = page_on_listener(front.section, ports, secrets, tls=front.binds.tls)
            found = found or fields
    return found or {"enabled": False}


def _limits(fronts: Sequence[Front], settings: Mapping[str, Any], ledger: Ledger) -> dict[str, Any]:
    """`proxyMaxConnections` and `retries`. Listeners get a limit of their own where it differs; without any, the global one is theirs."""
    all_connections = settings.get("maxConnections", 0)
    inherited = [each.maximum for each in fronts if each.maximum is not None and not each.own_maximum]
    base = Counter(inherited).most_common(1)[0][0] if inherited else max(_DEFAULT_MAXIMUM, all_connections)
    for front in fronts:
        own = front.maximum if front.maximum is not None else max(base, all_connections)
        if own != base:
            front.fields["maxConnections"] = own
    retries = [each.retries if each.retries is not None else 3 for each in fronts]
    most = Counter(retries).most_common(1)[0][0] if retries else 3
    for front, value in zip(fronts, retries, strict=True):
        if value != most:
            ledger.miss(
                front.section.place, f"{front.section.kind} {front.section.name}: retries {value}: no field: {most} for all"
            )
    return {"proxyMaxConnections": base, "retries": most}


def _own_timeouts(front: Front, base: Mapping[str, int]) -> None:
    """Puts what differs from `haproxy.timeouts` into the listener, and what differs from the listener into its routes."""
    front.fields["timeouts"] = differing(front.timeouts, dict(base))
    for route, own in zip(front.fields["routes"], front.route_timeouts, strict=True):
        route["timeouts"] = differing(own, front.timeouts)


def _bind(
    section: Section, endpoints: Sequence[Endpoint], virtual_ips: Mapping[str, str], ledger: Ledger, *, known: bool
) -> dict[str, Any]:
    """`bind` and `bindRouters` for the addresses of one port."""
    addresses = {each.address for each in endpoints}
    for each in endpoints:
        if each.ipv6 and each.address == ANY and known and not any(":" in address for address in virtual_ips):
            ledger.noted(each.directive, "a listener is on IPv6 addresses where a virtual IP is one")
    if ANY in addresses:
        return {"bind": "Any"}
    if not known:
        for each in endpoints:
            ledger.noted(each.directive, f"without keepalived.conf, {each.address} is taken for a virtual IP")
        return {"bind": "VirtualIPs"}
    if foreign := [each for each in endpoints if each.address not in virtual_ips]:
        for each in foreign:
            ledger.lost(each.directive, f"{each.address} is no virtual IP: no field, the listener would be on every address")
        return {"bind": "Any"}
    routers = {virtual_ips[each] for each in addresses}
    if unused := sorted(each for each, router in virtual_ips.items() if router in routers and each not in addresses):
        ledger.note(
            section.place, f"{section.kind} {section.name} now also listens on {', '.join(unused)}, of the same virtual router"
        )
    if routers == set(virtual_ips.values()):
        return {"bind": "VirtualIPs"}
    return {"bind": "VirtualIPs", "bindRouters": [each for each in dict.fromkeys(virtual_ips.values()) if each in routers]}


def _finish(configuration: Configuration, ledger: Ledger) -> None:
    """Sections that nothing uses are left out: a `backend` without a frontend, `defaults` without a section."""
    for section in configuration.of_kind("backend"):
        if not section.used:
            section.take_all()
            ledger.note(section.place, f"backend {section.name} is left out: no listener sends requests to it")
    proxies = [each for each in configuration.of_kind(*PROXIES) if each.kind != "backend" or each.used]
    for section in configuration.of_kind("defaults"):
        if not any(each.parent is section for each in (*proxies, *configuration.of_kind("defaults"))):
            section.take_all()
