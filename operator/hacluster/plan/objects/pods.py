"""Makes the two DaemonSets: the load balancer (keepalived, HAProxy, agent) and Apache.

The pod templates contain no node's configuration, because a change of the template would restart the pods. Files arrive through
mounted ConfigMaps, and the daemons reload them.
"""

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.spec import LogTarget
from hacluster.plan.digest import digest
from hacluster.plan.model import Manifest, Settings
from hacluster.plan.objects import containers
from hacluster.plan.objects.children import child
from hacluster.plan.objects.scripts import script

_CONTENT = "content"


def lb_daemonset(cluster: HACluster, settings: Settings) -> Manifest:
    """The load balancer pods: keepalived, HAProxy and the agent on every selected node, in the host network."""
    return _daemonset(cluster, settings, names.lb(cluster.metadata.name), names.COMPONENT_LB, lb_pod(cluster, settings))


def lb_pod(cluster: HACluster, settings: Settings) -> Manifest:
    """What the load balancer pod has, apart from what all pods have."""
    image = cluster.spec.images.node or settings.node_image
    sidecars = [containers.agent(cluster, image, settings)]
    if cluster.spec.system.nonlocal_bind:
        sidecars.insert(0, containers.sysctl(cluster, image, settings))
    daemons = [containers.keepalived(cluster, image, settings), containers.haproxy(cluster, image, settings)]
    if cluster.spec.haproxy.log.target is LogTarget.FILE:
        daemons.append(containers.rsyslog(cluster, image, settings))
    return {
        # One process namespace: the agent has to signal the daemons, and keepalived's `killall -0 haproxy` has to find HAProxy.
        "shareProcessNamespace": True,
        "serviceAccountName": names.agent(cluster.metadata.name),
        "initContainers": sidecars,
        "containers": daemons,
        "volumes": containers.volumes(cluster),
        # Time for the handover and the drain, then for the daemons to stop, then for the agent, which cleans up after them.
        "terminationGracePeriodSeconds": max(30, containers.drain_seconds(cluster) + containers.HANDOVER_TIMEOUT + 15),
    }


def apache_daemonset(cluster: HACluster, settings: Settings) -> Manifest:
    """The Apache pods, on every selected node: not as root, without capabilities; only the run directory is writable."""
    assert cluster.spec.apache is not None
    image = cluster.spec.images.apache or cluster.spec.images.node or settings.node_image
    container = containers.base("apache", image, settings, cluster.spec.resources.apache, {"cpu": "50m", "memory": "64Mi"})
    container |= {
        "command": ["sh", "-c", script("apache.sh")],
        "env": [
            containers.from_field("HACLUSTER_NODE", "spec.nodeName"),
            {"name": "CONFIG_DIR", "value": names.CONFIG_DIR},
            {"name": "RUN_DIR", "value": names.RUN_DIR},
        ],
        # Any HTTP answer means ready, even an error: the content is the user's.
        "readinessProbe": {
            "exec": {"command": ["sh", "-c", _apache_probe()]},
            "periodSeconds": 5,
            "timeoutSeconds": 3,
        },
        "securityContext": containers.confined(),
        "volumeMounts": [
            containers.mount(containers.RUN, names.RUN_DIR),
            containers.mount(containers.CONFIG, names.CONFIG_DIR, read_only=True),
        ],
    }
    volumes: list[Manifest] = [
        {"name": containers.RUN, "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
        {"name": containers.CONFIG, "configMap": {"name": names.apache(cluster.metadata.name), "optional": True}},
    ]
    if cluster.spec.apache.content_config_map is not None:
        container["volumeMounts"].append(containers.mount(_CONTENT, names.CONTENT_DIR, read_only=True))
        volumes.append({"name": _CONTENT, "configMap": {"name": cluster.spec.apache.content_config_map.name}})
    pod: Manifest = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": names.APACHE_USER, "runAsGroup": names.APACHE_USER},
        "containers": [container],
        "volumes": volumes,
    }
    return _daemonset(cluster, settings, names.apache(cluster.metadata.name), names.COMPONENT_APACHE, pod)


def _apache_probe() -> str:
    """A shell command that requests a page from the address in the installed httpd.conf, whose port may change without a restart.

    From the first one: others follow while Apache still listens where HAProxy had its server before.
    """
    listen = f"sed -n '/^Listen /{{s///p;q;}}' {names.RUN_DIR}/httpd.conf"
    return f'curl --silent --globoff --max-time 2 --output /dev/null "http://$({listen})/"'


def _daemonset(cluster: HACluster, settings: Settings, name: str, component: str, pod: Manifest) -> Manifest:
    labels = names.labels(cluster.metadata.name, component)
    selector = {key: labels[key] for key in (names.LABEL_NAME, names.LABEL_INSTANCE, names.LABEL_COMPONENT)}
    common: Manifest = {
        "hostNetwork": True,
        "dnsPolicy": "ClusterFirstWithHostNet",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "nodeSelector": dict(cluster.spec.node_selector),
        "priorityClassName": settings.priority_class,
        "terminationGracePeriodSeconds": 30,
    }
    # The DaemonSet controller adds the tolerations that such pods need: not-ready, unreachable, pressure, unschedulable.
    if cluster.spec.tolerations:
        common["tolerations"] = [
            each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in cluster.spec.tolerations
        ]
    spec = {
        "selector": {"matchLabels": selector},
        # The operator deletes the pods one after the other itself: it knows which are fit, and which nodes are lost.
        "updateStrategy": {"type": "OnDelete"},
        "template": {
            "metadata": {"labels": labels, "annotations": {names.ANNOTATION_TEMPLATE: digest([labels, common | pod])}},
            "spec": common | pod,
        },
    }
    return child(cluster, "apps/v1", "DaemonSet", name, component, spec=spec)
