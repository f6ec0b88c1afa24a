"""The names that several packages have to agree on: API group, labels, object names, ConfigMap keys, paths inside the pods.

Constants and pure functions only; every package may import it. Paths are collected here because the operator writes them into
the daemons' configuration and into the pod templates, and the agent uses the same files.
"""

import hashlib
from typing import Final

GROUP: Final = "hacluster.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "HACluster"
PLURAL: Final = "haclusters"
SINGULAR: Final = "hacluster"
SHORT_NAME: Final = "hac"

NODE_KIND: Final = "HAClusterNode"
"""What one node's agent reports of one resource."""
NODE_PLURAL: Final = "haclusternodes"
NODE_SINGULAR: Final = "haclusternode"
NODE_SHORT_NAME: Final = "hacn"

MAX_CLUSTER_NAME: Final = 40
"""Longest name of a resource, in characters: the names of its child objects are longer than its own."""

OPERATOR_MANAGER: Final = "hacluster-operator"
"""The operator's field manager in server-side apply, and the value of the label managed-by."""
AGENT_MANAGER: Final = "hacluster-agent"
"""The agents' field manager in server-side apply. Each agent writes an object of its own."""

LABEL_NAME: Final = "app.kubernetes.io/name"
LABEL_INSTANCE: Final = "app.kubernetes.io/instance"
LABEL_COMPONENT: Final = "app.kubernetes.io/component"
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
APP: Final = "hacluster"
COMPONENT_LB: Final = "lb"
COMPONENT_APACHE: Final = "apache"
COMPONENT_AGENT: Final = "agent"
COMPONENT_STATIC: Final = "static"
"""Of static pods. They are not the operator's, so they have another component and no label managed-by."""

LABEL_RESOURCE_NAMESPACE: Final = f"{GROUP}/resource-namespace"
LABEL_RESOURCE_NAME: Final = f"{GROUP}/resource-name"
"""On an object outside the namespace of its resource, whose owner it cannot name: namespace and name of the resource."""

ANNOTATION_HASH: Final = f"{GROUP}/applied-hash"
"""On every child object: hash of the object as it was planned. So a field that has left the plan is noticed, too (`control/drift.py`)."""
ANNOTATION_REFUSED: Final = f"{GROUP}/refused"
"""On the ConfigMap of `config_good`: JSON list of the refused plans, each with the node and the daemon's message."""
ANNOTATION_PASSED_OVER: Final = f"{GROUP}/passed-over"
"""On the ConfigMap of `config_good`: JSON, the present plan's digest → nodes that were unfit before they were offered it."""
ANNOTATION_REVISION: Final = f"{GROUP}/config-revision"
"""On a pod: a change of this annotation makes the kubelet update the mounted ConfigMap at once instead of within a minute."""
ANNOTATION_TEMPLATE: Final = f"{GROUP}/template"
"""On a DaemonSet's pod template, and so on its pods: hash of the template. A pod with another one is of an older template."""
ANNOTATION_VIRTUAL_IPS: Final = f"{GROUP}/virtual-ips"
"""On a pod: the virtual IPs that it may hold, with commas. They are known there also after the resource was deleted."""
ANNOTATION_ROUTER_IDS: Final = f"{GROUP}/virtual-router-ids"
"""On a pod: the VRIDs that it may advertise, with commas."""
ANNOTATION_LIVENESS_REQUEST: Final = f"{GROUP}/liveness-request"
"""On a HAClusterNode, written by the operator when it doubts that the agent still runs: the resourceVersion of the doubted report. The
agent answers by writing the same value into `status.livenessResponse`."""

ANNOTATION_PROXY_PROTOCOL: Final = f"{GROUP}/proxy-protocol"
"""On a Service of type LoadBalancer, written by its owner: V1 or V2, the version of the PROXY protocol that its pods expect."""

APACHE_USER: Final = 33
"""User and group id of Apache's processes: www-data in Debian. By it the agent tells Apache's sockets from another program's."""

