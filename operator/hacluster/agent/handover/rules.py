"""The `ip` commands and nftables scripts that keep open connections alive when a virtual IP moves. Pure texts.

`netfilter.py` runs them; `second_chance.py` decides when. Two mechanisms work together:

- *Policy routes* (`routes`): the old holder goes on delivering packets for the virtual IP to its own sockets. ARP never uses these
  routes, so the old holder does not answer ARP requests for the address.
- *Second chance* (`rules`): the new holder passes on packets of connections that it does not know to the interface of the old
  holder, for as long as connections may drain.

The second chance is the idea of GitHub's glb-director, done with stock nftables (nft(8)). What else was tried, and why it is so:
docs/decisions/0015-connections-live-on.md.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from hacluster.agent.system.network import without_prefix
from hacluster.nodeconfig import AgentConfig, Router

PREFERENCE: Final = 5151
"""Preference of the policy rules: after the rule for the kernel's local addresses (0), before the main table (32766)."""
_TABLES: Final = 0x4841_0000
"""The routing tables of all resources are numbered from here on."""
FAMILIES: Final = ((4, "ip", "ipv4_addr", "-4"), (6, "ip6", "ipv6_addr", "-6"))
"""Of each address family: IP version, nftables family, nftables type of an address, option of `ip`."""
_HOST_PREFIX: Final = {4: 32, 6: 128}
_MAPS: Final = ("first", "second")
"""nftables maps with the holders to which packets are passed on: virtual IP → address of a holder."""
MAX_HOLDERS: Final = len(_MAPS)
_TTL: Final = {"ip": "ip ttl", "ip6": "ip6 hoplimit"}
PASSED_ON: Final = 8
"""Time to live that marks a packet as passed on; the kernel decrements it once on the way. Packets of clients arrive with more:
they start with 64 or more, and no client is so many hops away."""


@dataclass(frozen=True)
class Forwarding:
    """The names in the kernel that belong to one resource. Two resources on the same node have different ones."""

    config: AgentConfig

    @property
    def table(self) -> int:
        """Number of the routing table, from a hash of the resource's namespace and name."""
        return _TABLES | zlib.crc32(f"{self.config.namespace}/{self.config.cluster}".encode()) & 0xFFFF

    @property
    def name(self) -> str:
        """Name of the nftables tables; there is one for each address family."""
        return f"hacluster_{self.table & 0xFFFF:04x}"

    def routers(self, version: int) -> list[tuple[int, Router]]:
        """The routers whose virtual IPs are of this IP version, each with its position in the configuration."""
        return [(index, router) for index, router in enumerate(self.config.routers) if router.ip_version == version]


def clear_routes(forwarding: Forwarding) -> list[tuple[str, ...]]:
    """Commands that delete the policy rules. Each deletes one rule, so it has to be repeated until it fails."""
    return [("ip", flag, "rule", "delete", "lookup", str(forwarding.table)) for _, _, _, flag in FAMILIES]


def routes(forwarding: Forwarding) -> list[tuple[str, ...]]:
    """Commands that deliver packets for a virtual IP to this node's sockets, whether or not the node holds the address.

    They match only TCP that arrives on the router's interface. The kernel looks a route up for ARP requests too, but without a
    protocol: such a look-up does not match, and the request is not answered.
    """
    commands: list[tuple[str, ...]] = []
    table = str(forwarding.table)
    for version, _, _, flag in FAMILIES:
        for _, router in forwarding.routers(version):
            for address in map(without_prefix, router.virtual_ips):
                prefix = f"{address}/{_HOST_PREFIX[version]}"
                commands.append(("ip", flag, "route", "replace", "local", prefix, "dev", "lo", "table", table))
                match = ("to", prefix, "iif", router.interface, "ipproto", "tcp", "lookup", table)
                commands.append(("ip", flag, "rule", "add", "preference", str(PREFERENCE), *match))
    return commands


def clear_rules(forwarding: Forwarding) -> str:
    """The nftables script that removes all tables of the resource. `add` comes first, as deleting a missing table would be an error."""
    return "".join(f"add table {kind} {forwarding.name}\ndelete table {kind} {forwarding.name}\n" for _, kind, _, _ in FAMILIES)


