"""The nftables scripts for the second chance of open connections when a virtual IP moves. Pure texts.

The new holder passes on packets of connections that it does not know to the interfaces of the holders before it, for as long as
connections may drain. `tables.py` loads the scripts and compares; `second_chance.py` decides to which holders packets are passed on.
The old holder takes these packets by the policy routes of `forwarding.py`.

The second chance is the idea of GitHub's glb-director, done with stock nftables (nft(8)). What else was tried, and why it is so:
docs/decisions/0015-connections-live-on.md.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from hacluster.agent.handover.forwarding import FAMILIES, Forwarding
from hacluster.agent.handover.open_connections import MAX_OPEN, bound_ports, open_set
from hacluster.agent.system.network import without_prefix
from hacluster.nodeconfig import Router

BASE_CHAIN: Final = "second_chance"
"""The chain that the kernel calls for each packet."""
MAX_HOLDERS: Final = 8
"""Earlier holders to which packets are passed on at most: each gets a copy of every packet of an unknown connection."""
_TTL: Final = {"ip": "ip ttl", "ip6": "ip6 hoplimit"}
PASSED_ON: Final = 8
"""Time to live that marks a packet as passed on; the kernel decrements it once on the way. Packets of clients arrive with more:
they start with 64 or more, and no client is so many hops away."""
_TIME_WAIT: Final = 60.0
"""Seconds for which Linux keeps a socket in TIME_WAIT (TCP_TIMEWAIT_LEN)."""
_UNRECORDED: Final = 2
"""Seconds after which no handshake is left that began before they were recorded; the second try of the client's host is at 1 s."""


def holder_map(slot: int, index: int) -> str:
    """The map of router number `index` with its earlier holder number `slot` (from 0): virtual IP → address of the holder."""
    return f"holder{slot}_{index}"


def port_sets(index: int) -> tuple[str, str]:
    """The sets of router number `index` with HAProxy's ports: of listeners on every address, and of those bound to one."""
    return f"any{index}", f"bound{index}"


def clear_rules(forwarding: Forwarding) -> str:
    """The nftables script that removes all tables of the resource, also those of a former version.

    `add` comes first, as deleting a missing table would be an error.
    """
    names = (forwarding.name, forwarding.former_names.nftables)
    return "".join(f"add table {kind} {name}\ndelete table {kind} {name}\n" for _, kind, _ in FAMILIES for name in names)


def rules(forwarding: Forwarding) -> str:
    """The nftables script for the second chance, without the elements of its sets (`ports`, `recent_holders`).

    A packet for a connection that this node's HAProxy does not have is handled like this:

    - The holder of the virtual IP duplicates it to the holders before it, and drops its own copy. Backups keep these addresses
      current beforehand, so nothing has to be done in time at the moment when a backup becomes the holder.
    - A passed-on packet is marked by its TTL. A node that receives it and does not know the connection drops it: another
      node may know it. It is never passed on again, so no packet runs in circles.
    - Only the holder of the virtual IP resets a connection, and only when there is no earlier holder.
    - It resets a connection itself where it has an ended one of the same client and port (TIME_WAIT): the kernel would answer for that
      one, and the client would send its request again and again.

    A node knows the connections for which it has a socket, so no connection tracking is needed. Only handshakes are recorded, for as
    long as they last, and while there is an earlier holder.
    """
    parts = [clear_rules(forwarding)]
    for version, kind, type_ in FAMILIES:
        routers = forwarding.routers(version)
        if not routers:
            continue
        tracked = bool(bound_ports(forwarding))
        sets = "".join(_sets(type_, index, tracked=tracked) for index, _ in routers)
        chains = "".join(_chains(kind, index, router, tracked=tracked) for index, router in routers)
        entries = "".join(_entries(kind, index, router, tracked=tracked) for index, router in routers)
        hook = "    type filter hook prerouting priority mangle; policy accept;\n"
        # As comments, because a change of an index needs the rules to be loaded again (`Forwarding.interfaces`).
        indices = "".join(
            f"# {name} is interface {(forwarding.interfaces or {}).get(name)}\n"
            for name in (router.virtual_ip_interface for _, router in routers)
        )
        parts.append(
            f"{indices}table {kind} {forwarding.name} {{\n{sets}{chains}  chain {BASE_CHAIN} {{\n{hook}{entries}  }}\n}}\n"
        )
    return "".join(parts)


