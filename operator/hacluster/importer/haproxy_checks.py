"""The health check of a section's servers: `check` and its parameters, `option …-check`, `http-check` and `tcp-check` rules.

Source: HAProxy's Configuration Manual 3.0, 4.2 ("option httpchk", "http-check …", "tcp-check …"), 5.2. Without `inter`, `rise` and `fall`
HAProxy checks every 2s; a server is up after 2 passed checks and down after 3 failed ones.
"""

from typing import Any, Final

from hacluster.importer.check_dialogues import dialogue
from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_check_tls import check_over_tls
from hacluster.importer.haproxy_secrets import Secrets
from hacluster.importer.haproxy_sections import Section
from hacluster.importer.haproxy_servers import Servers
from hacluster.importer.haproxy_values import Parameters, duration, number
from hacluster.importer.http_checks import http_check

CHECK_OPTIONS: Final = (
    *(
        "httpchk",
        "tcp-check",
        "mysql-check",
        "ssl-hello-chk",
        "pgsql-check",
        "redis-check",
        "smtpchk",
        "ldap-check",
        "spop-check",
    ),
    "external-check",
)
_INTERVAL: Final = 2000
"""Milliseconds between checks in a steady state, where the file does not say."""


def health_check(section: Section, servers: Servers, *, http: bool, secrets: Secrets) -> tuple[dict[str, Any], int | None]:
    """The fields of `healthCheck`, and the interval in milliseconds. Without a check, the type is None and so is the interval."""
    ledger = secrets.ledger
    option = section.last_of(*(f"{no}option {each}" for no in ("", "no ") for each in CHECK_OPTIONS))
    if option is not None and option.keyword == "no":
        option = None
    http_rules, tcp_rules = _rules(section, "http-check"), _rules(section, "tcp-check")
    if servers.check is None:
        return {"type": "None"}, None
    params = Parameters(ledger, dict(servers.check))
    tls, sni = params.take("check-ssl"), params.value("check-sni")
    if option is not None and option.words[1] == "httpchk":
        fields = {"type": "HTTP", **http_check(option, http_rules, ledger)}
    else:
        fields = _other_check(option, tcp_rules if _is(option, "tcp-check") else [], ledger)
    own_port = "port" in fields or "port" in params.found
    fields = check_over_tls(
        section, fields, servers.tls or servers.check_tls, secrets, wanted=tls is not None, own_port=own_port, sni=sni
    )
    fields, interval = _times(fields, params)
    if tls is None:
        params.own("check-alpn")  # without TLS it has no effect
    params.close({"addr": "no field: a check goes to the server's own address"})
    if fields["type"] == ("HTTP" if http else "TCP"):
        del fields["type"]
    return fields, interval


def _rules(section: Section, keyword: str) -> list[Directive]:
    """The section's own rules; if it has none, those of its `defaults`."""
    found = section.take(keyword)
    own = [each for each in found if not section.inherits(each)]
    return own or found


def _is(option: Directive | None, name: str) -> bool:
    return option is not None and option.words[1] == name


def _other_check(option: Directive | None, rules: list[Directive], ledger: Ledger) -> dict[str, Any]:
    if option is None:
        return {"type": "TCP"}
    kind, arguments = option.words[1], option.words[2:]
    if kind == "tcp-check":
        return dialogue(rules, ledger)
    fields: dict[str, Any] = {"type": "TCP"}
    if kind == "mysql-check":
        fields = _mysql(option, ledger)
    elif kind == "pgsql-check" and len(arguments) == 2 and arguments[0] == "user":
        fields = {"type": "PostgreSQL", "user": arguments[1]}
    elif kind == "ssl-hello-chk":
        ledger.noted(option, "a whole TLS handshake instead of the first message of SSL 3")
        fields = {"type": "TLS"}
    elif kind == "redis-check":
        ledger.noted(option, "carried over as an exchange: PING is answered by +PONG")
        fields = {"type": "Exchange", "exchange": [{"send": "PING\r\n", "expect": "+PONG"}]}
    elif kind == "smtpchk":
        greeting = " ".join(arguments) if len(arguments) == 2 else "HELO localhost"
        ledger.noted(option, "carried over as an exchange: the server greets with 220 and answers 250")
        fields = {"type": "Exchange", "exchange": [{"expect": "220"}, {"send": f"{greeting}\r\n", "expect": "250"}]}
    else:
        ledger.lost(option)
    return fields


def _mysql(option: Directive, ledger: Ledger) -> dict[str, Any]:
    arguments = option.words[2:]
    if "pre-41" in arguments:
        ledger.noted(option, "the login is that of MySQL 4.1 and later")
    user = arguments[1] if len(arguments) > 1 and arguments[0] == "user" else ""
    return {"type": "MySQL", **({"user": user} if user else {})}


def _times(fields: dict[str, Any], params: Parameters) -> tuple[dict[str, Any], int]:
    """The fields with port, intervals and counts."""
    port = params.take("port")
    if port is not None and number(port.value, 1, 65535) is None:
        params.ledger.lost(port.directive, "the port must be from 1 to 65535", port.text)
        port = None
    found = dict(fields) | ({"port": int(port.value)} if port else {})
    interval = params.milliseconds("inter") or _INTERVAL
    down = params.found.get("downinter")
    if down is not None and params.milliseconds("downinter") not in (interval, None):
        params.ledger.noted(down.directive, "servers that are down are checked as often as others", down.text)
    fast, rise, fall = params.milliseconds("fastinter"), params.number("rise", 1, 100), params.number("fall", 1, 100)
    found |= {"interval": duration(interval), "fastInterval": duration(fast or interval)}
    return found | {"rise": rise or 2, "fall": fall or 3}, interval
