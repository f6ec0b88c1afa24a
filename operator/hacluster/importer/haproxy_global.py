"""The `global` section, the log, name servers, and everything in other sections that the operator decides by itself.

Source: HAProxy's Configuration Manual 3.0, 3 "Global section", 4.2, 5.3.2 "resolvers". What the operator's own files contain is in
`plan/texts/templates/haproxy.cfg.j2`: an import of them loses nothing.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from hacluster.api.spec import Facility
from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_sections import Configuration, Section
from hacluster.importer.haproxy_values import duration, is_address, milliseconds, number

_OWN_GLOBAL: Final = frozenset(
    {
        "user",
        "group",
        "uid",
        "gid",
        "chroot",
        "daemon",
        "master-worker",
        "nbproc",
        "nbthread",
        "cpu-map",
        "thread-groups",
        "thread-group",
    }
    | {
        "pidfile",
        "stats",
        "ca-base",
        "crt-base",
        "ssl-dh-param-file",
        "ssl-server-verify",
        "log-tag",
        "log-send-hostname",
        "localpeer",
    }
    | {
        "node",
        "description",
        "hard-stop-after",
        "server-state-file",
        "server-state-base",
        "max-spread-checks",
        "mworker-max-reloads",
    }
    | {
        "strict-limits",
        "ulimit-n",
        "set-dumpable",
        "quiet",
        "debug",
        "expose-experimental-directives",
        "unix-bind",
        "numa-cpu-mapping",
    }
    | {"default-path", "busy-polling", "noepoll", "nopoll", "nokqueue", "nosplice", "noreuseport", "nogetaddrinfo", "nbtask"}
    | {"tune.maxaccept", "tune.listener.multi-queue", "tune.sched.low-latency", "spread-checks", "cluster-secret", "cpu-policy"}
)
_OWN_STARTS: Final = (
    "ssl-default-bind-",
    "ssl-default-server-",
    "tune.ssl.",
    "ssl-mode-",
    "ssl-load-",
    "ssl-propquery",
    "ssl-provider",
)

_OWN_OPTIONS: Final = frozenset(
    {
        "httplog",
        "tcplog",
        "httpslog",
        "dontlognull",
        "dontlog-normal",
        "log-health-checks",
        "log-separate-errors",
        "logasap",
        "contstats",
    }
    | {"socket-stats", "redispatch", "idle-close-on-response", "http-use-htx", "splice-auto", "splice-request", "splice-response"}
    | {"tcp-smart-accept", "tcp-smart-connect"}
)
_OWN_PROXY: Final = frozenset(
    {"log-format", "log-format-sd", "error-log-format", "log-tag", "description", "id", "bind-process", "capture", "declare"}
    | {"load-server-state-from-file", "redispatch", "log-steps", "enabled"}
)
_STOCK_PAGES: Final = re.compile(r"(/usr/local)?/etc/haproxy/errors/[0-9]{3}\.http")
_PAGE_LOOK: Final = ("hide-version", "refresh", "show-legends", "show-node", "show-desc", "show-modules", "scope")


def global_settings(configuration: Configuration, ledger: Ledger) -> dict[str, Any]:
    """`maxConnections`, as far as the files say; everything of the operator's own is taken out of the account."""
    found: dict[str, Any] = {}
    for section in configuration.of_kind("global"):
        for directive in section.directives:
            words = directive.words[1:] if directive.keyword == "no" else directive.words
            if words and (words[0] in _OWN_GLOBAL or words[0].startswith(_OWN_STARTS)):
                ledger.owned(directive)
        maximum = section.last("maxconn")
        if maximum is not None:
            value = number(maximum.words[-1], 1, 1_000_000)
            if value is None:
                ledger.lost(maximum, "must be a number from 1 to 1000000")
            else:
                found["maxConnections"] = value
    if configuration.sections and "maxConnections" not in found:
        sections = configuration.of_kind("global") or configuration.sections
        ledger.note(sections[0].place, "no maxconn in global: HAProxy took it from the limit of open files; now it is 4000")
    return found


