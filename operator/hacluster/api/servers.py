"""Models of `backend`: where the requests of a listener or a route go."""

from typing import Annotated

from pydantic import Field

from hacluster.api.base import Model, Rule
from hacluster.api.constraints import ListMap
from hacluster.api.types import Address, HostName, Name, Port, ServiceName


class ApacheBackend(Model):
    """The cluster's own Apache, one server per node."""


class ServiceBackend(Model):
    """A port of a Service in the resource's own namespace. Its endpoints are the servers."""

    name: ServiceName
    """Name of the Service."""
    port: Port
    """The Service's port, such as 80. The pods' own port may be another one, or have a name: the Service says so."""


class Server(Model):
    """One server of the user's own."""

    rules = (
        Rule(
            cel="has(self.address) != has(self.hostname)",
            message="needs exactly one of address and hostname",
            holds=lambda s: (s.address is None) != (s.hostname is None),
        ),
    )

    name: Name
    """Name of the server, and its cookie's value."""
    address: Address | None = None
    """Address to which HAProxy connects."""
    hostname: HostName | None = None
    """Host name of the server, instead of an address. HAProxy asks for its address again and again; without one, the server is not used."""
    port: Port
    """Port to which HAProxy connects."""
    weight: Annotated[int, Field(ge=0, le=256)] = 1
    """Share of the traffic, 0-256, compared with the other servers' weights; 0: no new clients."""
    backup: bool = False
    """Used only while no server without backup is up."""


class Backend(Model):
    """Where requests go: exactly one of its fields."""

    rules = (
        Rule(
            cel="[has(self.apache), has(self.servers), has(self.service)].filter(given, given).size() == 1",
            message="needs exactly one of apache, servers and service",
            holds=lambda b: [b.apache, b.servers, b.service].count(None) == 2,
        ),
    )

    apache: ApacheBackend | None = None
    """The cluster's own Apache on every node."""
    servers: Annotated[tuple[Server, ...], Field(min_length=1, max_length=128), ListMap("name")] | None = None
    """Servers of your own."""
    service: ServiceBackend | None = None
    """The endpoints of a Service. The nodes follow them at run time, without a reload of HAProxy: ready ones get requests, ending ones
keep what they have."""
