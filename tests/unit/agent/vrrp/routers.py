"""A virtual router with two other members, advertisements, and the packets that carry them: shared by the tests of this folder."""

import struct
from ipaddress import ip_address

from hacluster.agent.system.checksum import checksum
from hacluster.agent.vrrp.packet import Advert
from hacluster.nodeconfig import AgentConfig, Router

ROUTER = Router(
    name="VI_1",
    interface="eth0",
    priority=101,
    virtual_router_id=51,
    virtual_ips=("10.0.0.200/24", "10.0.0.201/24"),
    neighbours=("10.0.0.2", "10.0.0.3"),
)
KEY = ("eth0", 51, 4)
MEMBER = Advert("10.0.0.2", 3, 51, 100, 100, ("10.0.0.201", "10.0.0.200"), "eth0")


def agent_config(*routers: Router) -> AgentConfig:
    return AgentConfig(cluster="web", namespace="default", node="node1", revision="r1", routers=routers)


# As keepalived 2.3.3 sent them, with their IPv4 headers: version 3 every 100 ms and version 2 every second.
VERSION_3 = bytes.fromhex("45c00020000b0000ff7026e7ac100799e000001231336501000a21b0ac1007c8")
VERSION_2 = bytes.fromhex("45c0002800030000ff7026e7ac100799e0000012213365010001c5f1ac1007c80000000000000000")
IPV4 = Advert("172.16.7.153", 3, 51, 101, 100, ("172.16.7.200",), "eth0")
IPV6 = Advert("fe80::1", 3, 52, 90, 100, ("fe80::10", "2001:db8::10"), "eth0")


def message(advert: Advert, to: str, *, kind: int = 1, plain: bool = False, count: int | None = None) -> bytes:
    """A VRRP message with a correct checksum; `plain`: without the pseudo-header in it. `count`: the number of addresses it names."""
    packed = [ip_address(address).packed for address in advert.addresses]
    interval = advert.interval_ms // 1000 if advert.version == 2 else advert.interval_ms // 10
    head = advert.version << 4 | kind, advert.virtual_router_id, advert.priority, len(packed) if count is None else count
    body = struct.pack("!BBBBHH", *head, interval, 0) + b"".join(packed)
    pseudo = ip_address(advert.source).packed + ip_address(to).packed + struct.pack("!II", len(body), 112)
    total = checksum(body if plain or advert.version == 2 else pseudo + body)
    return body[:6] + struct.pack("!H", total) + body[8:]
