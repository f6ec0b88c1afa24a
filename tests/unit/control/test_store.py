"""The cache, when events come late, twice or not at all."""

from hacluster.control.store import Store, key_of, slim
from hacluster.kube.kinds import CONFIG_MAP, HACLUSTER_NODE, NODE, POD
from tests.unit.control.examples import example_object, report


def test_a_newer_version_replaces_an_older_one_and_never_the_other_way_round() -> None:
    store = Store()
    store.put(CONFIG_MAP, example_object(version=5, data={"a": "new"}))
    assert not store.put(CONFIG_MAP, example_object(version=4, data={"a": "old"})).is_relevant
    assert store.get(CONFIG_MAP, "ns", "web-config")["data"] == {"a": "new"}  # type: ignore[index]
    assert store.put(CONFIG_MAP, example_object(version=10, data={"a": "newer"})).is_relevant  # versions are compared as numbers


def test_changes_of_version_renewal_or_node_heartbeat_are_not_relevant() -> None:
    store = Store()
    store.put(CONFIG_MAP, example_object(version=1, data={"a": "x"}))
    assert not store.put(CONFIG_MAP, example_object(version=2, data={"a": "x"})).is_relevant
    store.put(HACLUSTER_NODE, report(version=1, haproxy="Up"))
    assert not store.put(HACLUSTER_NODE, report(version=2, haproxy="Up")).is_relevant
    assert store.put(HACLUSTER_NODE, report(version=3, haproxy="Down")).is_relevant
    node = {"status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "1"}]}}
    store.put(NODE, example_object("node1", namespace="", version=1, **node))
    node["status"]["conditions"][0]["lastHeartbeatTime"] = "2"
    assert not store.put(NODE, example_object("node1", namespace="", version=2, **node)).is_relevant
    node["status"]["conditions"][0]["status"] = "Unknown"
    assert store.put(NODE, example_object("node1", namespace="", version=3, **node)).is_relevant


def test_a_deletion_removes_only_the_object_with_its_uid() -> None:
    store = Store()
    store.put(CONFIG_MAP, example_object(uid="old", version=1))
    store.put(CONFIG_MAP, example_object(uid="new", version=5))
    assert not store.remove(CONFIG_MAP, example_object(uid="old", version=4)).is_relevant
    assert store.get(CONFIG_MAP, "ns", "web-config") is not None
    assert store.remove(CONFIG_MAP, example_object(uid="new", version=6)).is_relevant
    assert store.get(CONFIG_MAP, "ns", "web-config") is None


def test_a_late_event_does_not_bring_a_deleted_object_back() -> None:
    store = Store()
    store.put(CONFIG_MAP, example_object(version=1))
    store.remove(CONFIG_MAP, example_object(version=3))
    assert not store.put(CONFIG_MAP, example_object(version=2)).is_relevant
    assert store.get(CONFIG_MAP, "ns", "web-config") is None


def test_an_object_whose_label_was_repaired_is_cached_again_and_stays() -> None:
    store = Store()
    store.put(CONFIG_MAP, example_object(version=1))
    store.remove(CONFIG_MAP, example_object(version=2, cluster=""))  # the watch sends DELETED: the selector matches no longer
    assert store.get(CONFIG_MAP, "ns", "web-config") is None
    assert store.put(CONFIG_MAP, example_object(version=3)).is_relevant  # the answer to the apply that repaired the label
    assert not store.remove(CONFIG_MAP, example_object(version=2, cluster="")).is_relevant  # the same event once more
    assert store.get(CONFIG_MAP, "ns", "web-config") is not None


def test_a_listing_shows_what_no_event_reported() -> None:
    store = Store()
    store.put(CONFIG_MAP, example_object("a", uid="a"))
    store.put(CONFIG_MAP, example_object("b", uid="b"))
    before = store.uids(CONFIG_MAP)
    store.put(CONFIG_MAP, example_object("c", uid="c", version=9))  # made while the listing was under way
    changes = store.replace(CONFIG_MAP, [example_object("a", uid="a", version=2, data={"x": "y"})], before)
    assert [each["metadata"]["name"] for each in store.all(CONFIG_MAP)] == ["a", "c"]
    assert {change.key[1] for change in changes if change.is_relevant} == {"a", "b"}


def test_cached_objects_are_reduced_to_the_fields_that_are_read() -> None:
    store = Store()
    container = {"name": "haproxy", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    store.put(POD, example_object("p", spec={"nodeName": "node1", "volumes": [1, 2]}, status={"containerStatuses": [container]}))
    pod = store.get(POD, "ns", "p")
    assert pod is not None
    assert (pod["node"], pod["waiting"]) == ("node1", ["ImagePullBackOff"])
    assert "spec" not in pod and "managedFields" not in pod["metadata"]


def test_a_pod_that_is_not_scheduled_belongs_to_the_node_for_which_it_was_made() -> None:
    match = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node1"]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [match]}}}
    assert slim(POD, example_object("web-lb-x", spec={"affinity": affinity}))["node"] == "node1"
    assert slim(POD, example_object("web-lb-x", spec={"affinity": affinity, "nodeName": "node2"}))["node"] == "node2"
    assert slim(POD, example_object("web-lb-x", spec={}))["node"] == ""


def test_the_objects_of_a_resource_follow_their_label() -> None:
    store = Store()
    store.put(CONFIG_MAP, example_object("a", version=1))
    store.put(CONFIG_MAP, example_object("b", uid="u2", version=2))
    store.put(CONFIG_MAP, example_object("a", version=3, cluster="other"))
    assert [key_of(each)[1] for each in store.of_resource(CONFIG_MAP, "ns", "web")] == ["b"]
    assert [key_of(each)[1] for each in store.of_resource(CONFIG_MAP, "ns", "other")] == ["a"]
    store.remove(CONFIG_MAP, example_object("b", uid="u2", version=4))
    assert list(store.of_resource(CONFIG_MAP, "ns", "web")) == []
