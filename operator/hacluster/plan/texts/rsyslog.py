"""rsyslog.conf of one node, for the log target File."""

from typing import Final

from hacluster.api import HACluster
from hacluster.plan.texts.rendering import render

LOG_FILE: Final = "/var/log/haproxy.log"
"""On the node, and under the same name in the container."""


def rsyslog_conf(cluster: HACluster, node: str) -> str:
    """The node's rsyslog.conf: HAProxy's facility goes to LOG_FILE, anything else nowhere."""
    log = cluster.spec.haproxy.log
    return render(
        "rsyslog.conf.j2",
        cluster=f"{cluster.metadata.namespace}/{cluster.metadata.name}",
        node=node,
        address=log.address,
        port=log.port,
        facility=log.facility.value,
        log_file=LOG_FILE,
    )
