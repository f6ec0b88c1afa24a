"""Every name that two rooms must agree on: the API group, labels, object names, file keys, paths inside the pods."""

import hashlib
from typing import Final

GROUP: Final = "hacluster.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "HACluster"
PLURAL: Final = "haclusters"
SINGULAR: Final = "hacluster"
SHORT_NAME: Final = "hac"

MAX_CLUSTER_NAME: Final = 40

OPERATOR_MANAGER: Final = "hacluster-operator"
"""Field manager of everything the operator applies."""

LABEL_NAME: Final = "app.kubernetes.io/name"
LABEL_INSTANCE: Final = "app.kubernetes.io/instance"
LABEL_COMPONENT: Final = "app.kubernetes.io/component"
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
APP: Final = "hacluster"
COMPONENT_LB: Final = "lb"
COMPONENT_APACHE: Final = "apache"
COMPONENT_AGENT: Final = "agent"

ANNOTATION_HASH: Final = f"{GROUP}/applied-hash"
"""On every child: hash of what the plan wanted, so that an unchanged plan writes nothing."""
ANNOTATION_REFUSED: Final = f"{GROUP}/refused"
"""On the ConfigMap of `config_good`: JSON, which plans were refused, by which node, with which words."""
ANNOTATION_REVISION: Final = f"{GROUP}/config-revision"
"""On a pod: changing it makes the kubelet deliver the ConfigMap at once instead of within a minute."""

# Paths inside the node pods.
CONFIG_DIR: Final = "/etc/hacluster/config"
"""Where the ConfigMap is mounted: what the operator wants."""
RUN_DIR: Final = "/run/hacluster"
"""The shared emptyDir: what is installed and running."""
KEEPALIVED_CONF: Final = f"{RUN_DIR}/keepalived.conf"
KEEPALIVED_PID: Final = f"{RUN_DIR}/keepalived.pid"
HAPROXY_CFG: Final = f"{RUN_DIR}/haproxy.cfg"
RSYSLOG_CONF: Final = f"{RUN_DIR}/rsyslog.conf"
READY_FILE: Final = f"{RUN_DIR}/ready"
"""Exists from the moment the first configuration is installed: the daemons' containers start only then."""
HAPROXY_MASTER_SOCKET: Final = f"{RUN_DIR}/haproxy-master.sock"
HAPROXY_ADMIN_SOCKET: Final = f"{RUN_DIR}/haproxy-admin.sock"
HAPROXY_HEALTH_SOCKET: Final = f"{RUN_DIR}/haproxy-health.sock"
HEALTH_PATH: Final = "/healthz"
NOTIFY_FIFO: Final = f"{RUN_DIR}/vrrp.fifo"
TRACK_HAPROXY: Final = f"{RUN_DIR}/track-haproxy"
"""keepalived's track file: 0 while HAProxy answers, 1 (FAULT by weight 0) while it does not."""

AGENT_ALIVE: Final = f"{RUN_DIR}/agent-alive"
"""Touched every second by the agent. Once it is older than `AGENT_PATIENCE`, keepalived's own slow script asks HAProxy."""
AGENT_PATIENCE: Final = 5
"""Seconds."""
LEAVE_FILE: Final = f"{RUN_DIR}/leave"
"""Made by the containers' preStop hooks: the pod is about to end, hand the virtual IP over."""
LEFT_FILE: Final = f"{RUN_DIR}/left"
"""Made by the agent: another node has the virtual IP, and the connections that were open are done. Now the daemons may end."""

CONTENT_DIR: Final = "/srv/hacluster/content"
"""Where the ConfigMap of `spec.apache.contentConfigMap` is mounted in the Apache pod."""
LOG_FILE: Final = "/var/log/haproxy.log"
"""HAProxy's log for the log target File: on the node, and under the same name in rsyslog's container."""

MAX_KEY: Final = 253


def _fit(name: str, limit: int) -> str:
    """`name` itself, or its start and a hash of the whole where it is longer than `limit`."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:10]
    return f"{name[: limit - 11]}-{digest}"


def lb(cluster: str) -> str:
    """The DaemonSet of keepalived, HAProxy and the agent."""
    return f"{cluster}-lb"


def apache(cluster: str) -> str:
    """The DaemonSet of Apache, and the ConfigMap with its files."""
    return f"{cluster}-apache"


def config(cluster: str) -> str:
    """The ConfigMap with every node's keepalived, HAProxy and agent files."""
    return f"{cluster}-config"


def config_good(cluster: str) -> str:
    """The ConfigMap with the last configuration that was live everywhere: the way back from one that is refused."""
    return f"{cluster}-config-good"


def agent(cluster: str) -> str:
    """The agents' ServiceAccount, Role and RoleBinding."""
    return f"{cluster}-agent"


def lease(cluster: str, node: str) -> str:
    """The Lease that this node's agent renews."""
    return _fit(f"{cluster}-{node}", MAX_KEY)


def agent_manager(node: str) -> str:
    """Field manager of the node's own entry in `status.nodes`. At most 128 characters, as the API server asks."""
    return _fit(f"hacluster-agent-{node}", 128)


def key(node: str, file: str) -> str:
    """ConfigMap key of one node's file, such as `node1.haproxy.cfg`."""
    return f"{_fit(node, MAX_KEY - 1 - len(file))}.{file}"


def track_yield(router: str) -> str:
    """Track file of keepalived: 1 while this node lets another have the router's virtual IPs (a planned move), else 0."""
    return f"{RUN_DIR}/track-yield-{router}"


def labels(cluster: str, component: str) -> dict[str, str]:
    """Labels of a child object."""
    return {
        LABEL_NAME: APP,
        LABEL_INSTANCE: cluster,
        LABEL_COMPONENT: component,
        LABEL_MANAGED_BY: OPERATOR_MANAGER,
    }
