"""What lets established connections live on when a virtual IP moves: pure texts for `ip` and `nft`, and the part that runs them.

The old holder goes on delivering packets for the virtual IP to its own sockets, by a policy route that ARP never consults: it
answers nobody's question who has the address. The new holder passes packets of connections that it does not know on to the
old holder's card, for as long as connections may drain (the idea of GitHub's glb-director, with stock nftables).
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from hacluster.agent.system.network import bare
from hacluster.nodeconfig import AgentConfig, Router

PREFERENCE: Final = 5151
"""Of the policy rules: before the main table, after the kernel's own addresses."""
_TABLES: Final = 0x4841_0000
FAMILIES: Final = ((4, "ip", "ipv4_addr", "-4"), (6, "ip6", "ipv6_addr", "-6"))
_WHOLE: Final = {4: 32, 6: 128}
_MAPS: Final = ("first", "second")
MOST: Final = len(_MAPS)
_LIFE: Final = {"ip": "ip ttl", "ip6": "ip6 hoplimit"}
PASSED_ON: Final = 8
"""Time to live of a packet that was passed on; the kernel takes one off as it does so. No client is so far away."""


@dataclass(frozen=True)
class Forwarding:
    """Names in the kernel that belong to one resource: neighbours on the same node have others."""

    config: AgentConfig

    @property
    def table(self) -> int:
        """Number of the routing table."""
        return _TABLES | zlib.crc32(f"{self.config.namespace}/{self.config.cluster}".encode()) & 0xFFFF

    @property
    def name(self) -> str:
        """Name of the nftables tables."""
        return f"hacluster_{self.table & 0xFFFF:04x}"

    def routers(self, version: int) -> list[tuple[int, Router]]:
        """Position and router, of those with virtual IPs of one family."""
        return [(index, router) for index, router in enumerate(self.config.routers) if family(router) == version]


def family(router: Router) -> int:
    """4 or 6."""
    return ip_address(bare(router.virtual_ips[0])).version


def clear_routes(forwarding: Forwarding) -> list[tuple[str, ...]]:
    """Commands that take the policy routes away; each is repeated until it fails."""
    return [("ip", flag, "rule", "delete", "lookup", str(forwarding.table)) for _, _, _, flag in FAMILIES]


def routes(forwarding: Forwarding) -> list[tuple[str, ...]]:
    """Commands that let this node's sockets have what is sent to a virtual IP, whether or not it holds it.

    Only TCP that comes in by the router's interface: an ARP request has no such protocol, and finds no address.
    """
    commands: list[tuple[str, ...]] = []
    table = str(forwarding.table)
    for version, _, _, flag in FAMILIES:
        for _, router in forwarding.routers(version):
            for address in map(bare, router.virtual_ips):
                whole = f"{address}/{_WHOLE[version]}"
                commands.append(("ip", flag, "route", "replace", "local", whole, "dev", "lo", "table", table))
                match = ("to", whole, "iif", router.interface, "ipproto", "tcp", "lookup", table)
                commands.append(("ip", flag, "rule", "add", "preference", str(PREFERENCE), *match))
    return commands


def clear_rules(forwarding: Forwarding) -> str:
    """The nftables script that removes everything of the resource, whether or not it is there."""
    return "".join(f"add table {kind} {forwarding.name}\ndelete table {kind} {forwarding.name}\n" for _, kind, _, _ in FAMILIES)


def rules(forwarding: Forwarding) -> str:
    """The nftables script for the second chance, without its `ports`: for connections that this node's HAProxy does not have.

    The holder passes packets on to the holders before it, as `remember` names them; a backup's names are current, so that nothing
    has to happen in time when it becomes the holder. What was passed on has a short life (TTL), by which it is known:
    who does not know the connection either drops it, as another may know it, and nothing goes in a circle. Nobody but the holder
    resets a connection. What a node knows is what it has a socket for, so that nothing has to be tracked; only handshakes are
    noted, as long as they last, while somebody can be asked.
    """
    parts = [clear_rules(forwarding)]
    for version, kind, type_, _ in FAMILIES:
        routers = forwarding.routers(version)
        if not routers:
            continue
        sets = "".join(_sets(type_, index) for index, _ in routers)
        tracked = bool(_bound(forwarding))
        chains = "".join(_chains(kind, index, router, tracked=tracked) for index, router in routers)
        entries = "".join(_entries(kind, index, router, tracked=tracked) for index, router in routers)
        hook = "    type filter hook prerouting priority mangle; policy accept;\n"
        parts.append(f"table {kind} {forwarding.name} {{\n{sets}{chains}  chain second_chance {{\n{hook}{entries}  }}\n}}\n")
    return "".join(parts)


def ports(forwarding: Forwarding) -> str:
    """The nftables script that names the ports whose connections get a second chance; what is remembered stays."""
    lines = []
    for version, kind, _, _ in FAMILIES:
        for index, _ in forwarding.routers(version):
            for name, numbers in (("any", _any(forwarding)), ("bound", _bound(forwarding))):
                lines.append(f"flush set {kind} {forwarding.name} {name}{index}\n")
                if numbers:
                    elements = ", ".join(map(str, numbers))
                    lines.append(f"add element {kind} {forwarding.name} {name}{index} {{ {elements} }}\n")
    return "".join(lines)


