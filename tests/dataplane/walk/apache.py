"""When the next Apache pod of a lab may be stopped: as the operator decides it (`control/pod_updates.py`, docs/decisions/0022)."""

import time

from hacluster.api import NodeStatus
from hacluster.nodeconfig import AgentConfig, File
from hacluster.plan.rollout.pods import CHECKED_WITHIN, REPORTED_WITHIN
from hacluster.plan.status import ObservedNode
from hacluster.plan.status.servers import apache_servers
from hacluster.rehearse.containers import containers_of
from hacluster.rehearse.lab import Lab
from hacluster.rehearse.settled import wait_for


def listens(lab: Lab, name: str) -> bool:
    """What the readiness probe of Apache's pod tells the operator."""
    config = AgentConfig.model_validate_json(lab.plan.texts[name][File.AGENT])
    node = lab.nodes[name]
    if config.apache is None or "apache" not in containers_of(node.pods):
        return True
    return bool(node.host.run("ss", "-Hltn", f"src {config.apache.address} and sport = :{config.apache.port}"))


def wait_until_used(lab: Lab) -> None:
    """Waits until the holders' HAProxys report that they use all Apache servers, but not for a server that they do not find up in time."""
    time.sleep(REPORTED_WITHIN)
    wait_for(lambda: _all_used(lab), CHECKED_WITHIN - REPORTED_WITHIN)


def _all_used(lab: Lab) -> bool:
    entries = {name: NodeStatus.model_validate(entry) for name, node in lab.nodes.items() if (entry := node.entry())}
    seen = apache_servers(lab.cluster, [ObservedNode(name, entry=entry) for name, entry in entries.items()])
    return seen is None or not seen.down
