"""What a section says about its servers: how one is chosen, stickiness, checks, timeouts, how connections to them are used.

A `listen` section says it of itself, a `backend` for the frontends that use it. Source: HAProxy's Configuration Manual 3.0, 4.2.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_checks import health_check
from hacluster.importer.haproxy_global import own_proxy_settings
from hacluster.importer.haproxy_secrets import Secrets
from hacluster.importer.haproxy_sections import Section
from hacluster.importer.haproxy_server_tls import server_tls
from hacluster.importer.haproxy_servers import Servers, servers_of
from hacluster.importer.haproxy_timeouts import SERVER_SIDE, Timeouts, timeouts_of

_BALANCE: Final = {
    **{"roundrobin": "RoundRobin", "leastconn": "LeastConnections", "source": "Source", "uri": "URI", "random": "Random"},
    **{"first": "First", "static-rr": "RoundRobin"},
}
_HASHES: Final = ("Source", "URI")
CONNECTION_MODES: Final = {
    **{"httpclose": "Close", "forceclose": "Close", "http-server-close": "ServerClose", "http-keep-alive": "KeepAlive"},
    "http-tunnel": "KeepAlive",
}
_STRENGTH: Final = ("KeepAlive", "ServerClose", "Close")
_COOKIE_NAME: Final = re.compile("[A-Za-z0-9_.-]{1,64}")


@dataclass
class Group:
    """The servers of one section, with everything that is said of them."""

    section: Section
    servers: Servers
    balance: str
    cookie: dict[str, Any] | None
    health_check: dict[str, Any]
    server_tls: dict[str, Any] | None
    """`serverTLS`; None: requests are sent without TLS."""
    interval: int | None
    """Milliseconds between checks; None: there are none."""
    timeouts: Timeouts
    connection_mode: str
    retries: int | None


def group_of(section: Section, secrets: Secrets, *, http: bool) -> Group:
    """Reads the section's directives for its servers."""
    ledger = secrets.ledger
    servers = servers_of(section, secrets)
    fields, interval = health_check(section, servers, http=http, secrets=secrets)
    own_proxy_settings(section, ledger)
    return Group(
        section=section,
        servers=servers,
        balance=_balance(section, ledger),
        cookie=_cookie(section, servers, ledger, http=http),
        health_check=fields,
        server_tls=server_tls(servers.tls, secrets),
        interval=interval,
        timeouts=timeouts_of(section, SERVER_SIDE, ledger),
        connection_mode=connection_mode(section, ledger),
        retries=_retries(section, ledger),
    )


def connection_mode(section: Section, ledger: Ledger) -> str:
    """The last of the options in the section, and before it in its `defaults`, holds."""
    option = section.last_of(*(f"option {each}" for each in CONNECTION_MODES))
    for name in CONNECTION_MODES:
        for directive in section.take("no", "option", name):
            if option is not None and option.words[1] == name and not section.inherits(directive):
                option = None
    if option is not None and option.words[1] == "http-tunnel":
        ledger.noted(option, "connections are kept, and every request is read")
    return CONNECTION_MODES[option.words[1]] if option is not None else "KeepAlive"


def strongest(*modes: str) -> str:
    """What holds for a frontend with a backend: the mode that closes more."""
    return max(modes, key=_STRENGTH.index)


def _balance(section: Section, ledger: Ledger) -> str:
    directive = section.last("balance")
    hash_type = section.last("hash-type")
    if directive is None:
        return "RoundRobin"
    algorithm = directive.words[1].lower() if len(directive.words) > 1 else ""
    name, _, draws = algorithm.partition("(")
    if hash_type is not None and _BALANCE.get(name) in _HASHES and hash_type.words[1:] != ("consistent",):
        ledger.lost(hash_type)
    if name not in _BALANCE or len(directive.words) > 2:
        ledger.lost(directive)
    elif name == "static-rr":
        ledger.noted(directive, "round robin whose weights may change while HAProxy runs")
    elif draws and draws != "2)":
        ledger.noted(directive, "the better one of two servers drawn at random")
    return _BALANCE.get(name, "RoundRobin")


def _retries(section: Section, ledger: Ledger) -> int | None:
    directive = section.last("retries")
    if directive is None:
        return None
    text = directive.words[-1]
    if not re.fullmatch("[0-9]{1,2}|100", text):
        ledger.lost(directive, "must be a number from 0 to 100")
        return None
    return int(text)


def _cookie(section: Section, servers: Servers, ledger: Ledger, *, http: bool) -> dict[str, Any] | None:
    directive = section.last("cookie")
    if directive is None or not http:
        return None
    name, words = (directive.words[1] if len(directive.words) > 1 else ""), list(directive.words[2:])
    if not servers.cookies:
        ledger.noted(directive, "left out: no server has a value of the cookie, so it had no effect")
        return None
    if "insert" not in words or not _COOKIE_NAME.fullmatch(name):
        ledger.lost(directive, "no field: cookies are inserted by HAProxy")
        return None
    fields: dict[str, Any] = {"name": name, **_attributes(directive, words, ledger)}
    if not {"indirect", "nocache"}.issubset(words):
        ledger.noted(directive, "now with `indirect nocache`: servers do not see the cookie, and caches do not keep it")
    if any(value != server for server, value in servers.cookies.items()):
        ledger.noted(directive, "its value is now the server's name: clients with an older cookie may change the server once")
    if len(servers.cookies) < len(servers.fields):
        ledger.noted(directive, "some servers have no value of the cookie; now all have")
    return fields


def _attributes(directive: Directive, words: Sequence[str], ledger: Ledger) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        if word == "httponly":
            fields["httpOnly"] = True
        elif word == "secure":
            fields["secure"] = True
        elif word == "attr":
            value = next(rest, "")
            same_site = re.fullmatch("samesite=(strict|lax|none)", value.lower())
            if same_site:
                fields["sameSite"] = same_site[1].capitalize()
            else:
                ledger.lost(directive, part=f"attr {value}")
        elif word in ("domain", "maxidle", "maxlife"):
            ledger.lost(directive, part=f"{word} {next(rest, '')}")
        elif word not in ("insert", "indirect", "nocache"):
            ledger.lost(directive, part=word)
    return fields
