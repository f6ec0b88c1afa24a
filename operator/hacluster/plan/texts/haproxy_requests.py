"""Makes the parts of haproxy.cfg that are about requests: which headers change, and which requests go to which route.

Texts of the resource become parts of log formats and regular expressions here. Both are escaped, and the whole is quoted.
Source: HAProxy's Configuration Manual 3.0, chapters 2.2 (quoting), 4.2 (`http-request`), 7.1 (ACLs) and 8.2 (log formats).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hacluster.api.spec import Listener, Route, Target, targets_of
from hacluster.plan.texts.rendering import Quoted, quoted

_HOST: Final = "txn.host"
"""Variable with the host that the client asked for: a response has no such header."""
_FETCHES: Final = {
    "{clientAddress}": "%[src]",
    "{port}": "%[dst_port]",
    "{host}": f"%[var({_HOST})]",
    "{scheme}": "%[ssl_fc,iif(https,http)]",
}
_PLACEHOLDER: Final = re.compile(r"(\{[A-Za-z]+\})")


@dataclass(frozen=True)
class Header:
    """One header that is set. `value` is a log format, as one quoted word."""

    name: str
    value: Quoted


@dataclass(frozen=True)
class HeaderRules:
    """Header changes of one direction."""

    removed: tuple[str, ...]
    set: tuple[Header, ...]


@dataclass(frozen=True)
class RouteRule:
    """Which requests go to a route: those for one of the hosts, and with the path. Empty: any."""

    proxy: str
    number: int
    hosts: tuple[str, ...]
    domains: tuple[str, ...]
    """Ends of host names, such as `.shop.example`."""
    path: str
    """The path itself; empty: only what is below `directory`."""
    directory: str
    """The beginning of paths, with a slash at its end."""

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of the ACLs that must all hold."""
        by_host = (f"route_{self.number}_host",) if self.hosts or self.domains else ()
        return *by_host, *((f"route_{self.number}_path",) if self.directory else ())


@dataclass(frozen=True)
class PathChange:
    """The words of `http-request replace-path`: a regular expression, and what stands for what it found."""

    found: Quoted
    replacement: Quoted


def header_rules(listener: Listener) -> tuple[HeaderRules, HeaderRules]:
    """Of requests, and of responses."""
    if listener.headers is None:
        return HeaderRules((), ()), HeaderRules((), ())
    changes = (listener.headers.request, listener.headers.response)
    one, other = (HeaderRules(each.remove, tuple(Header(k, _log_format(v)) for k, v in each.set.items())) for each in changes)
    return one, other


def needs_host(listener: Listener) -> bool:
    """Whether a header's value contains the host that the client asked for."""
    headers = listener.headers
    return headers is not None and any(
        "{host}" in each for part in (headers.request, headers.response) for each in part.set.values()
    )


def route_rules(listener: Listener) -> Iterator[RouteRule]:
    """A rule for each route, in the order in which HAProxy has to try them."""
    for number, target in enumerate(targets_of(listener)[1:], 1):
        route = target.route
        assert route is not None
        hosts, prefix = route.hosts or (), route.path_prefix or ""
        yield RouteRule(
            proxy=target.proxy,
            number=number,
            hosts=tuple(each for each in hosts if not each.startswith("*.")),
            domains=tuple(each.removeprefix("*") for each in hosts if each.startswith("*.")),
            path=prefix if not prefix.endswith("/") else "",
            directory=f"{prefix.rstrip('/')}/" if prefix else "",
        )


def path_change(target: Target) -> PathChange | None:
    """How the servers of a route see the path; None: as the client sent it."""
    route: Route | None = target.route
    if route is None or route.path_prefix is None or route.replace_prefix is None:
        return None
    old, new = route.path_prefix.rstrip("/"), route.replace_prefix.rstrip("/")
    pattern = re.sub(r"[.+]", lambda found: f"[{found[0]}]", old)
    if new:
        return PathChange(quoted(f"^{pattern}(/.*)?$"), quoted(f"{_escaped(new)}\\1"))
    return PathChange(quoted(f"^{pattern}/?(.*)$"), quoted("/\\1"))


def _log_format(value: str) -> Quoted:
    """A header's value as one word: placeholders become what HAProxy inserts, everything else stays as it is."""
    parts = _PLACEHOLDER.split(value)
    return quoted("".join(_FETCHES[part] if part in _FETCHES else _escaped(part) for part in parts))


def _escaped(text: str) -> str:
    """The text in a log format, which begins what is inserted with a percent sign."""
    return text.replace("%", "%%")
