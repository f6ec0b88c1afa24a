"""Reads Services and EndpointSlices as the API server sends them, and keeps those of some Services while events arrive. Pure.

A source puts what it lists and what a watch tells into an `ObjectCache`, and gets a `ServiceView` of each Service.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from ipaddress import ip_address
from typing import Any

from hacluster.agent.services.view import ServiceView, Slice, SliceEndpoint


class Kind(Enum):
    """The two kinds of objects. The value is what `kind` says."""

    SERVICE = "Service"
    SLICE = "EndpointSlice"


SERVICE_LABEL = "kubernetes.io/service-name"
"""The label of an EndpointSlice that names its Service."""
_IP_VERSIONS = {"IPv4": 4, "IPv6": 6}


class ObjectCache:
    """The objects of the Services with these names, in the namespace of the source."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)
        self._services: dict[str, ServiceView] = {}
        self._slices: dict[str, tuple[str, Slice]] = {}
        """Name of the slice → its Service and its content."""
        self._listed: set[Kind] = set()

    def replace(self, kind: Kind, objects: Iterable[Mapping[str, Any]]) -> None:
        """These are all objects of the kind."""
        (self._services if kind is Kind.SERVICE else self._slices).clear()
        for each in objects:
            self.put(kind, each)
        self._listed.add(kind)

    def put(self, kind: Kind, found: Mapping[str, Any], *, deleted: bool = False) -> None:
        """One object is new, changed or deleted. Raises KeyError, TypeError or ValueError for something else than an object of the kind."""
        name = str(found["metadata"]["name"])
        if kind is Kind.SERVICE:
            self._services.pop(name, None)
            if name in self._names and not deleted:
                self._services[name] = read_service(found)
            return
        self._slices.pop(name, None)
        service = str((found["metadata"].get("labels") or {}).get(SERVICE_LABEL, ""))
        if service in self._names and not deleted and (content := read_slice(found)):
            self._slices[name] = service, content

    def views(self) -> Mapping[str, ServiceView] | None:
        """A view of each Service; None until both kinds have been listed."""
        if len(self._listed) < len(Kind):
            return None
        absent = ServiceView(exists=False)
        return {
            name: self._services.get(name, absent).model_copy(update={"slices": tuple(self._slices_of(name))})
            for name in sorted(self._names)
        }

    def _slices_of(self, service: str) -> Iterable[Slice]:
        return (content for _, (owner, content) in sorted(self._slices.items()) if owner == service)


def read_service(found: Mapping[str, Any]) -> ServiceView:
    """The Service, without its slices."""
    spec = found.get("spec") or {}
    return ServiceView(
        external=spec.get("type") == "ExternalName",
        ports={int(each["port"]): str(each.get("name") or "") for each in spec.get("ports") or () if _is_tcp(each)},
    )


def read_slice(found: Mapping[str, Any]) -> Slice | None:
    """The slice; None if its endpoints have host names (FQDN), which Kubernetes itself does not use."""
    version = _IP_VERSIONS.get(str(found.get("addressType")))
    if version is None:
        return None
    ports = [each for each in found.get("ports") or () if _is_tcp(each) and each.get("port")]
    endpoints = (_endpoint(each, version) for each in found.get("endpoints") or ())
    return Slice(
        ip_version=version,
        ports={str(each.get("name") or ""): int(each["port"]) for each in ports},
        endpoints=tuple(each for each in endpoints if each),
    )


def _is_tcp(port: Mapping[str, Any]) -> bool:
    return (port.get("protocol") or "TCP") == "TCP"


def _endpoint(found: Mapping[str, Any], version: int) -> SliceEndpoint | None:
    """The endpoint; None without an address. All addresses of one endpoint are alike, and only the first is used, as the API says.

    The text becomes a part of HAProxy's configuration, so it is never more than an address, whoever wrote the slice.
    """
    conditions = found.get("conditions") or {}
    ready = conditions.get("ready") is not False  # a condition that is not known counts as true
    serving = conditions.get("serving")
    try:
        address = ip_address(str(next(iter(found.get("addresses") or ()), "0.0.0.0")))
    except ValueError:
        return None
    if address.version != version or address.is_unspecified or "%" in str(address):
        return None
    return SliceEndpoint(
        address=str(address),
        ready=ready,
        serving=ready if serving is None else bool(serving),
        node=str(found.get("nodeName") or ""),
    )
