"""Which virtual router of this node an advertisement belongs to, whether a member sent it, and how that member differs. Pure.

listener.py and anomalies.py judge every advertisement by these functions; neighbours/monitor.py takes the virtual IPs to watch
from `watched_routers`.
"""

import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from hacluster.agent.system.network import without_prefix
from hacluster.agent.vrrp.packet import Advert
from hacluster.nodeconfig import AgentConfig, Router

Key = tuple[str, int, int]
"""Interface name, virtual router ID, and IP version (4 or 6): they identify a virtual router on the segment."""


@dataclass(frozen=True)
class WatchedRouter:
    """A virtual router of this node. `members`: addresses of the other members' interfaces; empty when they are not known."""

    router: Router
    members: frozenset[str]

    @functools.cached_property
    def key(self) -> Key:
        """What the advertisements for this router have in common."""
        return self.router.interface, self.router.virtual_router_id, self.router.ip_version

    @functools.cached_property
    def addresses(self) -> frozenset[str]:
        """The virtual IPs, without prefix lengths."""
        return frozenset(map(without_prefix, self.router.virtual_ips))


def watched_routers(installed: AgentConfig | None, offered: AgentConfig | None) -> Mapping[Key, WatchedRouter]:
    """The virtual routers of both configurations. The router itself comes from the installed one, if it is there.

    The members come from both: an offered configuration may name members that have just joined before it is installed.
    """
    found: dict[Key, WatchedRouter] = {}
    for config in (installed, offered):
        for router in config.routers if config else ():
            if router.virtual_ips:
                new = WatchedRouter(router, frozenset(map(without_prefix, router.neighbours)))
                known = found.setdefault(new.key, new)
                found[new.key] = WatchedRouter(known.router, known.members | new.members)
    return found


def is_member(watched: WatchedRouter, advert: Advert) -> bool:
    """Whether a member of the resource sent the advertisement.

    The list of members has no link-local addresses, but IPv6 advertisements are sent from them. A link-local sender counts as
    a member if it advertises one of the virtual IPs; so does every sender where the list is empty.
    """
    if advert.source in watched.members:
        return True
    if watched.members and not ip_address(advert.source).is_link_local:
        return False
    return not watched.addresses.isdisjoint(advert.addresses)


def advertised_router(routers: Iterable[WatchedRouter], advert: Advert, family: int) -> WatchedRouter | None:
    """The router whose virtual IPs are advertised, with whatever virtual router ID, on whatever interface, and by whom.

    The members' addresses are no help: they are those on the interface that this node knows.
    """
    fitting = (each for each in routers if each.router.ip_version == family and not each.addresses.isdisjoint(advert.addresses))
    return next(fitting, None)


def differences(router: Router, advert: Advert, authentication: bytes | None = None) -> tuple[str, ...]:
    """What a member advertises differently from this node, as texts for a message.

    `authentication`: what this node sends as authentication data (empty: nothing), None: not known.

    The interval counts in version 2 only, which discards advertisements with another one (RFC 3768, section 7.1). A backup of
    version 3 adopts the holder's interval (RFC 9568, section 6.4.2).
    """
    found = []
    if advert.version != router.version:
        found.append(f"VRRP version {advert.version} (here {router.version})")
    elif router.version == 2 and advert.interval_ms != router.advertisement_interval_ms:
        found.append(f"an advertisement interval of {advert.interval_ms} ms (here {router.advertisement_interval_ms} ms)")
    elif authentication is not None and advert.authentication != authentication:
        found.append(_password(advert.authentication, authentication))
    configured = {without_prefix(address) for address in router.virtual_ips}
    if set(advert.addresses) != configured:
        found.append(f"the virtual IPs {listed(advert.addresses)} (here {listed(configured)})")
    return tuple(found)


def _password(advertised: bytes, own: bytes) -> str:
    if advertised and own:
        return "another password"
    return "a password (here none)" if advertised else "no password (here one)"


def listed(addresses: Collection[str]) -> str:
    """Addresses as text for a message."""
    return ", ".join(sorted(addresses)) or "nothing"
