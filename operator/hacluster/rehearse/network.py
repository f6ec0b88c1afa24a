"""Connects the hosts: one bridge for each segment, all on a host of their own, the switch.

`lab.py` makes one `Wiring`, creates the bridges, and plugs each host in with a veth pair. Faults of the network happen on the
switch's side of a pair, so that the node's own configuration is never touched.
"""

import time
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final

from hacluster.rehearse.facts import Address, LabLayout, Segment
from hacluster.rehearse.hosts import Host, HostFailed

_DAD_TIMEOUT: Final = 10.0
"""Seconds; duplicate address detection takes up to two (RFC 4862, section 5.4)."""


@dataclass(frozen=True)
class Wiring:
    """Connects hosts to segments. `switch` is the host with the bridges."""

    switch: Host
    segments: tuple[Segment, ...]
    _plugged: list[tuple[Host, str]] = field(default_factory=list)

    def create_bridges(self) -> None:
        """One for each segment. No spanning tree and no multicast snooping: a port forwards everything from its start."""
        for number, _ in enumerate(self.segments):
            bridge = f"br{number}"
            self.switch.run("ip", "link", "add", bridge, "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
            self.switch.run("ip", "link", "set", bridge, "up")

    def plug(self, host: Host, segment: str, *addresses: str) -> None:
        """Gives the host an interface with these addresses (ADDRESS/LENGTH), connected to the segment."""
        port = self._port(host, segment)
        self.switch.connect(port, host, segment)
        self.switch.run("ip", "link", "set", port, "master", self._bridge(segment), "up")
        for address in addresses:
            host.run("ip", "address", "add", address, "dev", segment)
        host.run("ip", "link", "set", segment, "up")
        self._plugged.append((host, segment))

    def wait_for_addresses(self) -> None:
        """Waits until the hosts may use their IPv6 addresses, where a segment has any. Raises HostFailed if one has a rival."""
        ipv6 = {each.name for each in self.segments if any(network.version == 6 for network in each.networks)}
        until = time.monotonic() + _DAD_TIMEOUT
        for host, segment in self._plugged:
            while segment in ipv6 and (tentative := host.run("ip", "-6", "address", "show", "dev", segment, "tentative")):
                if "dadfailed" in tentative or time.monotonic() > until:
                    raise HostFailed(f"{host.name} cannot use an address: {tentative.strip()}")
                time.sleep(0.05)

    def set_carrier(self, host: Host, segment: str, *, carrier: bool) -> None:
        """Sets the switch's port up or down: the host's interface gains or loses its carrier."""
        self.switch.run("ip", "link", "set", self._port(host, segment), "up" if carrier else "down")

    def set_isolated(self, host: Host, segment: str, *, isolated: bool) -> None:
        """Takes the port out of its bridge, or puts it back: the host keeps its carrier and notices nothing."""
        master = ["nomaster"] if isolated else ["master", self._bridge(segment)]
        self.switch.run("ip", "link", "set", self._port(host, segment), *master)

    def _number(self, segment: str) -> int:
        return next(index for index, each in enumerate(self.segments) if each.name == segment)

    def _bridge(self, segment: str) -> str:
        return f"br{self._number(segment)}"

    def _port(self, host: Host, segment: str) -> str:
        """The switch's end of the pair; Linux allows 15 characters in an interface's name."""
        return f"{host.name[:10]}.{self._number(segment)}"


def segment_of(layout: LabLayout, address: Address) -> str:
    """The segment whose networks contain the address; empty if there is none."""
    for segment in layout.segments:
        if any(address in network for network in segment.networks):
            return segment.name
    return ""


def full_prefix(address: Address) -> str:
    """The address as a network of its own: with /32 or /128."""
    return str(ip_network(address))