def rules(forwarding: Forwarding) -> str:
    """The nftables script for the second chance, without the elements of its sets (`ports`, `recent_holders`).

    A packet for a connection that this node's HAProxy does not have is handled like this:

    - The holder of the virtual IP duplicates it to the holders before it, and drops its own copy. Backups keep these addresses
      current beforehand, so nothing has to be done in time at the moment when a backup becomes the holder.
    - A passed-on packet is marked by its TTL. A node that receives it and does not know the connection drops it: another
      node may know it. It is never passed on again, so no packet runs in circles.
    - Only the holder of the virtual IP resets a connection, and only when there is no earlier holder.

    A node knows the connections for which it has a socket, so no connection tracking is needed. Only handshakes are recorded, for as
    long as they last, and while there is an earlier holder.
    """
    parts = [clear_rules(forwarding)]
    for version, kind, type_, _ in FAMILIES:
        routers = forwarding.routers(version)
        if not routers:
            continue
        sets = "".join(_sets(type_, index) for index, _ in routers)
        tracked = bool(_bound_ports(forwarding))
        chains = "".join(_chains(kind, index, router, tracked=tracked) for index, router in routers)
        entries = "".join(_entries(kind, index, router, tracked=tracked) for index, router in routers)
        hook = "    type filter hook prerouting priority mangle; policy accept;\n"
        parts.append(f"table {kind} {forwarding.name} {{\n{sets}{chains}  chain second_chance {{\n{hook}{entries}  }}\n}}\n")
    return "".join(parts)


def ports(forwarding: Forwarding) -> str:
    """The nftables script that sets the ports whose connections get a second chance. The holders in the maps stay as they are."""
    lines = []
    for version, kind, _, _ in FAMILIES:
        for index, _ in forwarding.routers(version):
            for name, numbers in (("any", _unbound_ports(forwarding)), ("bound", _bound_ports(forwarding))):
                lines.append(f"flush set {kind} {forwarding.name} {name}{index}\n")
                if numbers:
                    elements = ", ".join(map(str, numbers))
                    lines.append(f"add element {kind} {forwarding.name} {name}{index} {{ {elements} }}\n")
    return "".join(lines)


def _unbound_ports(forwarding: Forwarding) -> list[int]:
    """Ports of listeners that accept connections to every address of the node."""
    return sorted({each.port for each in forwarding.config.ports if not each.address})


def _bound_ports(forwarding: Forwarding) -> list[int]:
    """Ports of listeners that are bound to one address."""
    return sorted({each.port for each in forwarding.config.ports if each.address})


def _sets(type_: str, index: int) -> str:
    """One router's maps and sets.

    `first` and `second`: virtual IP → holder to pass packets to. `any` and `bound`: HAProxy's ports, by the kind of listener.
    `opening`: address and port of clients whose handshake is not over. `known`: virtual IPs with an entry in a map.
    """
    maps = "".join(f"  map {each}{index} {{ type {type_} : {type_}; flags timeout; }}\n" for each in _MAPS)
    numbers = "".join(f"  set {each}{index} {{ type inet_service; }}\n" for each in ("any", "bound"))
    opening = f"  set opening{index} {{ type {type_} . inet_service; flags dynamic,timeout; timeout 10s; size 65536; }}\n"
    return f"{maps}{numbers}{opening}  set known{index} {{ type {type_}; flags timeout; }}\n"


def _entries(kind: str, index: int, router: Router, *, tracked: bool) -> str:
    """The rules that select packets: those to HAProxy's ports on the router's virtual IPs."""
    addresses = ", ".join(map(without_prefix, router.virtual_ips))
    match = f'    iifname "{router.interface}" {kind} daddr {{ {addresses} }} tcp dport'
    # `socket wildcard` cannot tell a listener that is bound to the address from its connections: these ports need connection
    # tracking. It slows down all traffic of the node, so it is only there when such ports exist.
    return f"{match} @any{index} goto by_socket{index}\n" + (
        f"{match} @bound{index} goto by_tracking{index}\n" if tracked else ""
    )


