"""TLS with servers: what `server` lines say of it for requests and for checks, which HAProxy verifies alike.

Source: HAProxy's Configuration Manual 3.0, 3.1 "ssl-server-verify", 5.2 "ca-file", "sni", "verify", "verifyhost". A certificate has to have
the name that is asked for (SNI), and without one that of `verifyhost`.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from hacluster.importer.findings import Directive
from hacluster.importer.haproxy_bind_tls import CIPHERS, VERSION_FLAGS
from hacluster.importer.haproxy_secrets import Secrets
from hacluster.importer.haproxy_sections import Section
from hacluster.importer.haproxy_values import Parameter, Parameters, is_host_name

_VERSIONS: Final = ("ssl-min-ver", "ssl-max-ver", *sorted(VERSION_FLAGS))
_NAMES: Final = (
    *("ssl", "verify", "ca-file", "sni", "verifyhost", "crt", "crl-file", "alpn", "npn", "ssl-reuse"),
    *CIPHERS,
    *_VERSIONS,
)


@dataclass(frozen=True)
class PeerTLS:
    """What a line says of TLS. Two lines are equal if they say the same."""

    requests: bool
    """Whether requests are sent over TLS; false: only checks are."""
    verified: bool
    authorities: str
    """The file by which certificates are verified; empty: they are not, or there is none."""
    name: str
    """The host name that servers are asked for, and have to have; empty: none."""
    check_name: str
    """The host name that their certificates need to have where none is asked for, as checks do; empty: any."""
    directive: Directive = field(compare=False)
    """Where authorities are named, else the server's line."""


def peer_tls(directive: Directive, params: Parameters, section: Section, secrets: Secrets) -> PeerTLS | None:
    """Takes everything about TLS but `check-…` from the parameters of a server. None: neither requests nor checks use TLS."""
    requests = "ssl" in params.found
    if not (requests or "check-ssl" in params.found or _connects_by_tls(section)):
        params.own(*_NAMES)
        return None
    params.own("ssl", "npn", "ssl-reuse")
    verify, authorities = params.take("verify"), params.take("ca-file")
    verified = secrets.verify if verify is None else verify.value != "none"
    if verified and authorities is None:
        reason = "certificates are verified, but by no ca-file: name one, or say verify none"
        secrets.ledger.lost(directive, reason, verify.text if verify else "ssl")
    if not verified:
        params.own("crl-file")
    check_name = params.value("verifyhost")
    _own_settings(params)
    return PeerTLS(
        requests=requests,
        verified=verified,
        authorities=authorities.value if authorities and verified else "",
        name=_asked_name(params) if requests else "",
        check_name=check_name if verified else "",
        directive=authorities.directive if authorities else directive,
    )


def server_tls(tls: PeerTLS | None, secrets: Secrets) -> dict[str, Any] | None:
    """`serverTLS`; None: requests are sent without TLS."""
    if tls is None or not tls.requests:
        return None
    name = tls.name or tls.check_name
    if tls.name and tls.check_name and tls.name != tls.check_name:
        secrets.ledger.lost(
            tls.directive, "no field for a second name: requests ask for that of sni", f"verifyhost {tls.check_name}"
        )
    elif tls.check_name and not tls.name:
        secrets.ledger.noted(tls.directive, f"servers are also asked for {name} (SNI)", f"verifyhost {name}")
    if name and not (is_host_name(name)):
        secrets.ledger.lost(tls.directive, "no field: serverName is a host name", name)
        name = ""
    return {**verification(tls, secrets), **({"serverName": name} if name else {})}


def verification(tls: PeerTLS | None, secrets: Secrets) -> dict[str, Any]:
    """`verify` and `caSecretName`, of requests or of checks."""
    if tls is None or not tls.verified:
        return {"verify": "None"}
    name = secrets.authority(tls.directive, tls.authorities) if tls.authorities else None
    return {"verify": "CA", "caSecretName": name or secrets.missing_authority}


def _connects_by_tls(section: Section) -> bool:
    """Whether a rule of the section's checks does."""
    rules = (*section.take("http-check", "connect"), *section.take("tcp-check", "connect"))
    return any("ssl" in each.words for each in rules)


def _asked_name(params: Parameters) -> str:
    """The name of `sni`, if it is always the same."""
    sni = params.take("sni")
    if sni is None:
        return ""
    found = re.fullmatch(r"str\(([^()]*)\)", sni.value)
    if found is None:
        params.ledger.lost(
            sni.directive, "no field for a name that depends on the request; there is serverTLS.serverName", sni.text
        )
    return found[1] if found else ""


def _own_settings(params: Parameters) -> None:
    """Ciphers and versions are the operator's: HAProxy's own defaults, TLSv1.2 and later."""
    for name in (*CIPHERS, *_VERSIONS):
        if (each := params.take(name)) is not None and not _is_default(each):
            params.ledger.noted(each.directive, "the operator decides it: HAProxy's own defaults, TLSv1.2 and later", each.text)
    alpn = params.found.get("alpn")
    if alpn is not None and alpn.value == "http/1.1":
        params.own("alpn")


def _is_default(option: Parameter) -> bool:
    return option.name == "ssl-min-ver" and option.value == "TLSv1.2"
