"""What is stored may be of another time: a newer agent's report, or what an older CRD let through."""

from hacluster.api import HACluster
from hacluster.control.resources import Resources
from hacluster.control.store import Store
from hacluster.errors import InvalidResource
from hacluster.kube.kinds import HACLUSTER
from hacluster.kube.status import read_status
from tests.unit.control.examples import resource
from tests.unit.control.test_planner import spec


def test_fields_of_a_newer_version_are_left_out() -> None:
    status = read_status({"vipHolder": "node1", "brandNew": 1, "nodes": [{"name": "node1", "haproxy": "Up", "brandNew": {}}]})
    assert status.vip_holder == "node1"
    assert status.nodes[0].haproxy.value == "Up"


def test_a_report_that_cannot_be_read_spoils_no_other() -> None:
    status = read_status({"nodes": [{"name": "node1", "haproxy": "Sideways"}, {"name": "node2", "haproxy": "Up"}]})
    assert [problem.reason for problem in status.nodes[0].problems] == ["UnreadableReport"]
    assert status.nodes[1].problems == ()


def test_a_status_that_cannot_be_read_is_as_if_never_written() -> None:
    assert read_status({"readyNodes": "many", "nodes": [{"name": "node1"}]}).nodes[0].name == "node1"


def test_an_invalid_spec_names_its_fields_and_keeps_its_status() -> None:
    store = Store()
    raw = resource(1, spec={**spec(1), "vrpp": {}})
    raw["status"]["vipHolder"] = "node1"
    store.put(HACLUSTER, raw)
    found = Resources(store).get("ns", "web")
    assert found is not None and isinstance(found.cluster, InvalidResource)
    assert [problem.field for problem in found.cluster.problems] == ["spec.vrpp"]
    assert found.status.vip_holder == "node1"


def test_a_resource_on_its_way_out_is_nobody_s_rival() -> None:
    store = Store()
    store.put(HACLUSTER, resource(1, name="one", uid="one", spec=spec(1)))
    store.put(HACLUSTER, resource(2, name="two", uid="two", spec=spec(2)))
    resources = Resources(store)
    assert [each.metadata.name for each in resources.others("ns", "two")] == ["one"]
    leaving = resource(3, name="one", uid="one", spec=spec(1))
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    store.put(HACLUSTER, leaving)
    assert resources.others("ns", "two") == []
    assert resources.get("ns", "one") is None


def test_a_namesake_is_parsed_anew() -> None:
    store = Store()
    resources = Resources(store)
    store.put(HACLUSTER, resource(1, uid="a", spec=spec(1)))
    first = resources.get("ns", "web")
    store.put(HACLUSTER, resource(2, uid="b", spec=spec(2)))
    second = resources.get("ns", "web")
    assert first and second and isinstance(second.cluster, HACluster)
    assert second.cluster.metadata.uid == "b"
    assert str(second.cluster.spec.virtual_routers[0].virtual_ips[0]) == "10.0.0.2/24"
