"""Makes the containers and volumes of the load balancer pod.

`pods.py` puts them into the DaemonSet. The agent and sysctl are native sidecars (init containers with restartPolicy Always): they
start before the daemons and stop after them. Every container has a read-only root file system. All but sysctl, which is privileged,
have only the capabilities that their program needs; each capability has a reason beside it.
"""

import math
from typing import Final

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.spec import ContainerResources, LogTarget
from hacluster.plan.model import Manifest, Settings
from hacluster.plan.objects.scripts import script

RUN: Final = "run"
CONFIG: Final = "config"
TOKEN: Final = "token"  # noqa: S105 - a volume's name
LOG: Final = "log"
HOST_RUN: Final = "host-run"

# At maxconn, HAProxy accepts no connection, not even for a health check, but it still answers on its admin socket. So a busy
# HAProxy is not taken for a hung one.
_ADMIN_SOCKET_CHECK = (
    f'alarm 4; my $s = IO::Socket::UNIX->new("{names.HAPROXY_ADMIN_SOCKET}") or exit 1; '
    'print $s "show info\\n"; exit !defined <$s>;'
)


_REAL_TIME_PRIORITY: Final = 10
"""Real-time priority of keepalived (1 to 99, sched(7)): low among real-time processes; threads of the kernel have a higher one."""
HANDOVER_TIMEOUT: Final = 10
"""Seconds that a preStop hook waits beyond the drain: in this time another node takes over, and the agent reacts."""


def base(name: str, image: str, settings: Settings, resources: ContainerResources | None, default: dict[str, str]) -> Manifest:
    """A container's name, image and resources: `resources` of the user, else `default` as requests."""
    configured = resources.model_dump(exclude_none=True, by_alias=True) if resources else {}
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": settings.image_pull_policy,
        "resources": configured or {"requests": default},
    }


def confined(*capabilities: str) -> Manifest:
    """A security context with these capabilities and no other privilege."""
    added: Manifest = {"add": list(capabilities)} if capabilities else {}
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], **added},
        "readOnlyRootFilesystem": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def mount(volume: str, path: str, *, read_only: bool = False) -> Manifest:
    """A volume mount at `path`."""
    return {"name": volume, "mountPath": path, **({"readOnly": True} if read_only else {})}


def from_field(name: str, path: str) -> Manifest:
    """An environment variable whose value is a field of the pod (downward API)."""
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def drain_seconds(cluster: HACluster) -> int:
    """Seconds, rounded up, for which open connections are still served after the virtual IP has moved to another node."""
    return math.ceil(cluster.spec.vrrp.handover.drain.total_seconds())


def _wait_for_handover(cluster: HACluster) -> Manifest:
    """A preStop hook, which delays the kubelet's SIGTERM: it asks the agent to hand over, and waits until the agent is done.

    The kubelet runs the hook also before it restarts a single container of a pod that stays (a hung HAProxy). In that case the
    agent removes both files once the new daemon runs, and the node takes part again.
    """
    tries = (drain_seconds(cluster) + HANDOVER_TIMEOUT) * 5
    wait = f"n={tries}; while [ ! -e {names.LEFT_FILE} ] && [ $n -gt 0 ]; do sleep 0.2; n=$((n - 1)); done"
    return {"preStop": {"exec": {"command": ["sh", "-c", f"touch {names.LEAVE_FILE}; {wait}"]}}}


def agent(cluster: HACluster, image: str, settings: Settings) -> Manifest:
    """The agent, a native sidecar: it installs the configuration before any daemon starts, and cleans up after the last one stopped."""
    return base("agent", image, settings, cluster.spec.resources.agent, {"cpu": "50m", "memory": "64Mi"}) | {
        "restartPolicy": "Always",
        "args": ["agent"],
        "env": [
            {"name": "HACLUSTER_NAME", "value": cluster.metadata.name},
            from_field("HACLUSTER_NAMESPACE", "metadata.namespace"),
            from_field("HACLUSTER_NODE", "spec.nodeName"),
            from_field("HACLUSTER_POD", "metadata.name"),
        ],
        # The daemons' containers start when this probe passes. It may take any time: the operator needs the reported interfaces first.
        "startupProbe": {
            "exec": {"command": ["test", "-e", names.READY_FILE]},
            "periodSeconds": 1,
            "failureThreshold": 2**31 - 1,
        },
        # NET_ADMIN: to remove an orphaned virtual IP, and to forward packets of open connections to the old holder.
        # NET_RAW: to receive VRRP advertisements, and to ask by ARP which node has a virtual IP.
        # No KILL: the processes that it signals run as root, as it does.
        "securityContext": confined("NET_ADMIN", "NET_RAW"),
        "volumeMounts": [
            mount(RUN, names.RUN_DIR),
            mount(CONFIG, names.CONFIG_DIR, read_only=True),
            mount(TOKEN, names.SERVICE_ACCOUNT_DIR, read_only=True),
        ],
    }


