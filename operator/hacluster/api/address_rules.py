"""Rules of the spec that compare virtual IPs with other fields: backend addresses, servers, the advertisement interval.

`HAClusterSpec.rules` begins with them. What depends on the nodes is checked by the plan (`plan/topology`).
"""

from typing import Any, Final

from hacluster.api.base import Rule
from hacluster.api.listeners import Bind
from hacluster.api.servers import Server
from hacluster.api.targets import all_targets
from hacluster.api.vrrp import LONGEST_V3_INTERVAL


def _backend_address_field(spec: Any) -> str | None:
    """Path of the first virtual IP that is a node's backendAddress; or None."""
    taken = {node.backend_address for node in spec.nodes}
    fields = (
        f"virtualRouters[{i}].virtualIPs[{j}]"
        for i, router in enumerate(spec.virtual_routers)
        for j, address in enumerate(router.virtual_ips)
        if address.ip in taken
    )
    return next(fields, None)


def _loop_field(spec: Any) -> str | None:
    """Path of the first server that is a virtual IP or this very host, with a port on which a listener listens there; or None."""
    virtual_ips = {address.ip for router in spec.virtual_routers for address in router.virtual_ips}
    ports = {each.port for each in spec.haproxy.listeners}
    on_any_address = {each.port for each in spec.haproxy.listeners if each.bind is Bind.ANY}
    for field, target in all_targets(spec.haproxy):
        for index, server in enumerate(target.backend.servers or ()):
            is_virtual_ip = server.address in virtual_ips and server.port in ports
            if is_virtual_ip or (_is_this_host(server) and server.port in on_any_address):
                return f"{field}.servers[{index}]"
    return None


def _is_this_host(server: Server) -> bool:
    if server.address is None:
        return (server.hostname or "").rstrip(".").lower() == "localhost"
    return server.address.is_loopback or server.address.is_unspecified  # Linux connects 0.0.0.0 and :: to this host


ADDRESS_RULES: Final = (
    Rule(
        cel="!has(self.nodes) || !self.virtualRouters.all(r, r.virtualIPs.all(a, isCIDR(a))) || "
        "[self.virtualRouters.map(r, r.virtualIPs.map(a, cidr(a).ip()))].all(l, self.nodes.all(n, "
        "!has(n.backendAddress) || !isIP(n.backendAddress) || !l.exists(ips, ip(n.backendAddress) in ips)))",
        message="a virtual IP cannot be a node's backendAddress: the address would move away from the node",
        holds=lambda s: _backend_address_field(s) is None,
        field="virtualRouters",
        wrong_field=lambda s: _backend_address_field(s) or "virtualRouters",
    ),
    Rule(
        cel="self.virtualRouters.all(r, r.virtualIPs.all(a, !isCIDR(a) || cidr(a).ip().family() == 4)) || "
        "duration(self.vrrp.advertisementInterval) <= duration('40950ms')",
        message="IPv6 virtual routers speak VRRP version 3, which takes at most 40.95s",
        holds=lambda s: (
            s.vrrp.advertisement_interval <= LONGEST_V3_INTERVAL
            or all(router.virtual_ips[0].version == 4 for router in s.virtual_routers)
        ),
        field="vrrp.advertisementInterval",
    ),
    Rule(
        cel="",  # 64 listeners with 128 servers and 320 virtual IPs exceed the API server's cost limit of one rule
        message="a server must not be a virtual IP with the port of a listener: HAProxy would send requests to itself, in a circle; "
        "name the servers behind it",
        holds=lambda s: _loop_field(s) is None,
        field="haproxy.listeners",
        wrong_field=lambda s: _loop_field(s) or "haproxy.listeners",
    ),
)