def ports(forwarding: Forwarding) -> str:
    """The nftables script that sets the ports whose connections get a second chance. The holders in the maps stay as they are."""
    lines = []
    for version, kind, _ in FAMILIES:
        for index, _ in forwarding.routers(version):
            for name, numbers in zip(
                port_sets(index), (_unbound_ports(forwarding), sorted(bound_ports(forwarding))), strict=True
            ):
                lines.append(f"flush set {kind} {forwarding.name} {name}\n")
                if numbers:
                    elements = ", ".join(map(str, numbers))
                    lines.append(f"add element {kind} {forwarding.name} {name} {{ {elements} }}\n")
    return "".join(lines)


def _unbound_ports(forwarding: Forwarding) -> list[int]:
    """Ports of listeners that accept connections to every address of the node."""
    return sorted({each.port for each in forwarding.config.ports} - bound_ports(forwarding))


def record_set(index: int) -> str:
    """The set with the virtual IPs of router number `index` for as long as handshakes are recorded: until a minute after the drain."""
    return f"ended{index}"


def unrecorded_handshakes(forwarding: Forwarding, index: int) -> str:
    """The nftables script for the holder of router number `index` that begins to record handshakes: others may be under way.

    So it is after its rules were loaded, and when it gets its first entry. For two seconds a socket in a handshake or in TIME_WAIT counts
    as known. Nowhere else: a node that takes over in that time would keep the packets of connections for which it has a socket in
    TIME_WAIT.
    """
    router = forwarding.config.routers[index]
    kind = "ip" if router.ip_version == 4 else "ip6"
    elements = ", ".join(f"{without_prefix(address)} timeout {_UNRECORDED}s" for address in router.virtual_ips)
    return f"add element {kind} {forwarding.name} loaded{index} {{ {elements} }}\n"


def _sets(type_: str, index: int, *, tracked: bool) -> str:
    """One router's maps and sets.

    `holder…`: virtual IP → holder to pass packets to. `any` and `bound`: HAProxy's ports, by the kind of listener.
    `opening`: address and port of clients whose handshake is not over. `known`: virtual IPs with an entry in a map.
    `ended`: virtual IPs of which this node may have sockets in TIME_WAIT that are older than another holder's connections.
    `loaded`: virtual IPs of which the holder has begun to record handshakes just now (`unrecorded_handshakes`).
    `open`: connections that are older than connection tracking (`open_connections.py`), only where there is tracking.
    """
    maps = "".join(f"  map {each} {{ type {type_} : {type_}; flags timeout; }}\n" for each in _holder_maps(index))
    numbers = "".join(f"  set {each} {{ type inet_service; }}\n" for each in port_sets(index))
    opening = f"  set opening{index} {{ type {type_} . inet_service; flags dynamic,timeout; timeout 10s; size 65536; }}\n"
    virtual_ips = "".join(f"  set {each}{index} {{ type {type_}; flags timeout; }}\n" for each in ("known", "ended", "loaded"))
    connection = f"{type_} . inet_service . {type_} . inet_service"
    older = f"  set {open_set(index)} {{ type {connection}; flags dynamic; size {MAX_OPEN}; }}\n" if tracked else ""
    return f"{maps}{numbers}{opening}{virtual_ips}{older}"


def _entries(kind: str, index: int, router: Router, *, tracked: bool) -> str:
    """The rules that select packets: those to HAProxy's ports on the router's virtual IPs."""
    addresses = ", ".join(map(without_prefix, router.virtual_ips))
    match = f'    iifname "{router.virtual_ip_interface}" {kind} daddr {{ {addresses} }} tcp dport'
    # `socket wildcard` cannot tell a listener that is bound to the address from its connections: these ports need connection
    # tracking. It slows down all traffic of the node, so it is only there when such ports exist.
    return f"{match} @any{index} goto by_socket{index}\n" + (
        f"{match} @bound{index} goto by_tracking{index}\n" if tracked else ""
    )