# Paths inside the node pods.
CONFIG_DIR: Final = "/etc/hacluster/config"
"""Mount point of the ConfigMap: the files as the operator wants them."""
KEEP_ADDRESSES: Final = "keep-addresses"
"""Key in Apache's ConfigMap, which is there as long as some HAProxy may still use addresses of Apache that the new files do not have."""
RUN_DIR: Final = "/run/hacluster"
"""Mount point of the emptyDir that the containers share: installed files, sockets, pid files, and the files by which they signal."""
KEEPALIVED_CONF: Final = f"{RUN_DIR}/keepalived.conf"
KEEPALIVED_PID: Final = f"{RUN_DIR}/keepalived.pid"
HAPROXY_CFG: Final = f"{RUN_DIR}/haproxy.cfg"
RSYSLOG_CONF: Final = f"{RUN_DIR}/rsyslog.conf"
READY_FILE: Final = f"{RUN_DIR}/ready"
"""The agent creates it when it has installed the first configuration; its startup probe then lets the daemons' containers start."""
HAPROXY_MASTER_SOCKET: Final = f"{RUN_DIR}/haproxy-master.sock"
HAPROXY_ADMIN_SOCKET: Final = f"{RUN_DIR}/haproxy-admin.sock"
HAPROXY_HEALTH_SOCKET: Final = f"{RUN_DIR}/haproxy-health.sock"
HAPROXY_SERVER_STATES: Final = f"{RUN_DIR}/haproxy-server-states"
"""States of HAProxy's servers for the process that a reload starts. The agent writes it before a reload and removes it afterwards, so that
a HAProxy which starts for another reason does not read old states."""
HEALTH_PATH: Final = "/healthz"
CREDENTIALS_DIR: Final = f"{RUN_DIR}/credentials"
"""One file for each Secret with credentials: the digest that HAProxy compares."""
NOTIFY_FIFO: Final = f"{RUN_DIR}/vrrp.fifo"
TRACK_HAPROXY: Final = f"{RUN_DIR}/track-haproxy"
"""Track file of keepalived, written by the agent: 0 while this node is fit as far as HAProxy is concerned; 1 while HAProxy does not
answer, has not answered yet, or is held down (`agent/haproxy/holddown.py`). With weight 0, 1 means FAULT."""

CERTIFICATES_DIR: Final = f"{RUN_DIR}/certificates"
"""Certificates with their keys, one file for each Secret. The agent writes them; only root may read them."""
AGENT_ALIVE: Final = f"{RUN_DIR}/agent-alive"
"""The agent touches it every second. Once it is older than `AGENT_ALIVE_TIMEOUT`, keepalived's own check script asks HAProxy."""
AGENT_ALIVE_TIMEOUT: Final = 5
"""Seconds without a touch of `AGENT_ALIVE` after which the agent counts as dead."""
LEAVE_FILE: Final = f"{RUN_DIR}/leave"
"""Created by the containers' preStop hooks: the pod, or one of its containers, is about to stop, so the agent hands
the virtual IPs over."""
LEFT_FILE: Final = f"{RUN_DIR}/left"
"""Created by the agent when the handover is over (another node holds the virtual IPs, and connections have drained) or has timed
out. The preStop hooks wait for it: then the kubelet may stop the daemons."""

SERVICE_ACCOUNT_DIR: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where a pod's token, namespace and the API server's CA certificate are mounted: the path that Kubernetes clients use."""
CONTENT_DIR: Final = "/srv/hacluster/content"
"""Mount point of the ConfigMap `spec.apache.contentConfigMap` in the Apache pod."""
LOG_FILE: Final = "/var/log/haproxy.log"
"""HAProxy's log file with the log target File: on the node, and at the same path in rsyslog's container."""

MAX_KEY: Final = 253
"""Longest ConfigMap key and longest object name, in characters: the limit of the API server for both."""


def _shortened(name: str, limit: int) -> str:
    """`name` itself if it has at most `limit` characters, otherwise its beginning and a hash of the full name."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:10]
    return f"{name[: limit - 11].rstrip('.')}-{digest}"  # a part between dots may not begin with a dash


def lb(cluster: str) -> str:
    """Name of the DaemonSet of keepalived, HAProxy and the agent."""
    return f"{cluster}-lb"


