"""Makes the objects that give the agents access to the API server: to one HAClusterNode for each node, and to the Secrets that
the resource names.

All agents of a resource share one ServiceAccount, because a DaemonSet has one. The Role names every object, so an agent can
neither read nor change anything else in the namespace: of the Secrets it can read those that the resource names, and list none. Only
where a backend is a Service, agents may also read the namespace's Services and EndpointSlices: the names of the slices cannot be
known, and RBAC knows no labels. For the Services of other namespaces there are Roles in these (`service_access.py`).
"""

from collections.abc import Sequence

from hacluster import names
from hacluster.api import HACluster
from hacluster.api.secrets import named_secrets
from hacluster.api.spec import all_targets
from hacluster.plan.model import Manifest
from hacluster.plan.objects.children import child
from hacluster.plan.objects.service_access import READ_SERVICES


def access_objects(cluster: HACluster, nodes: Sequence[str], *, earlier_agents: bool = False) -> tuple[Manifest, ...]:
    """ServiceAccount, Role and RoleBinding of the agents, and one HAClusterNode for each node.

    RBAC cannot distinguish the agents, because they share one account. That none writes another node's status is the task of the
    admission policy of the chart and the manifests: it compares the node in the agent's token with the object.

    `earlier_agents`: agents of a version before HAClusterNode still run. They write their entries into the status of the HACluster.
    """
    cluster_name = cluster.metadata.name
    name = names.agent(cluster_name)
    objects = {names.node_object(cluster_name, node): node for node in nodes}
    rules = []
    if objects:
        # Without resourceNames the rules would allow every HAClusterNode of the namespace.
        rules.append(_rule(names.GROUP, [names.NODE_PLURAL], list(objects), ["get", "watch"]))
        rules.append(_rule(names.GROUP, [f"{names.NODE_PLURAL}/status"], list(objects), ["get", "patch"]))
    if secrets := secret_names(cluster):
        rules.append(_rule("", ["secrets"], secrets, ["get", "watch"]))
    if any(each.backend.service is not None and not each.service_namespace for _, each in all_targets(cluster.spec.haproxy)):
        rules += READ_SERVICES
    if earlier_agents:
        rules.append(_rule(names.GROUP, [f"{names.PLURAL}/status"], [cluster_name], ["get", "patch"]))
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": cluster.metadata.namespace}
    agent = names.COMPONENT_AGENT
    return (
        child(cluster, "v1", "ServiceAccount", name, agent, automountServiceAccountToken=False),
        child(cluster, "rbac.authorization.k8s.io/v1", "Role", name, agent, rules=rules),
        child(cluster, "rbac.authorization.k8s.io/v1", "RoleBinding", name, agent, roleRef=role, subjects=[subject]),
        *(
            child(cluster, names.API_VERSION, names.NODE_KIND, each, agent, spec={"cluster": cluster_name, "nodeName": node})
            for each, node in objects.items()
        ),
    )


def secret_names(cluster: HACluster) -> list[str]:
    """The Secrets that the resource names, sorted."""
    return sorted({each.name for each in named_secrets(cluster.spec)})


def _rule(group: str, resources: list[str], resource_names: list[str], verbs: list[str]) -> Manifest:
    return {"apiGroups": [group], "resources": resources, "resourceNames": resource_names, "verbs": verbs}