def _any(forwarding: Forwarding) -> list[int]:
    return sorted({each.port for each in forwarding.config.ports if not each.address})


def _bound(forwarding: Forwarding) -> list[int]:
    return sorted({each.port for each in forwarding.config.ports if each.address})


def _sets(type_: str, index: int) -> str:
    maps = "".join(f"  map {each}{index} {{ type {type_} : {type_}; flags timeout; }}\n" for each in _MAPS)
    numbers = "".join(f"  set {each}{index} {{ type inet_service; }}\n" for each in ("any", "bound"))
    opening = f"  set opening{index} {{ type {type_} . inet_service; flags dynamic,timeout; timeout 10s; size 65536; }}\n"
    return f"{maps}{numbers}{opening}  set known{index} {{ type {type_}; flags timeout; }}\n"


def _entries(kind: str, index: int, router: Router, *, tracked: bool) -> str:
    """Which packets are looked at: those to HAProxy's ports."""
    addresses = ", ".join(map(bare, router.virtual_ips))
    match = f'    iifname "{router.interface}" {kind} daddr {{ {addresses} }} tcp dport'
    # A listener on the address itself looks like its connections. Tracking slows the whole node, so it is only there when needed.
    return f"{match} @any{index} goto by_socket{index}\n" + (
        f"{match} @bound{index} goto by_tracking{index}\n" if tracked else ""
    )


def _chains(kind: str, index: int, router: Router, *, tracked: bool) -> str:
    life, here = _LIFE[kind], "fib daddr . iif type"
    nobody_to_ask = f"{kind} daddr != @known{index} {life} > {PASSED_ON} {here} local return"
    peer = f"{kind} saddr . tcp sport"
    opens = "tcp flags & (syn | ack) == syn"
    unknown = (
        f"{life} <= {PASSED_ON} counter drop",
        # Announcements of two nodes may cross, and packets stray to one that is not the holder: a backup passes them on to the holder,
        # and who knows nobody lets them be sent again.
        f"{kind} daddr != @known{index} {here} != local counter drop",
        f"{kind} daddr != @known{index} return",
        f"{life} set {PASSED_ON}",
        *(f'dup to {kind} daddr map @{each}{index} device "{router.interface}"' for each in _MAPS),
        "counter drop",
    )
    by_socket = (
        nobody_to_ask,
        f"{opens} update @opening{index} {{ {peer} }} return",
        # A connection's socket has an address, the listener's has none. With it the handshake is over, and forgotten: the client may
        # take the same port again in less than the ten seconds.
        f"socket wildcard 0 delete @opening{index} {{ {peer} }} return",
        f"socket wildcard 1 goto unknown{index}",
        # What is left is a handshake or TIME_WAIT; the latter knows nothing of what the same client has begun since, from the same
        # port, at another node. Where nobody else would be asked, that does no harm: TIME_WAIT resets nothing.
        f"socket transparent 1 {life} <= {PASSED_ON} return",
        f"socket transparent 1 {here} != local return",
        f"{peer} @opening{index} return",
        f"goto unknown{index}",
    )
    by_tracking = (nobody_to_ask, f"{opens} return", f"ct state {{ new, invalid }} goto unknown{index}")
    chains = _chain(f"unknown{index}", unknown) + _chain(f"by_socket{index}", by_socket)
    return chains + (_chain(f"by_tracking{index}", by_tracking) if tracked else "")


def _chain(name: str, lines: Iterable[str]) -> str:
    return f"  chain {name} {{\n" + "".join(f"    {each}\n" for each in lines) + "  }\n"


def remember(forwarding: Forwarding, index: int, olds: Sequence[tuple[str, float]]) -> str:
    """The nftables script that names whom to ask, and each for how many seconds; nobody: there is nothing to pass on.

    No more than `MOST` are asked, the first ones.
    """
    router = forwarding.config.routers[index]
    kind = "ip" if family(router) == 4 else "ip6"
    olds = [(old, max(1, round(seconds))) for old, seconds in olds if seconds > 0][:MOST]
    lines = [f"flush map {kind} {forwarding.name} {each}{index}" for each in _MAPS]
    lines.append(f"flush set {kind} {forwarding.name} known{index}")
    for each, (old, seconds) in zip(_MAPS, olds, strict=False):
        entries = ", ".join(f"{bare(address)} timeout {seconds}s : {old}" for address in router.virtual_ips)
        lines.append(f"add element {kind} {forwarding.name} {each}{index} {{ {entries} }}")
    if olds:
        longest = max(seconds for _, seconds in olds)
        entries = ", ".join(f"{bare(address)} timeout {longest}s" for address in router.virtual_ips)
        lines.append(f"add element {kind} {forwarding.name} known{index} {{ {entries} }}")
    return "\n".join(lines) + "\n"
