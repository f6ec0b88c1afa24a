"""What the agents may do in the API: read their own resource, write its status, renew their Leases."""

from collections.abc import Sequence

from hacluster import names
from hacluster.api import HACluster
from hacluster.plan.model import Manifest
from hacluster.plan.objects.children import child
from hacluster.timing import LEASE_SECONDS


def access_objects(cluster: HACluster, nodes: Sequence[str]) -> tuple[Manifest, ...]:
    """ServiceAccount, Role and RoleBinding of the agents, and one Lease for each node.

    The server cannot tell one node's agent from another by its account; what an agent writes, it writes as its own field
    manager, so that nobody takes another's entry without force.
    """
    name = names.agent(cluster.metadata.name)
    leases = [names.lease(cluster.metadata.name, node) for node in nodes]
    rules = [_rule(names.GROUP, [names.PLURAL], [cluster.metadata.name], ["get"])]
    rules.append(_rule(names.GROUP, [f"{names.PLURAL}/status"], [cluster.metadata.name], ["get", "patch"]))
    if leases:
        # Without names the rule would hold for every Lease of the namespace.
        rules.append(_rule("coordination.k8s.io", ["leases"], leases, ["get", "patch"]))
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": cluster.metadata.namespace}
    agent = names.COMPONENT_AGENT
    return (
        child(cluster, "v1", "ServiceAccount", name, agent, automountServiceAccountToken=False),
        child(cluster, "rbac.authorization.k8s.io/v1", "Role", name, agent, rules=rules),
        child(cluster, "rbac.authorization.k8s.io/v1", "RoleBinding", name, agent, roleRef=role, subjects=[subject]),
        *(
            # Only the duration: who renews it and when is the agent's to write.
            child(cluster, "coordination.k8s.io/v1", "Lease", lease, agent, spec={"leaseDurationSeconds": LEASE_SECONDS})
            for lease in leases
        ),
    )


def _rule(group: str, resources: list[str], resource_names: list[str], verbs: list[str]) -> Manifest:
    return {"apiGroups": [group], "resources": resources, "resourceNames": resource_names, "verbs": verbs}
