"""The `bind` lines of a section: addresses, ports, and what else they say.

Source: HAProxy's Configuration Manual 3.0, 4.2 "bind" and 5.1 "Bind options". Old files have the address in the line of the section.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Final

from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_bind_tls import VERSION_FLAGS, BindReader, Served, certificates_of
from hacluster.importer.haproxy_sections import Section
from hacluster.importer.haproxy_values import Parameters, is_address, number, parameters

_FLAGS: Final = VERSION_FLAGS | frozenset(
    {"accept-proxy", "allow-0rtt", "defer-accept", "generate-certificates", "prefer-client-ciphers", "quic-force-retry", "ssl"}
    | {"strict-sni", "tfo", "tls-tickets", "transparent", "v4v6", "v6only"}
)
_OWN: Final = (
    *("name", "nice", "process", "thread", "shards", "id", "transparent", "user", "group", "mode", "level", "uid", "gid"),
    *("v6only", "v4v6"),
)
ANY: Final = ""
_MOST_PORTS: Final = 64


@dataclass(frozen=True)
class Endpoint:
    """One address and port on which a section listens."""

    directive: Directive
    address: str
    """Empty: every address."""
    port: int
    ipv6: bool = False
    """Whether it is an IPv6 address, or every IPv6 address."""
    tls: bool = False
    served: Served | None = None
    """How TLS is ended; None: it is not, or its certificates are lost."""


@dataclass
class Binds:
    """All endpoints of a section."""

    endpoints: list[Endpoint] = field(default_factory=list)
    interface: str = ""
    """The interface of one of them; empty: of none."""
    interface_directive: Directive | None = None
    accept_proxy: bool = False

    @property
    def ports(self) -> list[int]:
        """The ports, each once."""
        return list(dict.fromkeys(each.port for each in self.endpoints))

    @property
    def tls(self) -> bool:
        """Whether a client may use TLS."""
        return any(each.tls for each in self.endpoints)

    def halves(self) -> "list[Binds]":
        """The endpoints with and without TLS apart, in the order of the file: rules may be about one of the two only."""
        kinds = list(dict.fromkeys(each.tls for each in self.endpoints)) or [False]
        return [replace(self, endpoints=[each for each in self.endpoints if each.tls is kind]) for kind in kinds]

    def on(self, port: int) -> list[Endpoint]:
        """The endpoints of a port."""
        return [each for each in self.endpoints if each.port == port]

    def served(self, port: int, ledger: Ledger) -> Served | None:
        """TLS of a port. Lines that say something else of it than the first are lost."""
        found = self.on(port)
        for each in found:
            if each.served != found[0].served:
                ledger.lost(each.directive, "no field: all addresses of a port have the same certificates and versions of TLS")
        return found[0].served if found else None


def binds_of(section: Section, ledger: Ledger, reader: BindReader | None = None, *, http: bool = True) -> Binds:
    """Reads all `bind` lines of a section, and the address in its header. Without a reader, TLS is lost."""
    found = Binds()
    seen: set[bool] = set()
    for directive, words in _lines(section):
        read = parameters(directive, words[1:], _FLAGS)
        params = Parameters(ledger, {each.name: each for each in read})
        tls, served = "ssl" in params.found, None
        if reader is not None and tls:
            served = reader.served(params, certificates_of(read), http=http)
        endpoints = [
            replace(each, tls=tls, served=served) for text in words[0].split(",") for each in _endpoints(directive, text, ledger)
        ]
        interface = params.value("interface")
        if interface and not all(ip_address(each.address or "::").is_link_local for each in endpoints):  # those need one
            found.interface, found.interface_directive = interface, directive
        accept_proxy = params.has("accept-proxy")
        if endpoints:
            seen.add(accept_proxy)
        found.accept_proxy |= accept_proxy
        params.own(*_OWN)
        params.close({"ssl": "no field: the statistics page has no TLS"})
        found.endpoints += endpoints
    if len(found.ports) > _MOST_PORTS:
        ledger.miss(section.place, f"{section.kind} {section.name}: no field for more than {_MOST_PORTS} ports")
        kept = set(found.ports[:_MOST_PORTS])
        found.endpoints = [each for each in found.endpoints if each.port in kept]
    if len(seen) > 1:
        ledger.miss(section.place, f"{section.kind} {section.name}: accept-proxy: no field for some of its addresses only")
    return found


def _lines(section: Section) -> Iterator[tuple[Directive, tuple[str, ...]]]:
    """Each line with an address, as the directive and its words from the address on."""
    header = section.header.words[2:]
    if header and header[0] != "from":
        yield section.header, header
    for directive in section.take("bind"):
        if directive.arguments:
            yield directive, directive.arguments


def _endpoints(directive: Directive, text: str, ledger: Ledger) -> list[Endpoint]:
    """The endpoint of one address; none: it is lost."""
    text = re.sub(r"^(ipv4|ipv6|tcp|tcp4|tcp6)@", "", text)
    host, colon, port_text = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if re.match(r"(unix|abns|abnsz|fd|sockpair|quic4|quic6|udp|rev|rhttp|proxy)@|/", text):
        ledger.lost(directive, "no field: a listener has a TCP port")
        return []
    if re.fullmatch("[0-9]+-[0-9]+", port_text):
        ledger.lost(directive, "no field for a range of ports")
        return []
    host = "127.0.0.1" if host == "localhost" else host
    port = number(port_text, 1, 65535)
    if not colon or port is None or not (host in ("", "*", "::") or is_address(host)):
        ledger.lost(directive, "the address is no IP address with a port")
        return []
    ipv6 = ":" in host
    return [Endpoint(directive, ANY if host in ("", "*", "0.0.0.0", "::") else host, port, ipv6)]
