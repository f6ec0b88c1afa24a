"""Which advertisements concern the virtual routers of this node, who is a member, and what a member advertises differently. Pure."""

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from hacluster.agent.system.network import bare
from hacluster.agent.vrrp.packet import Advert
from hacluster.nodeconfig import AgentConfig, Router

Key = tuple[str, int, int]
"""Interface, VRID, and 4 or 6: what makes an advertisement one of a certain virtual router."""


@dataclass(frozen=True)
class WatchedRouter:
    """A virtual router of this node. `members`: addresses of the other members' interfaces; empty: not known."""

    router: Router
    members: frozenset[str]

    @functools.cached_property
    def key(self) -> Key:
        """Which advertisements are about it."""
        return self.router.interface, self.router.virtual_router_id, ip_address(bare(self.router.virtual_ips[0])).version

    @functools.cached_property
    def addresses(self) -> frozenset[str]:
        """The virtual IPs."""
        return frozenset(map(bare, self.router.virtual_ips))


def watched_routers(installed: AgentConfig | None, offered: AgentConfig | None) -> Mapping[Key, WatchedRouter]:
    """What to listen for. Orders that are not carried out yet tell of members that have just joined."""
    found: dict[Key, WatchedRouter] = {}
    for config in (installed, offered):
        for router in config.routers if config else ():
            if router.virtual_ips:
                new = WatchedRouter(router, frozenset(map(bare, router.neighbours)))
                known = found.setdefault(new.key, new)
                found[new.key] = WatchedRouter(known.router, known.members | new.members)
    return found


def is_member(watched: WatchedRouter, advert: Advert) -> bool:
    """Whether a member of the resource sent it.

    Link-local addresses are in nobody's list, though IPv6 routers speak from them. There, and where there is no list, who
    advertises one of the virtual IPs counts as a member.
    """
    if advert.source in watched.members:
        return True
    if watched.members and not ip_address(advert.source).is_link_local:
        return False
    return not watched.addresses.isdisjoint(advert.addresses)


def differences(router: Router, advert: Advert) -> tuple[str, ...]:
    """What a member says otherwise than this node would, in words. Version 3 adopts the holder's interval; 2 drops others'."""
    found = []
    if advert.version != router.version:
        found.append(f"VRRP version {advert.version} (here {router.version})")
    elif router.version == 2 and advert.interval_ms != router.advertisement_interval_ms:
        found.append(f"an advertisement interval of {advert.interval_ms} ms (here {router.advertisement_interval_ms} ms)")
    ours = {bare(address) for address in router.virtual_ips}
    if set(advert.addresses) != ours:
        found.append(f"the virtual IPs {listed(advert.addresses)} (here {listed(ours)})")
    return tuple(found)


def listed(addresses: Collection[str]) -> str:
    """Addresses for a message."""
    return ", ".join(sorted(addresses)) or "nothing"
