"""The whole import: texts in, a resource and findings out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hacluster.importer.findings import Finding, Ledger, losses
from hacluster.importer.haproxy import haproxy_fields, needs_nonlocal_bind, read_haproxy
from hacluster.importer.keepalived import Facts, read_keepalived
from hacluster.importer.keepalived_syntax import Include
from hacluster.importer.resource import manifest, problems_of


@dataclass(frozen=True)
class Texts:
    """The files to import."""

    haproxy: Sequence[tuple[str, str]] = ()
    """Name and text of each file, in their order."""
    keepalived: Sequence[tuple[str, str, str]] = ()
    """Node, name and text of each file."""
    facts: Facts = field(default_factory=dict)
    """The nodes' interfaces, where they are known."""
    include: Include = lambda _file, _pattern: None
    """Reads what a keepalived.conf includes."""


@dataclass(frozen=True)
class Imported:
    """The resource, and what became of the directives."""

    resource: Mapping[str, Any]
    findings: tuple[Finding, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing is lost, and the resource is valid."""
        return not losses(self.findings)


def import_files(texts: Texts, name: str, namespace: str = "") -> Imported:
    """Makes a resource of the files. What is missing for a valid one is a loss, too."""
    ledger = Ledger()
    spec: dict[str, Any] = {}
    routers: dict[str, str] = {}
    if texts.keepalived:
        keepalived = read_keepalived(texts.keepalived, texts.facts, texts.include, ledger)
        routers = keepalived.virtual_ips
        spec |= {"nodes": keepalived.nodes, "virtualRouters": keepalived.routers, "vrrp": keepalived.vrrp}
    else:
        ledger.miss(None, "spec.virtualRouters: no keepalived.conf was given; add the virtual IPs")
    if texts.haproxy:
        read = read_haproxy(texts.haproxy, _interfaces(texts.facts), name, namespace, ledger)
        spec["haproxy"] = haproxy_fields(read, routers, ledger, known=bool(texts.keepalived))
        if needs_nonlocal_bind(spec["haproxy"]):
            spec["system"] = {"nonlocalBind": True}
    else:
        ledger.miss(None, "spec.haproxy: no haproxy.cfg was given; add the listeners")
    resource = manifest(name, namespace, spec)
    for problem in problems_of(resource):
        if not _is_reported(problem.field, texts):
            ledger.miss(None, str(problem))
    files = [*(file for _, file, _ in texts.keepalived), *(file for file, _ in texts.haproxy)]
    return Imported(resource, ledger.close(files))


def _interfaces(facts: Facts) -> dict[str, str]:
    """Each node's addresses → their interfaces."""
    return {
        str(address.ip): interface
        for of_node in facts.values()
        for interface, addresses in of_node.items()
        for address in addresses
    }


def _is_reported(field_path: str, texts: Texts) -> bool:
    """Whether the missing part of the resource has been named already."""
    missing = [path for path, given in (("spec.virtualRouters", texts.keepalived), ("spec.haproxy", texts.haproxy)) if not given]
    return field_path in missing
