"""TLS with clients: what `bind` lines and `ssl-default-bind-options` say of it.

Source: HAProxy's Configuration Manual 3.0, 3.1 "ssl-default-bind-options", 5.1 "Bind options". What is served without a word about
versions is TLSv1.2 and later, in HAProxy and in the resource.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hacluster.importer.findings import Ledger
from hacluster.importer.haproxy_secrets import Secrets
from hacluster.importer.haproxy_sections import Configuration
from hacluster.importer.haproxy_values import Parameter, Parameters, parameters

CIPHERS: Final = (
    *("ciphers", "ciphersuites", "curves", "ecdhe", "sigalgs", "client-sigalgs"),
    *("prefer-client-ciphers", "no-prefer-client-ciphers", "tls-tickets", "no-tls-tickets"),
)
"""What the operator decides: they are HAProxy's own defaults."""
_OLD: Final = ("sslv3", "tlsv10", "tlsv11")
_VERSIONS: Final = ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_LEAST: Final = "TLSv1.2"
VERSION_FLAGS: Final = frozenset(f"force-{each}" for each in (*_OLD, "tlsv12", "tlsv13"))


@dataclass(frozen=True)
class Served:
    """`tls` of a listener."""

    secret_names: tuple[str, ...]
    min_version: str

    @property
    def fields(self) -> dict[str, Any]:
        return {"secretNames": [*self.secret_names], "minVersion": self.min_version}


@dataclass(frozen=True)
class BindReader:
    """Reads TLS of `bind` lines, with what `global` says for all of them."""

    secrets: Secrets
    defaults: Mapping[str, Parameter]
    """Options about versions."""

    def served(self, params: Parameters, certificates: Sequence[Parameter], *, http: bool) -> Served | None:
        """TLS of one line; None: none of its certificates can be carried over. `certificates`: each `crt`."""
        ledger = self.secrets.ledger
        directive = params.found["ssl"].directive
        params.own("ssl", "crt", "npn")
        found = (self.secrets.certificate(each.directive, each.value) for each in certificates)
        names = tuple(dict.fromkeys(each for each in found if each is not None))
        if not certificates and "crt-list" not in params.found:
            ledger.lost(directive, "no field for TLS without a certificate's file (crt)", "ssl")
        for name in CIPHERS:
            if (each := params.take(name)) is not None:
                ledger.noted(directive, "the operator decides the ciphers: HAProxy's own defaults", each.text)
        _protocols(params, http=http)
        verify = params.take("verify")
        if verify is not None and verify.value != "none":
            ledger.lost(directive, "no field: clients are not asked for certificates", verify.text)
        params.own("ca-file", "ca-verify-file", "crl-file")  # without `verify` they have no effect
        own = {name: each for name in _names_of_versions() if (each := params.take(name)) is not None}
        version = _least(own or self.defaults, ledger)
        return Served(names, version) if names else None


def bind_reader(configuration: Configuration, secrets: Secrets) -> BindReader:
    """With the `ssl-default-bind-options` of `global`."""
    found: dict[str, Parameter] = {}
    for section in configuration.of_kind("global"):
        for directive in section.take("ssl-default-bind-options"):
            for each in parameters(directive, directive.arguments, VERSION_FLAGS | {"prefer-client-ciphers", "strict-sni"}):
                if each.name in _names_of_versions():
                    found[each.name] = each
    return BindReader(secrets, found)


def _names_of_versions() -> tuple[str, ...]:
    return ("ssl-min-ver", "ssl-max-ver", *VERSION_FLAGS, *(f"no-{each}" for each in (*_OLD, "tlsv12", "tlsv13")))


def _protocols(params: Parameters, *, http: bool) -> None:
    """A listener of mode HTTP always offers HTTP/2 and HTTP/1.1; in mode TCP it offers nothing."""
    alpn = params.take("alpn")
    if alpn is None:
        return
    offered = set(alpn.value.split(","))
    if not http:
        params.ledger.lost(alpn.directive, "no field: in mode TCP no protocol is offered", alpn.text)
    elif not offered <= {"h2", "http/1.1", "http/1.0"}:
        params.ledger.lost(alpn.directive, "no field: HTTP/2 and HTTP/1.1 are offered", alpn.text)
    elif "h2" not in offered:
        params.ledger.noted(alpn.directive, "HTTP/2 is offered as well", alpn.text)


def _least(options: Mapping[str, Parameter], ledger: Ledger) -> str:
    """`minVersion`. What limits the newest version is lost."""
    least = _LEAST
    for name, each in options.items():
        version = each.value if name in ("ssl-min-ver", "ssl-max-ver") else _version(name)
        if version not in _VERSIONS:
            ledger.lost(each.directive, "there is no such version of TLS", each.text)
        elif name == "ssl-min-ver" or name.startswith("force-"):
            least = max(least, version, key=_VERSIONS.index)
            if _VERSIONS.index(version) < _VERSIONS.index(_LEAST):
                ledger.noted(each.directive, f"{_LEAST} is the least", each.text)
        elif name == "no-tlsv12":
            least = "TLSv1.3"
        if name in ("force-tlsv12", "no-tlsv13") or (name == "ssl-max-ver" and version != "TLSv1.3"):
            _limited(each, version, ledger)
    return least


def _limited(option: Parameter, version: str, ledger: Ledger) -> None:
    """Newer versions are always offered. Who could only speak older ones than the least has no connection any more."""
    if option.name == "ssl-max-ver" and version != _LEAST:
        ledger.lost(option.directive, f"no field: {_LEAST} is the least", option.text)
    else:
        ledger.noted(option.directive, "TLSv1.3 is offered as well", option.text)


def _version(name: str) -> str:
    """`force-tlsv12` and `no-tlsv12` → TLSv1.2."""
    return next(each for each in _VERSIONS if each.lower().replace(".", "") == name.rpartition("-")[2])


def certificates_of(found: Sequence[Parameter]) -> list[Parameter]:
    """Each `crt` of a line: the one parameter that may be there several times."""
    return [each for each in found if each.name == "crt" and each.value]
