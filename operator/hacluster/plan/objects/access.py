"""Makes the objects that give the agents access to the API server: to their own resource, its status, and their Leases.

All agents of a resource share one ServiceAccount, because a DaemonSet has one. The Role names every object, so an agent can
neither read nor change anything else in the namespace.
"""

from collections.abc import Sequence

from hacluster import names
from hacluster.api import HACluster
from hacluster.plan.model import Manifest
from hacluster.plan.objects.children import child
from hacluster.timing import LEASE_SECONDS


def access_objects(cluster: HACluster, nodes: Sequence[str]) -> tuple[Manifest, ...]:
    """ServiceAccount, Role and RoleBinding of the agents, and one Lease for each node.

    RBAC cannot distinguish the agents, because they share one account. Each applies with a field manager of its own
    (`names.agent_manager`) and so owns its own entry only. That none writes another node's entry or Lease is the task of the
    admission policies of the chart and the manifests: they compare the node in the agent's token with the object.
    """
    name = names.agent(cluster.metadata.name)
    leases = [names.lease(cluster.metadata.name, node) for node in nodes]
    rules = [_rule(names.GROUP, [names.PLURAL], [cluster.metadata.name], ["get"])]
    rules.append(_rule(names.GROUP, [f"{names.PLURAL}/status"], [cluster.metadata.name], ["get", "patch"]))
    if leases:
        # Without resourceNames the rule would allow every Lease of the namespace.
        rules.append(_rule("coordination.k8s.io", ["leases"], leases, ["get", "patch"]))
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": cluster.metadata.namespace}
    agent = names.COMPONENT_AGENT
    return (
        child(cluster, "v1", "ServiceAccount", name, agent, automountServiceAccountToken=False),
        child(cluster, "rbac.authorization.k8s.io/v1", "Role", name, agent, rules=rules),
        child(cluster, "rbac.authorization.k8s.io/v1", "RoleBinding", name, agent, roleRef=role, subjects=[subject]),
        *(
            # Only the duration: holder and renewal time are fields of the agent.
            child(cluster, "coordination.k8s.io/v1", "Lease", lease, agent, spec={"leaseDurationSeconds": LEASE_SECONDS})
            for lease in leases
        ),
    )


def _rule(group: str, resources: list[str], resource_names: list[str], verbs: list[str]) -> Manifest:
    return {"apiGroups": [group], "resources": resources, "resourceNames": resource_names, "verbs": verbs}
