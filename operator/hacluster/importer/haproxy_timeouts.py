"""Timeouts of haproxy.cfg: what holds for each section, and what of it goes to `haproxy.timeouts`.

A timeout that a file leaves out has the value that HAProxy then uses (Configuration Manual, 4.2 "timeout …"): a request may take as long
as the client's inactivity, the queue as long as a connection to a server, a check as long as the time between two checks. HAProxy waits
for ever where `client`, `connect` or `server` is missing; no field says that.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_sections import Section
from hacluster.importer.haproxy_values import duration, milliseconds

Timeouts = dict[str, int]
"""Field → milliseconds."""

CLIENT_SIDE: Final = {
    "httpRequest": "http-request",
    "client": "client",
    "httpKeepAlive": "http-keep-alive",
    "clientFin": "client-fin",
}
SERVER_SIDE: Final = {
    **{"queue": "queue", "connect": "connect", "server": "server", "check": "check", "tunnel": "tunnel"},
    "serverFin": "server-fin",
}
_OLD: Final = {
    "client": ("clitimeout", "timeout clitimeout"),
    "connect": ("contimeout", "timeout contimeout"),
    "server": ("srvtimeout", "timeout srvtimeout"),
}
_HTTP: Final = ("httpRequest", "httpKeepAlive")
_OPTIONAL: Final = ("tunnel", "clientFin", "serverFin")
_ORDER: Final = (
    *("httpRequest", "queue", "connect", "client", "server", "httpKeepAlive", "check"),
    *_OPTIONAL,
)


def timeouts_of(section: Section, fields: Mapping[str, str], ledger: Ledger) -> Timeouts:
    """What the section says, itself or by its `defaults`."""
    found: Timeouts = {}
    for field, keyword in fields.items():
        directive = section.last_of(f"timeout {keyword}", *_OLD.get(field, ()))
        if directive is None:
            continue
        value = milliseconds(directive.words[-1])
        if value is None:
            ledger.lost(directive, "must be a time from 1ms to 24 days")
        else:
            found[field] = value
    return found


def complete(client: Timeouts, server: Timeouts, *, http: bool, interval: int | None) -> Timeouts:
    """All timeouts that hold for a listener. `interval` is that of its health check; None: there is none."""
    both = {**client, **server}
    if "client" in both:
        both.setdefault("httpRequest", both["client"])
        both.setdefault("httpKeepAlive", both["httpRequest"])
    if "connect" in both:
        both.setdefault("queue", both["connect"])
    if interval is not None:
        both.setdefault("check", interval)
    elif "check" in both:
        del both["check"]  # without a check it has no effect, and is no reason for a setting of its own
    return {field: both[field] for field in _ORDER if field in both and (http or field not in _HTTP)}


def report_missing(section: Section, found: Timeouts, fields: Iterable[str], ledger: Ledger) -> None:
    """A note for each of these timeouts that HAProxy would not have."""
    for field in fields:
        if field not in found:
            ledger.note(
                section.place, f"{section.kind} {section.name} has no timeout {field}: HAProxy waited for ever, now it does not"
            )


def inherited(front: Section, back: Section, ledger: Ledger, *, http: bool) -> Timeouts:
    """What the `defaults` of a listener's sections say."""
    client = timeouts_of(front.parent, CLIENT_SIDE, ledger) if front.parent else {}
    server = timeouts_of(back.parent, SERVER_SIDE, ledger) if back.parent else {}
    found = complete(client, server, http=http, interval=0)
    return {field: value for field, value in found.items() if value}


def common(all_timeouts: Sequence[Timeouts], from_defaults: Sequence[Timeouts]) -> Timeouts:
    """What goes to `haproxy.timeouts`: what most listeners have from their `defaults`, else what most have.

    A listener cannot take an optional timeout back, so they go there only from `defaults`, and where every listener has one.
    """
    found = {}
    for field in _ORDER:
        values = [each[field] for each in from_defaults if field in each]
        if field in _OPTIONAL:
            values = values if all(field in each for each in all_timeouts) else []
        else:
            values = values or [each[field] for each in all_timeouts if field in each]
        if values:
            found[field] = Counter(values).most_common(1)[0][0]
    return found


def differing(own: Timeouts, base: Timeouts) -> dict[str, str]:
    """The own timeouts that are not those of `base`, as the resource writes them."""
    return {field: duration(value) for field, value in own.items() if base.get(field) != value}


def as_fields(found: Timeouts) -> dict[str, str]:
    """As the resource writes them."""
    return {field: duration(value) for field, value in found.items()}


def is_timeout(directive: Directive) -> bool:
    """Whether it sets a timeout."""
    return directive.keyword in {"timeout", "clitimeout", "contimeout", "srvtimeout"}