def keepalived(cluster: HACluster, image: str, settings: Settings) -> Manifest:
    """keepalived, VRRP only, in the foreground.

    All pid files are in the run directory: if keepalived cannot write them, it prints "already running" and exits with code 0.
    It runs with real-time scheduling if the node allows that, because a busy node must not send its advertisements late.
    """
    daemon = f"/usr/sbin/keepalived -n -l -D -P -f {names.KEEPALIVED_CONF} -p {names.KEEPALIVED_PID}"
    daemon += f" -r {names.RUN_DIR}/keepalived-vrrp.pid -b {names.RUN_DIR}/keepalived-bfd.pid"
    real_time = f"chrt --rr {_REAL_TIME_PRIORITY}"
    return base("keepalived", image, settings, cluster.spec.resources.keepalived, {"cpu": "50m", "memory": "32Mi"}) | {
        "command": ["sh", "-c", f"{real_time} true 2>/dev/null && exec {real_time} {daemon}; exec {daemon}"],
        "lifecycle": _wait_for_handover(cluster),
        # The directory into which keepalived dumps its state when the agent asks for it.
        "env": [{"name": "TMPDIR", "value": names.RUN_DIR}],
        # NET_ADMIN: to add and remove addresses. NET_RAW: VRRP and gratuitous ARP. SETGID: keepalived calls setgroups before every
        # check script. SYS_NICE: real-time scheduling and nice value. IPC_LOCK: its memory is never swapped.
        "securityContext": confined("NET_ADMIN", "NET_RAW", "SETGID", "SYS_NICE", "IPC_LOCK"),
        "volumeMounts": [mount(RUN, names.RUN_DIR)],
    }


def haproxy(cluster: HACluster, image: str, settings: Settings) -> Manifest:
    """HAProxy, master and worker in the foreground. The agent reloads it over the master socket."""
    return base("haproxy", image, settings, cluster.spec.resources.haproxy, {"cpu": "100m", "memory": "128Mi"}) | {
        "command": ["/usr/sbin/haproxy", "-W", "-db", "-S", names.HAPROXY_MASTER_SOCKET, "-f", names.HAPROXY_CFG],
        "lifecycle": _wait_for_handover(cluster),
        # HAProxy starts as root, then changes to its own user in a chroot. NET_BIND_SERVICE: ports below 1024. NET_RAW: the option
        # `interface` on older kernels. KILL: at a reload the master signals its worker, which is not root.
        "securityContext": confined("NET_BIND_SERVICE", "SETUID", "SETGID", "SYS_CHROOT", "NET_RAW", "KILL"),
        # A process that has not answered for a minute will not recover, so it is restarted. VRRP has moved the virtual IP long before.
        "livenessProbe": {
            "exec": {"command": ["perl", "-MIO::Socket::UNIX", "-e", _ADMIN_SOCKET_CHECK]},
            "initialDelaySeconds": 10,
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "volumeMounts": [mount(RUN, names.RUN_DIR)],
    }


def rsyslog(cluster: HACluster, image: str, settings: Settings) -> Manifest:
    """rsyslog, for the log target File: it writes what HAProxy sends by UDP to a file of the node."""
    return base("rsyslog", image, settings, None, {"cpu": "10m", "memory": "16Mi"}) | {
        "command": ["sh", "-c", script("rsyslog.sh")],
        "lifecycle": _wait_for_handover(cluster),  # HAProxy logs until the handover is over
        "env": [{"name": "CONF", "value": names.RSYSLOG_CONF}, {"name": "LOG", "value": names.LOG_FILE}],
        # NET_BIND_SERVICE: the syslog port is below 1024.
        "securityContext": confined("NET_BIND_SERVICE"),
        "volumeMounts": [mount(RUN, names.RUN_DIR), mount(LOG, names.LOG_FILE)],
    }


def sysctl(cluster: HACluster, image: str, settings: Settings) -> Manifest:
    """Sets ip_nonlocal_bind while the pod exists. The only privileged container: in all others /proc/sys is read-only."""
    return base("sysctl", image, settings, None, {"cpu": "1m", "memory": "8Mi"}) | {
        "restartPolicy": "Always",
        "command": ["sh", "-c", script("sysctl.sh")],
        "env": [{"name": "OWNER", "value": f"{cluster.metadata.namespace}_{cluster.metadata.name}"}],
        "startupProbe": {
            "exec": {"command": ["grep", "-q", "1", "/proc/sys/net/ipv4/ip_nonlocal_bind"]},
            "periodSeconds": 1,
            "failureThreshold": 60,
        },
        "securityContext": {"privileged": True, "readOnlyRootFilesystem": True},
        "volumeMounts": [mount(HOST_RUN, "/host/run")],
    }


def volumes(cluster: HACluster) -> list[Manifest]:
    """The pod's volumes. `token` is the projected volume that Kubernetes would mount itself, here only for the agent."""
    token = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]
    made: list[Manifest] = [
        {"name": RUN, "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
        # Optional: the pod has to start without it, so that the agent can report the interfaces that the plan needs.
        {"name": CONFIG, "configMap": {"name": names.config(cluster.metadata.name), "optional": True}},
        {"name": TOKEN, "projected": {"sources": token}},
    ]
    if cluster.spec.haproxy.log.target is LogTarget.FILE:
        made.append({"name": LOG, "hostPath": {"path": names.LOG_FILE, "type": "FileOrCreate"}})
    if cluster.spec.system.nonlocal_bind:
        made.append({"name": HOST_RUN, "hostPath": {"path": "/run", "type": "Directory"}})
    return made