def apache(cluster: str) -> str:
    """Name of the DaemonSet of Apache, and of the ConfigMap with its files."""
    return f"{cluster}-apache"


def config(cluster: str) -> str:
    """Name of the ConfigMap with every node's keepalived, HAProxy, rsyslog and agent files."""
    return f"{cluster}-config"


def config_good(cluster: str) -> str:
    """Name of the ConfigMap with the last configuration that was rolled out completely: the operator returns to it after a refusal."""
    return f"{cluster}-config-good"


def agent(cluster: str) -> str:
    """Name of the agents' ServiceAccount, Role and RoleBinding."""
    return f"{cluster}-agent"


def service_access(namespace: str, cluster: str) -> str:
    """Name of the Role and RoleBinding by which the agents of a resource read the Services of another namespace than its own."""
    return f"{APP}-{namespace}.{cluster}"  # no namespace has a dot


def only_one(namespace: str, cluster: str) -> str:
    """Name of the abstract Unix socket that the running agent of a resource has on its node. unix(7) allows 107 bytes."""
    return _shortened(f"{GROUP}/{namespace}/{cluster}", 100)


def static_pod(cluster: str) -> str:
    """Name of a static pod; the kubelet adds the node's name."""
    return f"{APP}-{cluster}"


NO_ENDPOINTS: Final = "NO_ENDPOINTS"
"""What `lastCheck` of a listener says while its Service has no endpoint that is ready, or is not known yet."""


def node_object(cluster: str, node: str) -> str:
    """Name of the HAClusterNode. No resource's name has a dot, so no two pairs of resource and node have the same one."""
    return _shortened(f"{cluster}.{node}", MAX_KEY)


def entry_manager(node: str) -> str:
    """Field manager of agents before HAClusterNode: each of them wrote its node's entry into `status.nodes` itself.

    The API server allows at most 128 characters.
    """
    return _shortened(f"{AGENT_MANAGER}-{node}", 128)


def key(node: str, file: str) -> str:
    """ConfigMap key of one node's file, such as `node1.haproxy.cfg`."""
    return f"{_shortened(node, MAX_KEY - 1 - len(file))}.{file}"


def track_yield(router: str) -> str:
    """Path of a virtual router's second track file: 1 while this node yields the virtual IPs to another node (a planned move), else 0."""
    return f"{RUN_DIR}/track-yield-{router}"


def track_step(router: str) -> str:
    """Path of a virtual router's third track file: 1 while this node lets only the node with the next priority take over, else 0."""
    return f"{RUN_DIR}/track-step-{router}"


def endpoints_marker(proxy: str) -> str:
    """The comment in haproxy.cfg below which the agent adds the endpoints of a Service as servers of this proxy."""
    return f"# The agent adds the endpoints of its Service as servers of {proxy}"


AUTHENTICATION_MARK: Final = "# Authentication:"
"""How the comment of `authentication_marker` begins."""


def authentication_marker(secret: str, key: str) -> str:
    """The comment in an instance of keepalived.conf below which the agent adds the password of this Secret."""
    return f"{AUTHENTICATION_MARK} the agent adds the password, which is in the key {key} of the Secret {secret}"


def certificate_file(secret: str) -> str:
    """Path of the file with the certificate and key of this Secret."""
    return f"{CERTIFICATES_DIR}/{secret}"


def authority_name(secret: str) -> str:
    """Name of the file with the authorities of this Secret, beside the certificates."""
    return f"{secret}_ca"


def authority_file(secret: str) -> str:
    """Path of that file."""
    return f"{CERTIFICATES_DIR}/{authority_name(secret)}"


def credentials_file(secret: str) -> str:
    """The file with the digest of this Secret's credentials, which the agent writes and HAProxy reads."""
    return f"{CREDENTIALS_DIR}/{secret}"


def labels(cluster: str, component: str) -> dict[str, str]:
    """Labels of a child object."""
    return {
        LABEL_NAME: APP,
        LABEL_INSTANCE: cluster,
        LABEL_COMPONENT: component,
        LABEL_MANAGED_BY: OPERATOR_MANAGER,
    }