def _chains(kind: str, index: int, router: Router, *, tracked: bool) -> str:
    """One router's chains: which packets are left to this node's sockets (`return`), and what happens to the others (`unknown`)."""
    ttl, address_type = _TTL[kind], "fib daddr . iif type"  # the type is `local` on the holder of the virtual IP
    no_earlier_holder = f"{kind} daddr != @known{index} {ttl} > {PASSED_ON} {address_type} local return"
    client = f"{kind} saddr . tcp sport"
    opens = "tcp flags & (syn | ack) == syn"
    unknown = (
        f"{ttl} <= {PASSED_ON} counter drop",
        # Gratuitous ARP packets of two nodes may cross, so packets may arrive at a node that is not the holder. A backup that knows the
        # holder passes them on (below). One that does not know the holder drops them: the client sends them again, and by then they
        # reach the holder.
        f"{kind} daddr != @known{index} {address_type} != local counter drop",
        f"{kind} daddr != @known{index} return",
        f"{ttl} set {PASSED_ON}",
        *(f'dup to {kind} daddr map @{each}{index} device "{router.interface}"' for each in _MAPS),
        "counter drop",
    )
    by_socket = (
        no_earlier_holder,
        f"{opens} update @opening{index} {{ {client} }} return",
        # The socket of a connection is bound to an address, the listener's is not (wildcard). Once there is one, the handshake is over
        # and its record is deleted: the client may use the same port again within the ten seconds of its timeout.
        f"socket wildcard 0 delete @opening{index} {{ {client} }} return",
        f"socket wildcard 1 goto unknown{index}",
        # What is left is a socket in a handshake or in TIME_WAIT. A TIME_WAIT socket says nothing about a newer connection of the same
        # client, from the same port, at another node. So on the holder it does not count as known. For packets that were passed on,
        # and on other nodes, it does: that is harmless, as a socket in TIME_WAIT sends no reset.
        f"socket transparent 1 {ttl} <= {PASSED_ON} return",
        f"socket transparent 1 {address_type} != local return",
        f"{client} @opening{index} return",
        f"goto unknown{index}",
    )
    by_tracking = (no_earlier_holder, f"{opens} return", f"ct state {{ new, invalid }} goto unknown{index}")
    chains = _chain(f"unknown{index}", unknown) + _chain(f"by_socket{index}", by_socket)
    return chains + (_chain(f"by_tracking{index}", by_tracking) if tracked else "")


def _chain(name: str, lines: Iterable[str]) -> str:
    return f"  chain {name} {{\n" + "".join(f"    {each}\n" for each in lines) + "  }\n"


def recent_holders(forwarding: Forwarding, index: int, holders: Sequence[tuple[str, float]]) -> str:
    """The nftables script that replaces the holders to which the packets of router number `index` are passed on.

    `holders`: their addresses, each with the seconds until its entry expires. The first `MAX_HOLDERS` with time left are used.
    Without any, nothing is passed on.
    """
    router = forwarding.config.routers[index]
    kind = "ip" if router.ip_version == 4 else "ip6"
    entries = [(holder, max(1, round(seconds))) for holder, seconds in holders if seconds > 0][:MAX_HOLDERS]
    lines = [f"flush map {kind} {forwarding.name} {each}{index}" for each in _MAPS]
    lines.append(f"flush set {kind} {forwarding.name} known{index}")
    for each, (holder, seconds) in zip(_MAPS, entries, strict=False):
        elements = ", ".join(f"{without_prefix(address)} timeout {seconds}s : {holder}" for address in router.virtual_ips)
        lines.append(f"add element {kind} {forwarding.name} {each}{index} {{ {elements} }}")
    if entries:
        longest = max(seconds for _, seconds in entries)
        elements = ", ".join(f"{without_prefix(address)} timeout {longest}s" for address in router.virtual_ips)
        lines.append(f"add element {kind} {forwarding.name} known{index} {{ {elements} }}")
    return "\n".join(lines) + "\n"
