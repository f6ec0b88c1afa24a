"""The cache, when events come late, twice, or not at all."""

from hacluster.control.store import Store
from hacluster.kube.kinds import CONFIG_MAP, LEASE, NODE, POD
from tests.unit.control.examples import lease, thing


def test_newer_replaces_older_and_never_the_other_way_round() -> None:
    store = Store()
    store.put(CONFIG_MAP, thing(version=5, data={"a": "new"}))
    assert not store.put(CONFIG_MAP, thing(version=4, data={"a": "old"})).matters
    assert store.get(CONFIG_MAP, "ns", "web-config")["data"] == {"a": "new"}  # type: ignore[index]
    assert store.put(CONFIG_MAP, thing(version=10, data={"a": "newer"})).matters  # numbers, not text


def test_what_does_not_matter() -> None:
    store = Store()
    store.put(CONFIG_MAP, thing(version=1, data={"a": "x"}))
    assert not store.put(CONFIG_MAP, thing(version=2, data={"a": "x"})).matters
    store.put(LEASE, lease(renewed="2026-01-01T00:00:00Z", version=1))
    assert not store.put(LEASE, lease(renewed="2026-01-01T00:00:03Z", version=2)).matters
    node = {"status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "1"}]}}
    store.put(NODE, thing("node1", namespace="", version=1, **node))
    node["status"]["conditions"][0]["lastHeartbeatTime"] = "2"
    assert not store.put(NODE, thing("node1", namespace="", version=2, **node)).matters
    node["status"]["conditions"][0]["status"] = "Unknown"
    assert store.put(NODE, thing("node1", namespace="", version=3, **node)).matters


def test_a_deletion_removes_only_what_it_is_about() -> None:
    store = Store()
    store.put(CONFIG_MAP, thing(uid="old", version=1))
    store.put(CONFIG_MAP, thing(uid="new", version=5))
    assert not store.remove(CONFIG_MAP, thing(uid="old", version=4)).matters
    assert store.get(CONFIG_MAP, "ns", "web-config") is not None
    assert store.remove(CONFIG_MAP, thing(uid="new", version=6)).matters
    assert store.get(CONFIG_MAP, "ns", "web-config") is None


def test_a_late_word_about_the_deceased_does_not_raise_it() -> None:
    store = Store()
    store.put(CONFIG_MAP, thing(version=1))
    store.remove(CONFIG_MAP, thing(version=3))
    assert not store.put(CONFIG_MAP, thing(version=2)).matters
    assert store.get(CONFIG_MAP, "ns", "web-config") is None


def test_an_object_that_lost_our_label_and_got_it_back() -> None:
    store = Store()
    store.put(CONFIG_MAP, thing(version=1))
    store.remove(CONFIG_MAP, thing(version=2, cluster=""))  # the watch says DELETED: it matches no longer
    assert store.get(CONFIG_MAP, "ns", "web-config") is None
    assert store.put(CONFIG_MAP, thing(version=3)).matters  # the answer to our repair
    assert not store.remove(CONFIG_MAP, thing(version=2, cluster="")).matters  # the same word once more
    assert store.get(CONFIG_MAP, "ns", "web-config") is not None


def test_a_listing_shows_what_nobody_told() -> None:
    store = Store()
    store.put(CONFIG_MAP, thing("a", uid="a"))
    store.put(CONFIG_MAP, thing("b", uid="b"))
    before = store.uids(CONFIG_MAP)
    store.put(CONFIG_MAP, thing("c", uid="c", version=9))  # made while the listing was under way
    changes = store.replace(CONFIG_MAP, [thing("a", uid="a", version=2, data={"x": "y"})], before)
    assert [each["metadata"]["name"] for each in store.all(CONFIG_MAP)] == ["a", "c"]
    assert {change.key[1] for change in changes if change.matters} == {"a", "b"}


def test_slim_objects() -> None:
    store = Store()
    container = {"name": "haproxy", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    store.put(POD, thing("p", spec={"nodeName": "node1", "volumes": [1, 2]}, status={"containerStatuses": [container]}))
    pod = store.get(POD, "ns", "p")
    assert pod is not None
    assert (pod["node"], pod["waiting"]) == ("node1", ["ImagePullBackOff"])
    assert "spec" not in pod and "managedFields" not in pod["metadata"]
