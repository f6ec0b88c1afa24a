"""The containers of the load balancer's pod."""

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
_TOKEN_DIR: Final = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - where every client looks

# A HAProxy that takes no more connections (maxconn) still answers its admin socket: a busy one is not a hung one.
_ANSWERS = (
    f'alarm 4; my $s = IO::Socket::UNIX->new("{names.HAPROXY_ADMIN_SOCKET}") or exit 1; '
    'print $s "show info\\n"; exit !defined <$s>;'
)


_REAL_TIME: Final = 10
"""Priority among real-time processes: above nothing but those that have the least of it; kernel threads stay ahead."""
_LEAVE_PATIENCE: Final = 10
"""Seconds beyond the drain, in which another node takes over and the agent answers."""


def base(name: str, image: str, settings: Settings, resources: ContainerResources | None, default: dict[str, str]) -> Manifest:
    """A container's name, image and resources: the user's own, else `default` as requests."""
    wanted = resources.model_dump(exclude_none=True, by_alias=True) if resources else {}
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": settings.image_pull_policy,
        "resources": wanted or {"requests": default},
    }


def confined(*capabilities: str) -> Manifest:
    """A security context with these capabilities and nothing else."""
    kept: Manifest = {"add": list(capabilities)} if capabilities else {}
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], **kept},
        "readOnlyRootFilesystem": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def mount(volume: str, path: str, *, read_only: bool = False) -> Manifest:
    """A volume's place in a container."""
    return {"name": volume, "mountPath": path, **({"readOnly": True} if read_only else {})}


def from_field(name: str, path: str) -> Manifest:
    """An environment variable from the pod's own fields."""
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def drain_seconds(cluster: HACluster) -> int:
    """Whole seconds that connections get to finish once the virtual IP is elsewhere."""
    return math.ceil(cluster.spec.vrrp.handover.drain.total_seconds())


def _leave_in_order(cluster: HACluster) -> Manifest:
    """Holds up the kubelet's SIGTERM: the agent is asked to hand over, and says when nobody is cut off any more.

    The kubelet also runs this before it restarts a single container (a hung HAProxy) of a pod that stays. There the agent
    withdraws both files once the new daemon runs, so that the node takes part again.
    """
    tries = (drain_seconds(cluster) + _LEAVE_PATIENCE) * 5
    wait = f"n={tries}; while [ ! -e {names.LEFT_FILE} ] && [ $n -gt 0 ]; do sleep 0.2; n=$((n - 1)); done"
    return {"preStop": {"exec": {"command": ["sh", "-c", f"touch {names.LEAVE_FILE}; {wait}"]}}}


def agent(cluster: HACluster, image: str, settings: Settings) -> Manifest:
    """Starts first, ends last (a native sidecar): installs the configuration before any daemon starts, cleans up after all."""
    return base("agent", image, settings, cluster.spec.resources.agent, {"cpu": "50m", "memory": "64Mi"}) | {
        "restartPolicy": "Always",
        "args": ["agent"],
        "env": [
            {"name": "HACLUSTER_NAME", "value": cluster.metadata.name},
            from_field("HACLUSTER_NAMESPACE", "metadata.namespace"),
            from_field("HACLUSTER_NODE", "spec.nodeName"),
        ],
        # The daemons' containers start when this passes, whenever that is: a node may wait for its facts to be known.
        "startupProbe": {
            "exec": {"command": ["test", "-e", names.READY_FILE]},
            "periodSeconds": 1,
            "failureThreshold": 2**31 - 1,
        },
        # NET_ADMIN: takes away an orphaned virtual IP, and leads packets of open connections to the old holder.
        # NET_RAW: hears VRRP advertisements, and asks by ARP who has a virtual IP. What it signals is root, as it is.
        "securityContext": confined("NET_ADMIN", "NET_RAW"),
        "volumeMounts": [
            mount(RUN, names.RUN_DIR),
            mount(CONFIG, names.CONFIG_DIR, read_only=True),
            mount(TOKEN, _TOKEN_DIR, read_only=True),
        ],
    }


