"""Starts the stand-ins of the user's own servers and of the endpoints of Services: on the node that has the address, else on one host."""

import sys
from collections.abc import Mapping

from hacluster.api import HACluster
from hacluster.api.spec import HealthCheck, HealthCheckType, all_targets
from hacluster.rehearse.authority import Authority
from hacluster.rehearse.dialogues import MYSQL, Dialogue
from hacluster.rehearse.facts import Address, LabLayout
from hacluster.rehearse.hosts import Host
from hacluster.rehearse.network import Wiring, full_prefix, segment_of


def start_stand_ins(host: Host, wiring: Wiring, cluster: HACluster, layout: LabLayout, nodes: Mapping[str, Host]) -> None:
    """Gives the host the addresses of all servers that no node has, and starts a stand-in for each server. Raises HostFailed.

    The nodes, by their names, get a route to addresses that lie in no segment's network.
    """
    for segment in layout.segments:
        wiring.plug(host, segment.name, *map(str, segment.servers))
    for address in dict.fromkeys(address for address, _ in layout.servers if not layout.node_of(address)):
        interface = segment_of(layout, address) or layout.segments[0].name
        host.run("ip", "address", "add", full_prefix(address), "dev", interface)
        if not segment_of(layout, address):
            for node in nodes.values():
                node.run("ip", "route", "add", full_prefix(address), "dev", interface)
    certificate, said = Authority(host.folder.parent).server, dialogues(cluster, layout)
    for address, port in layout.servers:
        program = [
            sys.executable,
            "-m",
            "hacluster.rehearse.stand_in",
            str(address),
            str(port),
            "--certificate",
            str(certificate),
        ]
        talk = said.get((address, port))
        place = nodes.get(layout.node_of(address), host)
        place.start(f"server-{address}-{port}", [*program, *(["--dialogue", talk.dump()] if talk else [])])


def dialogues(cluster: HACluster, layout: LabLayout) -> Mapping[tuple[Address, int], Dialogue]:
    """For each stand-in that is checked with something else than HTTP, a connection or a handshake, what it says."""
    found: dict[tuple[Address, int], Dialogue] = {}
    for _, target in all_targets(cluster.spec.haproxy):
        check, service = target.health_check, target.backend.service
        checked = [(each.address, check.port or each.port) for each in target.backend.servers or () if each.address is not None]
        if service is not None:
            checked += layout.services[service.name][service.port]
        if (said := _dialogue(check)) != Dialogue():
            found |= dict.fromkeys(checked, said)
    return found


def _dialogue(check: HealthCheck) -> Dialogue:
    if check.type is HealthCheckType.MYSQL:
        return MYSQL
    opening, answers = "", list[tuple[str, str]]()
    for step in check.exchange or ():
        if step.send:
            answers.append((step.send, step.expect))
        elif answers:
            answers[-1] = answers[-1][0], answers[-1][1] + step.expect
        else:
            opening += step.expect
    return Dialogue(opening, tuple(answers))
