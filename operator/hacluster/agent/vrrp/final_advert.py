"""Sends the final advertisement of a keepalived that was killed: priority 0, "I give the virtual IPs up" (RFC 9568, section 5.2.4).

A keepalived that ends in order sends it itself. `OrphanCleanup` (agent/keepalived/orphans.py) calls `send_final_advert` when keepalived
has ended and has left its addresses behind: without it, the other nodes wait for three advertisement intervals.

The packet has to look like keepalived's own: the same source address and password, and with unicast to each peer, as keepalived.conf says.
"""

import logging
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from hacluster.agent.system.network import Network
from hacluster.agent.vrrp.authentication import as_sent, password_in
from hacluster.agent.vrrp.packet import HOPS, PROTOCOL, build
from hacluster.nodeconfig import Router

log = logging.getLogger(__name__)

_GROUP_4: Final = IPv4Address("224.0.0.18")
_GROUP_6: Final = IPv6Address("ff02::12")
_INTERNETWORK_CONTROL: Final = 0xC0
"""The precedence that keepalived gives to its packets (RFC 791)."""
_INSTANCE: Final = re.compile(r"^vrrp_instance (\S+) \{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_SOURCE: Final = re.compile(r"^ *unicast_src_ip (\S+)$", re.MULTILINE)
_PEERS: Final = re.compile(r"^ *unicast_peer \{$(.*?)^ *\}$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Unicast:
    """Source address and peers of an instance that advertises by unicast."""

    source: str
    peers: tuple[str, ...]


def parse_unicast(conf: str) -> Mapping[str, Unicast]:
    """The instances of a keepalived.conf (as plan/texts/keepalived.py writes it) that advertise by unicast, by name."""
    found = {}
    for name, block in _INSTANCE.findall(conf):
        source, peers = _SOURCE.search(block), _PEERS.search(block)
        if source and peers:
            found[name] = Unicast(source[1], tuple(peers[1].split()))
    return found


def source_of(router: Router, network: Network) -> str:
    """The source of the router's multicast advertisements: the interface's first IPv4 address, or its link-local one. Empty: none."""
    index = next((link.index for link in network.links if link.name == router.interface), 0)
    virtual = {each.partition("/")[0] for each in router.virtual_ips}
    for address in network.addresses:
        right = address.interface.version == 4 if router.ip_version == 4 else address.interface.ip.is_link_local
        if address.index == index and right and address.text not in virtual and address.interface.version == router.ip_version:
            return address.text
    return ""


def send_final_advert(router: Router, network: Network, conf: str) -> bool:
    """Sends priority 0 for the router, in the name of this node's keepalived. Returns whether it was sent; an error is logged."""
    unicast = parse_unicast(conf).get(router.name)
    source = unicast.source if unicast else source_of(router, network)
    group = _GROUP_4 if router.ip_version == 4 else _GROUP_6
    targets = [ip_address(each) for each in unicast.peers] if unicast else [group]
    authentication = as_sent(password_in(dict(_INSTANCE.findall(conf)).get(router.name, "")))
    if not source:
        return False
    try:
        for target in targets:
            _send(router, ip_address(source), target, authentication)
    except OSError as error:
        log.warning("router %s: cannot send the final advertisement: %s", router.name, error)
        return False
    return True


def _send(router: Router, source: IPv4Address | IPv6Address, target: IPv4Address | IPv6Address, authentication: bytes) -> None:
    """Sends one packet by the router's interface. Raises OSError."""
    index = socket.if_nametoindex(router.interface)
    family = socket.AF_INET if source.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, PROTOCOL) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, router.interface.encode())
        if source.version == 4:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, HOPS)
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS)
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _INTERNETWORK_CONTROL)
            sender.bind((str(source), 0))
            sender.sendto(build(router, 0, source, target, authentication), (str(target), 0))
        else:
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, HOPS)
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOPS)
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _INTERNETWORK_CONTROL)
            scope = index if source.is_link_local else 0
            sender.bind((str(source), 0, 0, scope))
            sender.sendto(build(router, 0, source, target, authentication), (str(target), 0, 0, index))
