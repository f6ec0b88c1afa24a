"""Tells a node's own addresses from those that other programs move between nodes. Pure.

An address is a node's own if the node's configuration gave it: the plan chooses sources, `Listen` addresses and interfaces among
these only. What other programs add is told by what the kernel says about it:

- The protocol (IFA_PROTO, since Linux 5.18): keepalived 2.3 marks its addresses with 18, kube-vip (2025 and later) with 248.
- A host prefix (/32, /128) beside an address with a subnet: kube-vip and OVN-Kubernetes' egress addresses. Where no address of the
  interface has a subnet (a rented server, GCP), the host prefix is the node's own.
- IPv4: IFA_F_SECONDARY, an address in the subnet of an older one, such as a virtual IP of an older keepalived or of Pacemaker.
- IPv6: deprecated (a preferred lifetime of 0), as virtual IPs are made so that no connection starts from them.

`Settling` keeps what is reported steady while addresses come and go for a moment, as when a network service is restarted.
Sources: linux/if_addr.h; netlink_ipaddress() of keepalived; pkg/vip/address.go of kube-vip.
"""

from collections.abc import Collection, Mapping
from typing import Final

from hacluster.agent.system.network import (
    IFA_F_DADFAILED,
    IFA_F_DEPRECATED,
    IFA_F_SECONDARY,
    IFA_F_TENTATIVE,
    Address,
    Network,
)

_MANAGERS: Final = frozenset({18, 248})
"""Protocols of programs that move addresses: keepalived (RTPROT_KEEPALIVED) and kube-vip."""

ByInterface = Mapping[str, tuple[Address, ...]]
"""Name of an interface → addresses, the oldest first."""


def tell_apart(network: Network, virtual_ips: Collection[str]) -> tuple[ByInterface, ByInterface]:
    """The node's own addresses, and those that may move to another node, by interface.

    `virtual_ips` (without prefix lengths) are the resource's own. They, link-local and temporary addresses, and those in duplicate
    address detection are in neither.
    """
    own, others = {}, {}
    for link in network.links:
        usable = [each for each in network.addresses if each.index == link.index and _is_usable(each, virtual_ips)]
        usable.sort(
            key=lambda each: (each.interface.version, each.created, each.interface.ip.packed, each.interface.network.prefixlen)
        )
        marked = [each for each in usable if _is_marked(each)]
        unmarked = [each for each in usable if each not in marked]
        mine = tuple(each for each in unmarked if not _yields_to(each, unmarked))
        own[link.name] = mine
        others[link.name] = tuple(each for each in usable if each not in mine)
    return own, others


def _is_usable(address: Address, virtual_ips: Collection[str]) -> bool:
    ip = address.interface.ip
    if address.text in virtual_ips or ip.is_link_local or ip.is_loopback:
        return False
    # For IPv6 the bit of IFA_F_SECONDARY means: a temporary (privacy) address, RFC 8981.
    return ip.version == 4 or not address.flags & (IFA_F_DADFAILED | IFA_F_TENTATIVE | IFA_F_SECONDARY)


def _is_marked(address: Address) -> bool:
    return address.protocol in _MANAGERS or bool(address.flags & IFA_F_DEPRECATED)


def _yields_to(address: Address, beside: Collection[Address]) -> bool:
    """Whether an unmarked address beside it is the node's own rather than this one.

    A secondary address whose primary one is marked is the node's own: it was added again while a virtual IP was there.
    """
    of_family = [each for each in beside if each.interface.version == address.interface.version]
    if is_host_prefix(address):
        return not all(map(is_host_prefix, of_family))
    if address.interface.version == 6 or not address.flags & IFA_F_SECONDARY:
        return False
    return any(not each.flags & IFA_F_SECONDARY and each.interface.network == address.interface.network for each in of_family)


def is_host_prefix(address: Address) -> bool:
    """Whether its prefix is of full length: /32 or /128."""
    return address.interface.network.prefixlen == address.interface.max_prefixlen


class Settling:
    """The node's own addresses as they are reported: one that vanishes is kept for a while, one that is added is new for a while.

    A node's network service removes and adds its addresses within seconds when it is restarted, and the plan would leave the node
    out for that time. Where an interface has no other address of the family, an added one counts at once.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._settled: dict[str, tuple[Address, ...]] = {}
        self._gone: dict[tuple[str, Address], float] = {}
        self._new: dict[tuple[str, Address], float] = {}
        self._first = True

    def update(self, own: ByInterface, now: float) -> tuple[ByInterface, float | None]:
        """The addresses to report at `now` (monotonic seconds), and in how many seconds that changes by itself (None: it does not)."""
        names = own.keys() | self._settled.keys()
        settled = {name: self._settle(name, own.get(name, ()), now) for name in sorted(names)}
        self._settled = {name: each for name, each in settled.items() if each}
        self._first = False
        due = [since + self._seconds - now for since in (*self._gone.values(), *self._new.values())]
        return dict(self._settled), max(min(due), 0.0) if due else None

    def _settle(self, name: str, present: tuple[Address, ...], now: float) -> tuple[Address, ...]:
        by_text = {each.interface: each for each in present}
        kept = [each for each in self._settled.get(name, ()) if self._is_kept(name, each, each.interface in by_text, now)]
        known = {each.interface for each in kept}
        families = {each.interface.version for each in kept}
        added = [each for each in present if each.interface not in known]
        taken = [each for each in added if each.interface.version not in families or self._is_old(name, each, now)]
        for key in [key for key in self._new if key[0] == name and (key[1] not in added or key[1] in taken)]:
            del self._new[key]
        return (*kept, *taken)

    def _is_kept(self, name: str, address: Address, present: bool, now: float) -> bool:
        if present:
            self._gone.pop((name, address), None)
            return True
        since = self._gone.setdefault((name, address), now)
        if now - since < self._seconds:
            return True
        del self._gone[name, address]
        return False

    def _is_old(self, name: str, address: Address, now: float) -> bool:
        since = self._new.setdefault((name, address), now)
        return self._first or now - since >= self._seconds
