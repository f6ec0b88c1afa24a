"""Makes the Role and RoleBinding by which the agents of a resource read the Services and EndpointSlices of another namespace.

They are in that namespace, where RBAC looks for them. An object has no owner in another namespace, so labels name the resource, and
the operator removes what is not wanted any more (`control/service_access.py`).
"""

from collections.abc import Mapping
from typing import Final

from hacluster import names
from hacluster.api import HACluster
from hacluster.plan.digest import digest
from hacluster.plan.model import Manifest

_RBAC: Final = "rbac.authorization.k8s.io"
READ_SERVICES: Final[tuple[Manifest, ...]] = (
    {"apiGroups": [""], "resources": ["services"], "verbs": ["list", "watch"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
)
"""The rules by which agents follow Services. The names of EndpointSlices cannot be known."""


def service_access_objects(cluster: HACluster, namespace: str) -> tuple[Manifest, ...]:
    """Role and RoleBinding in this namespace, which is not the resource's own."""
    name = names.service_access(cluster.metadata.namespace, cluster.metadata.name)
    agent = {"kind": "ServiceAccount", "name": names.agent(cluster.metadata.name), "namespace": cluster.metadata.namespace}
    return (
        _object(cluster, namespace, "Role", rules=[dict(each) for each in READ_SERVICES]),
        _object(cluster, namespace, "RoleBinding", roleRef={"apiGroup": _RBAC, "kind": "Role", "name": name}, subjects=[agent]),
    )


def granted_to(labels: Mapping[str, str]) -> tuple[str, str] | None:
    """Namespace and name of the resource for whose agents an object with these labels was made; None: it is none of these objects."""
    found = labels.get(names.LABEL_RESOURCE_NAMESPACE, ""), labels.get(names.LABEL_RESOURCE_NAME, "")
    return found if all(found) else None


def _object(cluster: HACluster, namespace: str, kind: str, **content: object) -> Manifest:
    own = cluster.metadata
    metadata: Manifest = {
        "name": names.service_access(own.namespace, own.name),
        "namespace": namespace,
        # No instance label: a resource of the same name in that namespace would count it among its own objects.
        "labels": {
            names.LABEL_NAME: names.APP,
            names.LABEL_COMPONENT: names.COMPONENT_AGENT,
            names.LABEL_MANAGED_BY: names.OPERATOR_MANAGER,
            names.LABEL_RESOURCE_NAMESPACE: own.namespace,
            names.LABEL_RESOURCE_NAME: own.name,
        },
    }
    manifest: Manifest = {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": metadata, **content}
    metadata["annotations"] = {names.ANNOTATION_HASH: digest(manifest)}
    return manifest