def keepalived(cluster: HACluster, image: str, settings: Settings) -> Manifest:
    """VRRP only, in the foreground. Every pid file gets a place: without one it would say "already running" and end well.

    Real-time where the node allows it, else as it is: a busy node must not be late with its advertisements.
    """
    daemon = f"/usr/sbin/keepalived -n -l -D -P -f {names.KEEPALIVED_CONF} -p {names.KEEPALIVED_PID}"
    daemon += f" -r {names.RUN_DIR}/keepalived-vrrp.pid -b {names.RUN_DIR}/keepalived-bfd.pid"
    in_time = f"chrt --rr {_REAL_TIME}"
    return base("keepalived", image, settings, cluster.spec.resources.keepalived, {"cpu": "50m", "memory": "32Mi"}) | {
        "command": ["sh", "-c", f"{in_time} true 2>/dev/null && exec {in_time} {daemon}; exec {daemon}"],
        "lifecycle": _leave_in_order(cluster),
        # Where it dumps its state when the agent asks for it.
        "env": [{"name": "TMPDIR", "value": names.RUN_DIR}],
        # NET_ADMIN: addresses. NET_RAW: VRRP and gratuitous ARP. SETGID: every script run begins with setgroups.
        # SYS_NICE: real-time scheduling, on a busy node it is run in time. IPC_LOCK: and never swapped.
        "securityContext": confined("NET_ADMIN", "NET_RAW", "SETGID", "SYS_NICE", "IPC_LOCK"),
        "volumeMounts": [mount(RUN, names.RUN_DIR)],
    }


def haproxy(cluster: HACluster, image: str, settings: Settings) -> Manifest:
    """Master and workers in the foreground; reloads come over the master socket."""
    return base("haproxy", image, settings, cluster.spec.resources.haproxy, {"cpu": "100m", "memory": "128Mi"}) | {
        "command": ["/usr/sbin/haproxy", "-W", "-db", "-S", names.HAPROXY_MASTER_SOCKET, "-f", names.HAPROXY_CFG],
        "lifecycle": _leave_in_order(cluster),
        # Starts as root for ports below 1024 and the sockets, then drops to its user inside a chroot. NET_RAW: `interface`
        # on older kernels. KILL: the master signals its workers, which are not root, at every reload.
        "securityContext": confined("NET_BIND_SERVICE", "SETUID", "SETGID", "SYS_CHROOT", "NET_RAW", "KILL"),
        # A minute without any answer is a hung process, which nothing but a restart mends. VRRP left it long before.
        "livenessProbe": {
            "exec": {"command": ["perl", "-MIO::Socket::UNIX", "-e", _ANSWERS]},
            "initialDelaySeconds": 10,
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "volumeMounts": [mount(RUN, names.RUN_DIR)],
    }


def rsyslog(cluster: HACluster, image: str, settings: Settings) -> Manifest:
    """Beside HAProxy, for the log target File."""
    return base("rsyslog", image, settings, None, {"cpu": "10m", "memory": "16Mi"}) | {
        "command": ["sh", "-c", script("rsyslog.sh")],
        "lifecycle": _leave_in_order(cluster),  # HAProxy logs to it until then
        "env": [{"name": "CONF", "value": names.RSYSLOG_CONF}],
        "securityContext": confined("NET_BIND_SERVICE"),
        "volumeMounts": [mount(RUN, names.RUN_DIR), mount(LOG, names.LOG_FILE)],
    }


def sysctl(cluster: HACluster, image: str, settings: Settings) -> Manifest:
    """Sets ip_nonlocal_bind while the pod lives. The one privileged container: /proc/sys is read-only to all others."""
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
    """The pod's volumes."""
    token = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]
    made: list[Manifest] = [
        {"name": RUN, "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
        # Optional: the pod comes up and reports its facts before anything can be configured.
        {"name": CONFIG, "configMap": {"name": names.config(cluster.metadata.name), "optional": True}},
        {"name": TOKEN, "projected": {"sources": token}},
    ]
    if cluster.spec.haproxy.log.target is LogTarget.FILE:
        made.append({"name": LOG, "hostPath": {"path": names.LOG_FILE, "type": "FileOrCreate"}})
    if cluster.spec.system.nonlocal_bind:
        made.append({"name": HOST_RUN, "hostPath": {"path": "/run", "type": "Directory"}})
    return made
