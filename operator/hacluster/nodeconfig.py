"""The contract between the operator and one node's agent: the content of `agent.json`.

`plan/texts/agentconfig.py` builds an `AgentConfig`, the operator stores it in the ConfigMap under `<node>.agent.json`, and
`agent/config/bundle.py` reads it. The files of keepalived, HAProxy and rsyslog are in the same ConfigMap, those of Apache
in another one, under the keys that `names.key` makes.
The names of the fields are part of the contract: an agent may be older or newer than the operator.
"""

from collections.abc import Mapping
from enum import StrEnum
from operator import not_
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hacluster.names import authority_name


class File(StrEnum):
    """The files of one node. The value is the end of the ConfigMap key: `<node>.haproxy.cfg`."""

    KEEPALIVED = "keepalived.conf"
    HAPROXY = "haproxy.cfg"
    RSYSLOG = "rsyslog.conf"
    AGENT = "agent.json"
    HTTPD = "httpd.conf"
    PAGE = "index.html"


class _FrozenModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Router(_FrozenModel):
    """One virtual router as this node runs it: one VRRP instance of keepalived."""

    name: str
    interface: str
    priority: int
    virtual_router_id: int
    virtual_ips: tuple[str, ...]
    """With prefix lengths, as keepalived adds them to the interface: `192.0.2.10/24`."""
    version: int = 3
    """VRRP version of the advertisements: 2 or 3."""
    advertisement_interval_ms: int = 100
    preempts: bool = True
    """Whether a node with a higher priority takes the virtual IP from a living holder at once (preemption Immediate)."""
    yields: bool = False
    """Whether this node is to yield the virtual IPs to another node: in a switchover, or because it is cordoned."""
    yields_in_steps: bool = False
    """Whether keepalived has a third track file, which lowers this node's priority to just below the next node's (`names.track_step`)."""
    neighbours: tuple[str, ...] = ()
    """All addresses of the other members on their interfaces, without prefix lengths. An advertisement from another address is foreign."""
    address_interface: Annotated[str, Field(exclude_if=not_)] = ""
    """The interface of the virtual IPs, if it is another one than `interface`, on which VRRP speaks. Absent from the file otherwise."""
    passed_on_to: Annotated[Mapping[str, str], Field(exclude_if=not_)] = {}
    """Where virtual IPs are on another interface than VRRP: address from which another member may advertise → its own address on the
    interface of the virtual IPs, to which packets of its connections are passed on."""
    moves_with: Annotated[tuple[str, ...], Field(exclude_if=not_)] = ()
    """Names of the other virtual routers whose virtual IPs are to be on the same node. Absent from the file without any."""
    follows: Annotated[str, Field(exclude_if=not_)] = ""
    """Of these, the one whose node decides (`moveWith`); empty where this one does. Absent from the file then."""

    @property
    def virtual_ip_interface(self) -> str:
        """The interface that has the virtual IPs on the holder."""
        return self.address_interface or self.interface

    @property
    def ip_version(self) -> int:
        """4 or 6: one router has virtual IPs of one version only."""
        return 6 if ":" in self.virtual_ips[0] else 4


class Port(_FrozenModel):
    """A port on which a daemon will listen. The agent checks that it is free before it installs a configuration that adds it."""

    port: int
    field: str
    """The field of the resource that names the port, such as `spec.haproxy.listeners[0].port`."""
    address: str = ""
    """The address that is bound, without a prefix length; empty: all addresses."""
    protocol: str = "TCP"
    """TCP or UDP."""
    user: int | None = None
    """User id of the daemon, if it is in another pod and may listen there already: its sockets are not in the way."""


class Apache(_FrozenModel):
    """The address and port on which this node's Apache listens."""

    address: str
    port: int


class Service(_FrozenModel):
    """The port of a Service whose endpoints are the servers of one of HAProxy's proxies. The agent follows them and adds the servers."""

    name: str
    """Name of the Service."""
    namespace: Annotated[str, Field(exclude_if=not_)] = ""
    """Namespace of the Service; empty: the resource's. Absent from the file then."""
    port: int
    """The Service's own port, not that of its pods."""
    field: str
    """The field of the resource that names it, such as `spec.haproxy.listeners[0].backend.service`."""
    ip_version: int = 4
    """4 or 6: which addresses are used where the Service has both."""
    words: str = ""
    """What each `server` line says after its address, such as `check inter 5s`, with blanks between the words."""
    cookies: bool = False
    """Whether each server has a cookie value of its own."""
    local_to: Annotated[str, Field(exclude_if=not_)] = ""
    """This node's name, if its own endpoints are preferred; empty: all are alike. Absent from the file then."""

    @property
    def title(self) -> str:
        """What tells it from all others: `shop`, in another namespace than the resource's `tenant/shop`."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def checked(self) -> bool:
        """Whether HAProxy checks the servers."""
        return "check" in self.words.split()


class Certificate(_FrozenModel):
    """A Secret with certificates that HAProxy reads. Nothing of its content is in any file of the operator."""

    name: str
    """Name of the Secret, in the resource's namespace."""
    field: str
    """The field of the resource that names it, such as `spec.haproxy.listeners[0].tls.secretNames[0]`."""
    authority: Annotated[bool, Field(exclude_if=not_)] = False
    """False: it has the keys tls.crt and tls.key, which HAProxy serves. True: the key ca.crt, by which it verifies servers."""

    @property
    def file(self) -> str:
        """Name of the file that HAProxy reads. A Secret may be named for both, and no Secret's name has a `_`."""
        return authority_name(self.name) if self.authority else self.name