def _chains(kind: str, index: int, router: Router, *, tracked: bool) -> str:
    """One router's chains: which packets are left to this node's sockets (`return`), and what happens to the others (`unknown`)."""
    ttl, address_type = _TTL[kind], "fib daddr . iif type"  # the type is `local` on the holder of the virtual IP
    late = f"{kind} daddr != @known{index}"
    no_earlier_holder = f"{late} {kind} daddr != @ended{index} {ttl} > {PASSED_ON} {address_type} local return"
    client = f"{kind} saddr . tcp sport"
    opens = "tcp flags & (syn | ack) == syn"
    has_data = "tcp flags & (fin | syn | rst | psh) == psh"
    unknown = (
        f"{ttl} <= {PASSED_ON} counter drop",
        # Gratuitous ARP packets of two nodes may cross, so packets may arrive at a node that is not the holder. A backup that knows the
        # holder passes them on (below). One that does not know the holder drops them: the client sends them again, and by then they
        # reach the holder.
        f"{kind} daddr != @known{index} {address_type} != local counter drop",
        f"{kind} daddr != @known{index} return",
        f"{ttl} set {PASSED_ON}",
        *(f'dup to {kind} daddr map @{each} device "{router.virtual_ip_interface}"' for each in _holder_maps(index)),
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
        f"{kind} daddr @loaded{index} socket transparent 1 return",  # see `unrecorded_handshakes`
        # After the drain. What ends an ended connection is left to its socket.
        f"{late} socket transparent 1 {has_data} reject with tcp reset",
        f"goto unknown{index}",
    )
    connection = f"{kind} saddr . tcp sport . {kind} daddr . tcp dport"
    by_tracking = (
        # Another connection from the same port: the older one has ended.
        f"{opens} delete @{open_set(index)} {{ {connection} }} return",
        no_earlier_holder,
        f"{connection} @{open_set(index)} return",
        f"{late} ct state {{ new, invalid }} {has_data} {ttl} > {PASSED_ON} {address_type} local reject with tcp reset",
        f"ct state {{ new, invalid }} goto unknown{index}",
    )
    chains = _chain(f"unknown{index}", unknown) + _chain(f"by_socket{index}", by_socket)
    return chains + (_chain(f"by_tracking{index}", by_tracking) if tracked else "")


def _holder_maps(index: int) -> list[str]:
    return [holder_map(slot, index) for slot in range(MAX_HOLDERS)]


def _chain(name: str, lines: Iterable[str]) -> str:
    return f"  chain {name} {{\n" + "".join(f"    {each}\n" for each in lines) + "  }\n"


def recent_holders(forwarding: Forwarding, index: int, holders: Sequence[tuple[str, float]]) -> str:
    """The nftables script that replaces the holders to which the packets of router number `index` are passed on.

    `holders`: their addresses, each with the seconds until its entry expires. The first `MAX_HOLDERS` with time left are used.
    Without any, nothing is passed on. Sockets in TIME_WAIT may be there for a minute more.
    """
    router = forwarding.config.routers[index]
    kind = "ip" if router.ip_version == 4 else "ip6"
    entries = [(holder, max(1, round(seconds))) for holder, seconds in holders if seconds > 0][:MAX_HOLDERS]
    lines = [f"flush map {kind} {forwarding.name} {each}" for each in _holder_maps(index)]
    lines += [f"flush set {kind} {forwarding.name} {each}{index}" for each in ("known", "ended")]
    for each, (holder, seconds) in zip(_holder_maps(index), entries, strict=False):
        elements = ", ".join(f"{without_prefix(address)} timeout {seconds}s : {holder}" for address in router.virtual_ips)
        lines.append(f"add element {kind} {forwarding.name} {each} {{ {elements} }}")
    longest = max((seconds for _, seconds in entries), default=0)
    for each, seconds in (("known", longest), ("ended", longest + round(_TIME_WAIT))):
        elements = ", ".join(f"{without_prefix(address)} timeout {seconds}s" for address in router.virtual_ips)
        if seconds:
            lines.append(f"add element {kind} {forwarding.name} {each}{index} {{ {elements} }}")
    return "\n".join(lines) + "\n"
