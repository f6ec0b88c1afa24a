"""How checks connect: `connect` rules, `check-ssl`, `check-sni`, and what checks have from TLS with the servers.

Source: HAProxy's Configuration Manual 3.0, 5.2 "check-ssl", "check-sni", "verifyhost". A check of the server's own port is over TLS where
requests are, unless a rule of it connects without `ssl`.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_secrets import Secrets
from hacluster.importer.haproxy_sections import Section
from hacluster.importer.haproxy_server_tls import PeerTLS, verification
from hacluster.importer.haproxy_values import number

_PLAIN: Final = "plain"
"""Marks a check whose rule connects without TLS; no field of the resource."""


def check_connection(
    rule: Directive, words: Sequence[str], fields: dict[str, Any], ledger: Ledger, *, names: bool = False
) -> None:
    """Adds the port and TLS of a `connect` rule to the check's fields. `names`: the check has a name, for `sni`."""
    if not {"ssl", "default"} & {*words}:
        fields[_PLAIN] = True
    rest = iter(words)
    for word in rest:
        if word == "port" and (port := number(next(rest, ""), 1, 65535)):
            fields["port"] = port
        elif word == "ssl":
            fields["tls"] = {"verify": "None"}
        elif word == "sni":
            name = next(rest, "")
            if names:
                fields.setdefault("host", name)
            else:
                ledger.lost(rule, part=f"sni {name}")
        elif word == "comment":
            next(rest, "")
        elif word not in ("default", "linger"):
            ledger.lost(rule, part=word)


def check_over_tls(
    section: Section, fields: dict[str, Any], tls: PeerTLS | None, secrets: Secrets, *, wanted: bool, own_port: bool, sni: str
) -> dict[str, Any]:
    """The check's fields with `tls`. `wanted`: `check-ssl`; `own_port`: it checks another port than the server's; `sni`: `check-sni`."""
    plain = fields.pop(_PLAIN, False)
    asked = wanted or "tls" in fields or fields["type"] == "TLS"
    inherited = tls is not None and tls.requests and not own_port
    if inherited and plain and not asked:
        secrets.ledger.miss(section.place, f"{_title(section)} checks without TLS: no field: with serverTLS, checks are over TLS")
    if asked and not inherited:
        fields = _with_tls(section, fields, tls, secrets)
    else:
        fields = {name: value for name, value in fields.items() if name != "tls"}
    if asked or inherited:
        _name(section, fields, sni, tls.name or tls.check_name if tls is not None and tls.requests else "", secrets)
    return fields


def _with_tls(section: Section, fields: dict[str, Any], tls: PeerTLS | None, secrets: Secrets) -> dict[str, Any]:
    """The same check over TLS: one that only connects becomes one of the handshake."""
    if fields["type"] in ("TCP", "TLS"):
        if tls is not None and tls.verified and not tls.requests:
            secrets.ledger.lost(tls.directive, "no field: a check of the handshake verifies no certificate", "verify required")
        return {**fields, "type": "TLS"}
    if fields["type"] not in ("HTTP", "Exchange"):
        secrets.ledger.miss(section.place, f"{_title(section)}: check-ssl: no field for such a check over TLS")
        return fields
    fields = {**fields, "tls": verification(tls, secrets)}
    if tls is not None and tls.verified and not tls.requests:
        _verified_name(section, fields, tls.check_name, secrets)
    return fields


def _verified_name(section: Section, fields: dict[str, Any], name: str, secrets: Secrets) -> None:
    """The name that a certificate needs is that of an HTTP check's host."""
    host = _host(fields)
    if name and fields["type"] == "HTTP" and not host:
        fields["host"] = name
        secrets.ledger.note(section.place, f"the check of {_title(section)} asks for {name} by TLS and in the Host header, too")
    elif name and name != host:
        reason = f"verifyhost {name}: no field for another name than that of the Host header"
        secrets.ledger.miss(section.place, f"{_title(section)}: {reason}")
    elif host and not name:
        secrets.ledger.note(section.place, f"the check of {_title(section)}: the certificate has to have the name {host}, too")


def _name(section: Section, fields: dict[str, Any], sni: str, server_name: str, secrets: Secrets) -> None:
    """The name that a check over TLS asks for is the Host header of an HTTP check, else that of the servers. Another one has no field."""
    if not sni or sni == (_host(fields) or server_name):
        return
    if fields["type"] == "HTTP" and not fields.get("host"):
        fields["host"] = sni
        secrets.ledger.note(
            section.place, f"the check of {_title(section)} asks for {sni} by TLS and now in the Host header, too"
        )
    else:
        secrets.ledger.miss(
            section.place, f"{_title(section)}: check-sni {sni}: no field for another name than that of the Host header"
        )


def _host(fields: dict[str, Any]) -> str:
    return re.sub(":[0-9]+$", "", fields.get("host", ""))


def _title(section: Section) -> str:
    return f"{section.kind} {section.name}"
