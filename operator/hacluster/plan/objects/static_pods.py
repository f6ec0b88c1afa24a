"""Makes the static pod of a node: the load balancer pod, as the kubelet runs it from its manifests folder without an API server.

The containers are those of the DaemonSet. What comes from the API server there comes from the node here: the configuration is a folder
of the node, names are written into the pod, and there is no token. `refusals` says what cannot work without an API server.
"""

from collections.abc import Iterable
from typing import Final

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.reasons import Reason
from hacluster.api.secrets import SecretKind, named_secrets
from hacluster.errors import Problem
from hacluster.plan.model import Manifest, Settings
from hacluster.plan.objects import containers
from hacluster.plan.objects.pods import lb_pod

FOLDER: Final = "/etc/hacluster"
"""Where the folders with the configuration are on a node."""
_CRITICAL: Final = 2_000_001_000
"""The priority of system-node-critical. Nobody looks the class up where there is no API server."""


def config_folder(cluster: HACluster, parent: str = FOLDER) -> str:
    """The folder on the node with the configuration. Neither a namespace nor a name has a dot, so each resource has its own."""
    return f"{parent.rstrip('/')}/{cluster.metadata.namespace}.{cluster.metadata.name}"


def manifest_file(cluster: HACluster) -> str:
    """Name of the file in the kubelet's manifests folder."""
    return f"hacluster-{cluster.metadata.namespace}.{cluster.metadata.name}.yaml"


def refusals(cluster: HACluster) -> tuple[Problem, ...]:
    """What the resource asks for that needs the API server, each with its field and a cure; empty: nothing."""
    return tuple(Problem(Reason.INVALID, f"spec.{field}", f"{why} {cure}") for field, why, cure in _needs(cluster))


def static_pod(cluster: HACluster, node: str, settings: Settings, parent: str = FOLDER) -> Manifest:
    """The pod of one node. `parent`: the folder on the node in which that with the configuration is."""
    pod = lb_pod(cluster, settings)
    del pod["serviceAccountName"]
    for container in (*pod["initContainers"], *pod["containers"]):
        if container["name"] == "agent":
            container["args"] = ["agent", "--static-pod"]
        container["volumeMounts"] = [each for each in container["volumeMounts"] if each["name"] != containers.TOKEN]
        if "env" in container:
            container["env"] = [_fixed(cluster, node, each) for each in container["env"]]
    config = {"name": containers.CONFIG, "hostPath": {"path": config_folder(cluster, parent), "type": "Directory"}}
    others = [each for each in pod["volumes"] if each["name"] not in {containers.CONFIG, containers.TOKEN}]
    labels = names.labels(cluster.metadata.name, names.COMPONENT_STATIC)
    del labels[names.LABEL_MANAGED_BY]
    common: Manifest = {
        "hostNetwork": True,
        "dnsPolicy": "Default",  # the cluster's own DNS may need this pod
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "priorityClassName": settings.priority_class,
        "priority": _CRITICAL,
    }
    metadata = {"name": names.static_pod(cluster.metadata.name), "namespace": cluster.metadata.namespace, "labels": labels}
    spec = common | pod | {"volumes": [*others, config]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _fixed(cluster: HACluster, node: str, variable: Manifest) -> Manifest:
    """The variable with its value, where the DaemonSet takes it from the pod.

    The node's name has to be that of the files. The pod's name has the node's at its end, as the kubelet gives it. The sysctl container
    of the operator's pod has a note of its own on the node: whichever pod ends first must not take the other's away.
    """
    values = {
        "HACLUSTER_NAMESPACE": cluster.metadata.namespace,
        "HACLUSTER_NODE": node,
        "HACLUSTER_POD": f"{names.static_pod(cluster.metadata.name)}-{node}",
        "OWNER": f"{cluster.metadata.namespace}_{cluster.metadata.name}_static",
    }
    name = variable["name"]
    return {"name": name, "value": values[name]} if name in values else variable


_SECRET_CURES: Final = {
    SecretKind.CERTIFICATE: "Use mode: TCP, which passes TLS on to the servers",
    SecretKind.AUTHORITY: "Use verify: None",
}


def _needs(cluster: HACluster) -> Iterable[tuple[str, str, str]]:
    """Field, why it cannot work, and the cure."""
    spec = cluster.spec
    if spec.apache is not None:
        yield "apache", "Apache has a pod of its own, which the operator makes.", "Name servers of your own in backend.servers"
    for secret in named_secrets(spec):
        field = secret.field.removeprefix("spec.")
        yield (
            field,
            "the value is in a Secret, and a static pod reads none.",
            _SECRET_CURES.get(secret.kind, "Leave the field out"),
        )
    if spec.haproxy.service_class is not None:
        yield "haproxy.serviceClass", "Services are on the API server.", "Name listeners in haproxy.listeners"
    for number, listener in enumerate(spec.haproxy.listeners):
        backends = [("backend", listener.backend)]
        backends += [(f"routes[{index}].backend", route.backend) for index, route in enumerate(listener.routes)]
        for field, backend in backends:
            if backend.service is not None:
                cure = "Name the servers in backend.servers, by address or host name"
                yield f"haproxy.listeners[{number}].{field}.service", "its endpoints are on the API server.", cure
