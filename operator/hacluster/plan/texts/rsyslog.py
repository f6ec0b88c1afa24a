"""Makes rsyslog.conf of one node, for the log target File: HAProxy logs by UDP to an rsyslog in the same pod."""

from hacluster import names
from hacluster.api import HACluster
from hacluster.plan.texts.rendering import render


def rsyslog_conf(cluster: HACluster, node: str) -> str:
    """The node's rsyslog.conf: messages of HAProxy's facility go to `names.LOG_FILE`, all others are discarded.

    Raises:
        UnsafeText: a value would change the meaning of a line.

    """
    log = cluster.spec.haproxy.log
    return render(
        "rsyslog.conf.j2",
        cluster=cluster.metadata.full_name,
        node=node,
        address=log.address,
        port=log.port,
        facility=log.facility.value,
        log_file=names.LOG_FILE,
    )
