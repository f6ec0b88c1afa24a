"""The child objects as a whole: which there are, owner, labels and hash, and that no change of a file restarts a pod."""

from typing import Any

import pytest

from hacluster import names
from hacluster.plan.digest import digest
from tests.unit.plan.clusters import cluster, nodes, plan, unknown
from tests.unit.plan.objects.lookup import find


def test_an_object_comes_after_those_that_it_needs() -> None:
    made = plan(cluster(), *nodes(1), unknown("x"))
    assert [(each["kind"], each["metadata"]["name"]) for each in made.objects] == [
        ("ServiceAccount", "web-agent"),
        ("Role", "web-agent"),
        ("RoleBinding", "web-agent"),
        ("HAClusterNode", "web.n1"),
        ("HAClusterNode", "web.x"),
        ("ConfigMap", "web-config"),
        ("ConfigMap", "web-apache"),
        ("DaemonSet", "web-lb"),
        ("DaemonSet", "web-apache"),
    ]


def test_without_apache_there_are_no_apache_objects() -> None:
    servers = [{"name": "s", "address": "10.0.0.1", "port": 80}]
    made = plan(cluster(apache=None, haproxy={"listeners": [{"name": "web", "port": 80, "backend": {"servers": servers}}]}))
    assert not [each for each in made.objects if each["metadata"]["name"] == "web-apache"]


def test_every_child_has_namespace_owner_labels_and_hash() -> None:
    made = plan(cluster(metadata={"namespace": "prod", "uid": "u-1"}))
    for each in made.objects:
        metadata = each["metadata"]
        assert metadata["namespace"] == "prod"
        assert metadata["ownerReferences"] == [
            {
                "apiVersion": names.API_VERSION,
                "kind": "HACluster",
                "name": "web",
                "uid": "u-1",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
        assert metadata["labels"] == names.labels("web", metadata["labels"][names.LABEL_COMPONENT])
        without_annotations = each | {"metadata": {key: value for key, value in metadata.items() if key != "annotations"}}
        assert metadata["annotations"] == {names.ANNOTATION_HASH: digest(without_annotations)}


def test_a_resource_without_a_uid_owns_no_child() -> None:
    assert all("ownerReferences" not in each["metadata"] for each in plan(cluster()).objects)


def test_only_the_hash_of_a_changed_object_changes() -> None:
    before, after = plan(cluster()), plan(cluster(nodes=[{"name": "n1", "priority": 99}]))
    changed = {
        (old["kind"], old["metadata"]["name"])
        for old, new in zip(before.objects, after.objects, strict=True)
        if old["metadata"]["annotations"] != new["metadata"]["annotations"]
    }
    assert changed == {("ConfigMap", "web-config")}


@pytest.mark.parametrize(
    "change",
    [
        {"nodes": [{"name": "n1", "priority": 99}]},
        {"virtualRouters": [{"virtualIPs": ["192.0.2.99/24"]}]},
        {"vrrp": {"check": {"type": "Process"}, "advertisementInterval": "1s"}},
        {"haproxy": {"maxConnections": 9, "listeners": [{"name": "other", "port": 81, "backend": {"apache": {}}}]}},
        {"apache": {"port": 9000, "page": "other"}},
        {"vrrp": {"peering": "Unicast"}},
    ],
)
def test_no_change_of_a_file_restarts_a_pod(change: dict[str, Any]) -> None:
    before, after = plan(cluster()), plan(cluster(**change))
    assert before.texts != after.texts
    for name in ("web-lb", "web-apache"):
        assert find(before, "DaemonSet", name) == find(after, "DaemonSet", name)


def test_another_node_restarts_no_pod() -> None:
    before, after = plan(cluster(), *nodes(2)), plan(cluster(), *nodes(3), unknown("x"))
    for name in ("web-lb", "web-apache"):
        assert find(before, "DaemonSet", name) == find(after, "DaemonSet", name)
