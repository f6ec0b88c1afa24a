"""The wires between the hosts: one bridge for each segment, on a host of its own, as a switch is."""

from dataclasses import dataclass
from ipaddress import ip_network

from hacluster.rehearse.facts import Address, LabLayout, Segment
from hacluster.rehearse.hosts import Host


@dataclass(frozen=True)
class Wiring:
    """Puts hosts on segments. `switch` is the host with the bridges."""

    switch: Host
    segments: tuple[Segment, ...]

    def lay(self) -> None:
        """The bridges. A port forwards from the start: no spanning tree, no learning of groups."""
        for number, _ in enumerate(self.segments):
            bridge = f"br{number}"
            self.switch.run("ip", "link", "add", bridge, "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
            self.switch.run("ip", "link", "set", bridge, "up")

    def plug(self, host: Host, segment: str, *addresses: str) -> None:
        """A card on the host, with these addresses, and its wire."""
        number = next(index for index, each in enumerate(self.segments) if each.name == segment)
        port = f"{host.name[:10]}.{number}"
        self.switch.connect(port, host, segment)
        self.switch.run("ip", "link", "set", port, "master", f"br{number}", "up")
        for address in addresses:
            host.run("ip", "address", "add", address, "dev", segment)
        host.run("ip", "link", "set", segment, "up")

    def cut(self, host: Host, segment: str, *, cut: bool) -> None:
        """Takes the switch's port down, or up again: the card on the host loses its carrier."""
        number = next(index for index, each in enumerate(self.segments) if each.name == segment)
        self.switch.run("ip", "link", "set", f"{host.name[:10]}.{number}", "down" if cut else "up")

    def unplug(self, host: Host, segment: str, *, unplugged: bool) -> None:
        """Takes a port out of its bridge, or back into it: the card on the host notices nothing."""
        number = next(index for index, each in enumerate(self.segments) if each.name == segment)
        master = ["nomaster"] if unplugged else ["master", f"br{number}"]
        self.switch.run("ip", "link", "set", f"{host.name[:10]}.{number}", *master)


def routes(layout: LabLayout, address: Address) -> str:
    """The segment on which an address is a neighbour; empty: none."""
    for segment in layout.segments:
        if any(address in network for network in segment.networks):
            return segment.name
    return ""


def single(address: Address) -> str:
    """The network that holds nothing but this address."""
    return str(ip_network(address))
