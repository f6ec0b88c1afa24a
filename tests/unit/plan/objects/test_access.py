"""What the agents may do in the API server: ServiceAccount, token, Role and Leases."""

from hacluster.plan import make_plan
from tests.unit.plan.clusters import SETTINGS, cluster, nodes, plan
from tests.unit.plan.objects.lookup import containers, find, pod


def test_only_the_container_of_the_agent_has_a_token() -> None:
    made = plan(cluster())
    for name in ("web-lb", "web-apache"):
        assert pod(made, name)["automountServiceAccountToken"] is False
    assert find(made, "ServiceAccount", "web-agent")["automountServiceAccountToken"] is False
    containers_with_token = [
        each["name"]
        for each in containers(pod(made, "web-lb")).values()
        if any(mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount" for mount in each["volumeMounts"])
    ]
    assert containers_with_token == ["agent"]
    assert "serviceAccountName" not in pod(made, "web-apache")


def test_the_role_names_every_object_that_an_agent_may_use() -> None:
    rules = find(plan(cluster(), *nodes(2)), "Role", "web-agent")["rules"]
    assert [(rule["resources"], rule["resourceNames"], rule["verbs"]) for rule in rules] == [
        (["haclusters"], ["web"], ["get"]),
        (["haclusters/status"], ["web"], ["get", "patch"]),
        (["leases"], ["web-n1", "web-n2"], ["get", "patch"]),
    ]


def test_without_nodes_no_rule_allows_leases() -> None:
    made = make_plan(cluster(), (), SETTINGS)
    assert [rule["resources"] for rule in find(made, "Role", "web-agent")["rules"]] == [["haclusters"], ["haclusters/status"]]


def test_a_lease_has_no_field_that_an_agent_writes() -> None:
    assert find(plan(cluster()), "Lease", "web-n1")["spec"] == {"leaseDurationSeconds": 10}
