"""Plain ports whose requests are all redirected to TLS: they become `tls.redirectFromPort` of the listener with TLS.

Source: HAProxy's Configuration Manual 3.0, 4.2 "redirect", "http-request redirect". `http-request` rules come before `redirect`, those of
a frontend before those of its backend.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_binds import Binds
from hacluster.importer.haproxy_checks import CHECK_OPTIONS
from hacluster.importer.haproxy_conditions import Conditions, conditions_of
from hacluster.importer.haproxy_global import own_proxy_settings
from hacluster.importer.haproxy_groups import CONNECTION_MODES
from hacluster.importer.haproxy_requests import RequestRules, condition_of, refusal, tcp_rules
from hacluster.importer.haproxy_routes import always, never
from hacluster.importer.haproxy_sections import Configuration, Section
from hacluster.importer.haproxy_timeouts import is_timeout

_HOST: Final = r"%\[(?:req\.)?hdr\(host\)(?:,host_only|,field\(1,:\)|,word\(1,:\)|,lower)*\](?::(?P<port>[0-9]{1,5}))?"
_PREFIX: Final = re.compile(f"https://{_HOST}")
_LOCATION: Final = re.compile(rf"https://{_HOST}%\[(?:pathq|url|capture\.req\.uri)\]")
_HARMLESS: Final = ("set-header", "add-header", "del-header", "replace-header", "set-var", "capture", "disable-l7-retry")
"""Actions that change nothing of an answer that HAProxy gives by itself."""
_UNREACHED: Final = (
    "use_backend",
    "default_backend",
    "server",
    "default-server",
    "balance",
    "cookie",
    "retries",
    "http-response",
)
_OWN: Final = ("deny", "status", "400", "unless", "{", "req.hdr(host)", "-m", "found", "}")
"""A rule that the operator writes by itself."""


@dataclass(frozen=True)
class Redirect:
    """A plain port that only redirects."""

    section: Section
    directive: Directive
    binds: Binds
    target: int
    """The port to which it sends clients."""
    allowed_sources: list[str] | None


def redirect_of(section: Section, binds: Binds, configuration: Configuration, ledger: Ledger, *, alone: bool) -> Redirect | None:
    """The redirect of these plain addresses of a section of mode HTTP; None: not all their requests are redirected.

    `alone`: the section has no other addresses.
    """
    rules, before = RequestRules(), list[tuple[Directive, Conditions]]()
    for each in _reached(section, configuration):
        conditions = conditions_of(each, tls=False)
        for directive in (*each.take("http-request"), *each.take("redirect")):
            words = directive.words[1:] if directive.keyword == "http-request" else directive.words
            condition = conditions.read(condition_of(directive))
            if words[:1] != ("redirect",):
                before += [(directive, conditions)] if not (_is_harmless(words) or never(condition)) else []
            elif not never(condition):
                target = _target(words)
                if target is None or not always(condition):
                    return None
                _refusals(before, rules, ledger)
                tcp_rules(section, conditions_of(section, tls=False), rules, ledger)
                _take_rest(section, ledger, alone=alone)
                return Redirect(section, directive, binds, target, rules.allowed_sources)
    return None


def attach(redirect: Redirect, listeners: Sequence[dict[str, Any]], bind: Mapping[int, dict[str, Any]], ledger: Ledger) -> None:
    """Gives the redirect to the listener with TLS. `bind`: port → `bind` and `bindRouters` of the redirect's addresses."""
    directive, binds = redirect.directive, redirect.binds
    ends_tls = [each for each in listeners if each["port"] == redirect.target and each["mode"] == "HTTP" and "tls" in each]
    if not ends_tls:
        ledger.lost(directive, f"no field: no listener in mode HTTP with TLS has port {redirect.target}")
        return
    for port in binds.ports:
        found = next((each for each in ends_tls if _fits(each, redirect, bind[port])), None)
        if found is None:
            reason = "no field: a redirect has the addresses, sources and PROXY protocol of its listener with TLS"
            ledger.lost(directive, reason, f"port {port}")
        elif "redirectFromPort" in found["tls"]:
            ledger.lost(directive, "no field for a second port that is redirected", f"port {port}")
        else:
            found["tls"] = {**found["tls"], "redirectFromPort": port}
    if (code := _code(directive.words)) != "308":
        ledger.noted(directive, f"code 308 instead of {code}: browsers remember it, and repeat a request with its method")
    if binds.interface and binds.interface_directive is not None:
        ledger.lost(binds.interface_directive, "no field: a listener is on all interfaces", f"interface {binds.interface}")


def _reached(section: Section, configuration: Configuration) -> Iterator[Section]:
    """The section, and the backend that gets all its requests."""
    yield section
    default = section.value("default_backend")
    backend = configuration.named(default, "backend", "listen") if default else None
    if backend is not None and backend is not section and not section.take("use_backend"):
        yield backend


def _is_harmless(words: Sequence[str]) -> bool:
    """Whether an `http-request` rule changes nothing of a redirect. Some actions have their argument in parentheses."""
    action = words[0].partition("(")[0] if words else ""
    return action in _HARMLESS or tuple(words) == _OWN


def _target(words: Sequence[str]) -> int | None:
    """The port to which a redirect sends clients, at the same host and path; None: it does something else."""
    said = words[1 : _condition_at(words)]
    options = dict(zip(said[::2], said[1::2], strict=False))  # in any order
    options.pop("code", None)
    match options:
        case {"scheme": "https"}:
            found = re.fullmatch("https", "https")
        case {"prefix": url}:
            found = _PREFIX.fullmatch(url)
        case {"location": url}:
            found = _LOCATION.fullmatch(url)
        case _:
            return None
    if found is None or len(options) != 1 or len(said) % 2:
        return None
    return int(found.groupdict().get("port") or 443)


def _condition_at(words: Sequence[str]) -> int:
    return next((position for position, each in enumerate(words) if each in ("if", "unless")), len(words))


def _code(words: Sequence[str]) -> str:
    """The code of a redirect, such as 301; without one it is 302."""
    return next((code for word, code in pairwise(words) if word == "code"), "302")


def _refusals(before: Sequence[tuple[Directive, Conditions]], rules: RequestRules, ledger: Ledger) -> None:
    for each, conditions in before:
        if not refusal(each, conditions, rules, ledger):
            ledger.lost(each, "no field: all requests of the port are redirected")


def _fits(listener: dict[str, Any], redirect: Redirect, bind: dict[str, Any]) -> bool:
    return (
        all(listener.get(name) == bind.get(name) for name in ("bind", "bindRouters"))
        and listener["proxyProtocol"]["accept"] == redirect.binds.accept_proxy
        and listener.get("allowedSources") == redirect.allowed_sources
    )


def _take_rest(section: Section, ledger: Ledger, *, alone: bool) -> None:
    """What is never reached, or changes nothing of a redirect. `alone`: the section does nothing else."""
    own_proxy_settings(section, ledger)
    for keyword in _UNREACHED:
        section.take(keyword)
    for option in (*CHECK_OPTIONS, *CONNECTION_MODES, "forwardfor"):
        section.option(option)
    if not alone:
        return
    for directive in section.directives:
        if is_timeout(directive) or directive.keyword == "maxconn":
            ledger.noted(directive, "a redirect has the timeouts and limits of all listeners")