def own_proxy_settings(section: Section, ledger: Ledger) -> None:
    """Takes what the operator decides by itself out of the account of a section and its `defaults`."""
    for name in sorted(_OWN_OPTIONS):
        section.option(name)
    for keyword in sorted(_OWN_PROXY):
        section.take(keyword)
    for directive in section.take("errorfile"):
        if len(directive.words) > 2 and _STOCK_PAGES.fullmatch(directive.words[2]):
            ledger.noted(directive, "HAProxy's own error pages, unless you have changed this one")
        else:
            ledger.lost(directive)
    for directive in section.take("http-reuse"):
        if directive.words[1:2] != ("safe",):
            ledger.noted(directive, "connections to servers are shared safely where connectionMode is KeepAlive, else not at all")
    for directive in section.take("retry-on"):
        if directive.words[1:] != ("conn-failure", "empty-response"):
            ledger.lost(
                directive, "no field: requests that change nothing are sent again after a failed connection or an empty answer"
            )


def page_look(section: Section, ledger: Ledger) -> None:
    """What only changes how the statistics page looks."""
    for name in _PAGE_LOOK:
        for directive in section.take("stats", name):
            ledger.noted(directive, "the page looks as the operator has it")


def log_settings(configuration: Configuration, ledger: Ledger) -> dict[str, Any]:
    """`haproxy.log` from the first `log` with a network address; empty: standard output."""
    targets = [each for kind in ("global", "defaults", "listen", "frontend", "backend") for each in configuration.of_kind(kind)]
    found: dict[str, Any] = {}
    first: Directive | None = None
    for directive in (each for section in targets for each in _logs(section)):
        if directive.words[:1] == ("no",) or directive.words[1:2] == ("global",):
            ledger.owned(directive)
            continue
        fields = _log(directive)
        if fields is None:
            ledger.noted(directive, "the log goes to standard output: kubectl logs")
        elif first is None or fields == found:
            first, found = first or directive, fields
            ledger.carried(directive)
        else:
            ledger.lost(directive, "no field for a second syslog server")
    return found


def _logs(section: Section) -> Iterable[Directive]:
    return [each for each in section.directives if each.keyword == "log" or each.words[:2] == ("no", "log")]


def _log(directive: Directive) -> dict[str, Any] | None:
    """The fields of a syslog server; None: it is none, but a file, a socket or standard output."""
    words = list(directive.words[1:])
    facilities = [each.value for each in Facility]
    facility = next((each for each in words[1:] if each in facilities), "local2")
    target = re.sub(r"^(ipv4|ipv6|udp|udp4|udp6)@", "", words[0]) if words else ""
    if target in ("stdout", "stderr"):
        return {}
    host, colon, port = target.rpartition(":")
    if not colon or is_address(target):
        host, port = target, "514"
    host = host.strip("[]")
    if not is_address(host) or number(port, 1, 65535) is None:
        return None
    return {"target": "Syslog", "facility": facility, "address": host, "port": int(port)}


def dns_settings(configuration: Configuration, used: Iterable[str], ledger: Ledger) -> dict[str, Any]:
    """`haproxy.dns` from the `resolvers` section that servers name; those that no server names have no effect."""
    found: dict[str, Any] = {}
    names = sorted(set(used))
    for section in configuration.of_kind("resolvers"):
        if section.name not in names[:1]:
            section.take_all()
            if section.name in names:
                ledger.lost(section.header, "no field for a second group of name servers")
            continue
        found = _resolvers(section, ledger)
    return found


def _resolvers(section: Section, ledger: Ledger) -> dict[str, Any]:
    servers = []
    for directive in section.take("nameserver"):
        host, _, port = directive.words[-1].rpartition(":")
        host = host.strip("[]")
        if is_address(host) and port == "53":
            servers.append(host)
        else:
            ledger.lost(directive, "no field: name servers have an address and port 53")
    found: dict[str, Any] = {"servers": servers} if servers else {}
    hold = milliseconds(section.value("hold", "valid")) or 10_000
    for keyword in ("parse-resolv-conf", "accepted_payload_size", "resolve_retries", "timeout", "hold"):
        section.take(keyword)
    return {**found, "hold": duration(hold)}
