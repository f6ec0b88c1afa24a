"""The Role and RoleBinding in other namespaces."""

from hacluster import names
from hacluster.plan.objects.service_access import granted_to, service_access_objects
from tests.unit.plan.clusters import cluster


def test_the_agents_of_one_resource_may_list_and_watch_services_and_their_endpoints() -> None:
    role, binding = service_access_objects(cluster("edge", metadata={"namespace": "ingress", "uid": "u1"}), "tenant")
    assert {each["metadata"]["namespace"] for each in (role, binding)} == {"tenant"}
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["services"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "edge-agent", "namespace": "ingress"}]
    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role["metadata"]["name"]}


def test_labels_say_whose_they_are_and_no_owner_is_named() -> None:
    """An owner in another namespace does not exist for the garbage collector: it would delete the object."""
    for each in service_access_objects(cluster("edge", metadata={"namespace": "ingress", "uid": "u1"}), "tenant"):
        labels = each["metadata"]["labels"]
        assert granted_to(labels) == ("ingress", "edge") and "ownerReferences" not in each["metadata"]
        assert names.LABEL_INSTANCE not in labels and labels[names.LABEL_MANAGED_BY] == names.OPERATOR_MANAGER
        assert all(len(value) <= 63 for value in labels.values())
    assert granted_to({names.LABEL_RESOURCE_NAME: "edge"}) is None and granted_to({}) is None


def test_no_two_resources_have_objects_of_one_name() -> None:
    assert names.service_access("a", "b-c") != names.service_access("a-b", "c")
    assert len(names.service_access("n" * 63, "c" * 40)) <= names.MAX_KEY
