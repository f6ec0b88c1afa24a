"""Whether Apache goes on listening on the addresses and ports of the previous configuration, besides its new ones. Pure.

A node whose HAProxy has not loaded the new files yet uses Apache of all nodes by the previous addresses. How long that is depends on the
roll-out: backups come first, and each node is waited for (docs/decisions/0035-apache-moves-first.md).
"""

from hacluster.nodeconfig import AgentConfig, File
from hacluster.plan.model import Texts
from hacluster.plan.rollout.rollout import Rollout
from hacluster.plan.texts.revision import stated_apache


def old_addresses_are_needed(rollout: Rollout, wanted: Texts) -> bool:
    """Whether the roll-out takes addresses of Apache away, and some node may still use them.

    Not where a new daemon needs one of these ports: it would wait for the port, and the roll-out for the daemon.
    """
    if not (rollout.held_back or rollout.waits_for):
        return False
    before = {node: stated_apache(texts) for node, texts in rollout.last_good.texts.items() if node in wanted}
    moved = [apache for node, apache in before.items() if apache and apache != stated_apache(wanted[node])]
    new_ports = {port.port for texts in wanted.values() for port in AgentConfig.model_validate_json(texts[File.AGENT]).ports}
    return bool(moved) and not any(apache.get("port") in new_ports for apache in moved)
