"""Starts the stand-ins of the user's own servers, and of the endpoints of Services, on one host of the lab."""

import sys
from collections.abc import Iterable

from hacluster.api import HACluster
from hacluster.rehearse.authority import Authority
from hacluster.rehearse.dialogues import dialogues
from hacluster.rehearse.facts import LabLayout
from hacluster.rehearse.hosts import Host
from hacluster.rehearse.network import Wiring, full_prefix, segment_of


def start_stand_ins(host: Host, wiring: Wiring, cluster: HACluster, layout: LabLayout, nodes: Iterable[Host]) -> None:
    """Gives the host the addresses of all servers of the resource, and starts a stand-in for each. Raises HostFailed.

    The nodes get a route to addresses that lie in no segment's network.
    """
    for segment in layout.segments:
        wiring.plug(host, segment.name, *map(str, segment.servers))
    for address in dict.fromkeys(address for address, _ in layout.servers):
        interface = segment_of(layout, address) or layout.segments[0].name
        host.run("ip", "address", "add", full_prefix(address), "dev", interface)
        if not segment_of(layout, address):
            for node in nodes:
                node.run("ip", "route", "add", full_prefix(address), "dev", interface)
    certificate, said = Authority(host.folder.parent).server, dialogues(cluster, layout)
    for address, port in layout.servers:
        program = [sys.executable, "-m", "hacluster.rehearse.stand_in", str(address), str(port), str(certificate)]
        talk = said.get((address, port))
        host.start(f"server-{address}-{port}", [*program, *([talk.dump()] if talk else [])])