class Credentials(_FrozenModel):
    """A Secret with the keys username and password, for which HAProxy asks somewhere. The file has no content of a Secret."""

    name: str
    """Name of the Secret, in the resource's namespace."""
    field: str
    """The field of the resource that names it, such as `spec.haproxy.stats.credentialsSecret`."""


class Authentication(_FrozenModel):
    """A Secret with the password of VRRP's advertisements. The file has no content of a Secret."""

    name: str
    """Name of the Secret, in the resource's namespace."""
    key: str
    """The key whose value is the password."""
    field: str
    """The field of the resource that names it."""


class AgentConfig(_FrozenModel):
    """Everything that one node's agent is configured with. An older agent ignores fields that it does not know."""

    cluster: str
    namespace: str
    node: str
    revision: str
    """Hash over this node's files. The agent reports it as `configRevision` once the files are loaded."""
    routers: tuple[Router, ...] = ()
    http_check: bool = True
    """True: keepalived follows the agent's check of HAProxy, by the file `names.TRACK_HAPROXY` (check type HTTP). False: it follows its own
script (Process). The agent keeps the file current in both cases."""
    ports: tuple[Port, ...] = ()
    """The ports of HAProxy."""
    other_ports: tuple[Port, ...] = ()
    """The ports of Apache and rsyslog. A field of its own: agents that do not know it would take these daemons for other programs."""
    apache: Apache | None = None
    peers: Mapping[str, tuple[str, ...]] = {}
    """The other nodes → their Apache's address if they have one, followed by the addresses from which that node may advertise, if those are
    different. The names are those of HAProxy's servers. The first address is asked whether the node still answers. Kept short: every
    node lists all others, and all nodes share one ConfigMap of 1 MiB."""
    backends: tuple[str, ...] = ()
    """Names of the HAProxy backends that have the `peers` as servers."""
    listeners: Mapping[str, int] = {}
    """The resource's listeners: name → port. HAProxy has a proxy of each name."""
    needed_listeners: Annotated[tuple[str, ...], Field(exclude_if=not_)] = ()
    """Listeners without which this node leaves its virtual IPs to others (`vrrp.check.listeners`). Absent from the file: none."""
    services: Annotated[Mapping[str, Service], Field(exclude_if=not_)] = {}
    """HAProxy's proxies whose servers are the endpoints of a Service. Absent from the file where there is none."""
    certificates: Annotated[tuple[Certificate, ...], Field(exclude_if=not_)] = ()
    """The files with certificates, each once. Absent from the file where there is none."""
    credentials: Annotated[tuple[Credentials, ...], Field(exclude_if=not_)] = ()
    """The Secrets with credentials that the agent follows. Absent from the file where there is none."""
    authentication: Annotated[Authentication | None, Field(exclude_if=not_)] = None
    """Where the password is with which the agent completes keepalived.conf. Absent from the file where there is none."""
    drain_seconds: float = 30.0
    """Seconds for which a node that handed a virtual IP over still serves its open connections; 0: not at all."""
    named_interfaces: tuple[str, ...] = ()
    """Interfaces that the resource names for this node. The agent reports them whatever they are."""
    requested_interval_ms: int = 0
    """The resource's advertisement interval, where the routers have a longer one because a node lacks real-time scheduling; else 0."""
    all_virtual_ips: tuple[str, ...] = ()
    """Every virtual IP of the resource, without prefix lengths. The agent removes no other address from an interface."""

    @property
    def secrets(self) -> tuple[Certificate | Credentials | Authentication, ...]:
        """Every Secret that the agent follows."""
        return (*self.certificates, *self.credentials, *([self.authentication] if self.authentication else ()))

    @property
    def all_ports(self) -> tuple[Port, ...]:
        """The ports of all daemons."""
        return (*self.ports, *self.other_ports)
