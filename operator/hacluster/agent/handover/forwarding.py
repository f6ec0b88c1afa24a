"""What belongs to one resource in the node's kernel: names and numbers, policy rules, routes. Pure.

Policy routes are the first of the two mechanisms that keep open connections alive when a virtual IP moves: the old holder goes on
delivering packets for the virtual IP to its own sockets. ARP never uses these routes, so the old holder does not answer ARP requests
for the address. The second mechanism, the second chance, is in `rules.py`.
"""

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from socket import IPPROTO_TCP
from typing import Final, NamedTuple

from hacluster.agent.system.network import Network, without_prefix
from hacluster.agent.system.routing import LocalRoute, PolicyRule
from hacluster.nodeconfig import AgentConfig, Router

FAMILIES: Final = ((4, "ip", "ipv4_addr"), (6, "ip6", "ipv6_addr"))
"""Of each address family: IP version, nftables family, nftables type of an address."""
PREFERENCE: Final = 5151
"""Preference of the policy rules: after the rule for the kernel's local addresses (0), before the main table (32766)."""
_TABLES: Final = 0x4000_0000
"""The routing tables of all resources are numbered from here on, up to twice this number."""
_FORMER_TABLES: Final = 0x4841_0000


class Names(NamedTuple):
    """The number of the routing table, and the name of the nftables tables (one for each address family)."""

    routing_table: int
    nftables: str


@dataclass(frozen=True)
class Forwarding:
    """One resource on this node. Two resources on the same node have different names and numbers."""

    config: AgentConfig
    interfaces: Mapping[str, int] | None = None
    """Name → index of the node's interfaces. nftables stores the index of the interface to which it duplicates packets, so the rules
    have to be loaded again when an interface was created anew. None: not known, all interfaces count as present."""
    tracked: frozenset[int] = frozenset()
    """Ports that need connection tracking although the configuration binds no listener of them to an address: a configuration that does
    is about to be loaded, or the socket of the last one is still there."""

    @property
    def table(self) -> int:
        """Number of the routing table, from a hash of the resource's namespace and name: 30 bits, so that two hardly ever collide."""
        return _TABLES | int(self._hash[:8], 16) & (_TABLES - 1)

    @property
    def name(self) -> str:
        """Name of the nftables tables, from 64 bits of a hash."""
        return f"hacluster_{self._hash[:16]}"

    @property
    def former_names(self) -> Names:
        """The names that version 0.1 used, from 16 bits of a hash. A pod that was killed may have left them behind."""
        number = zlib.crc32(self._resource.encode()) & 0xFFFF
        return Names(_FORMER_TABLES | number, f"hacluster_{number:04x}")

    @property
    def _resource(self) -> str:
        return f"{self.config.namespace}/{self.config.cluster}"

    @property
    def _hash(self) -> str:
        return hashlib.sha256(self._resource.encode()).hexdigest()

    def routers(self, version: int) -> list[tuple[int, Router]]:
        """The routers whose virtual IPs are of this IP version, each with its position in the configuration.

        Those whose interface does not exist are left out: nftables refuses a rule for it.
        """
        return [
            (index, router)
            for index, router in enumerate(self.config.routers)
            if router.ip_version == version and (self.interfaces is None or router.virtual_ip_interface in self.interfaces)
        ]

    @property
    def present(self) -> list[tuple[int, Router]]:
        """The same of both IP versions."""
        return [each for version in (4, 6) for each in self.routers(version)]

    def policy_rules(self, version: int) -> set[PolicyRule]:
        """The rules that send packets for a virtual IP to the resource's routing table.

        They match only TCP that arrives on the interface of the virtual IPs. The kernel looks a route up for ARP requests too, but without
        a protocol: such a look-up does not match, and the request is not answered. The kernel keeps rules for an interface that does not
        exist, and uses them once it does.
        """
        return {
            PolicyRule(without_prefix(address), router.virtual_ip_interface, IPPROTO_TCP, PREFERENCE, self.table)
            for router in self.config.routers
            for address in router.virtual_ips
            if router.ip_version == version
        }

    def local_routes(self, version: int) -> set[LocalRoute]:
        """The routes by which the kernel takes packets for a virtual IP as its own."""
        return {LocalRoute(rule.destination, self.table) for rule in self.policy_rules(version)}


def make_forwarding(
    config: AgentConfig | None, network: Network | None, tracked: frozenset[int] = frozenset()
) -> Forwarding | None:
    """What the kernel has to contain; None where nothing is to be forwarded: without a drain or without routers."""
    if config is None or network is None or config.drain_seconds <= 0 or not config.routers:
        return None
    used = {router.virtual_ip_interface for router in config.routers}
    return Forwarding(config, {link.name: link.index for link in network.links if link.name in used}, tracked)
