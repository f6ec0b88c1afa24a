"""`Resources`: cached HAClusters, also invalid ones and ones that are being deleted."""

from hacluster.api import HACluster
from hacluster.control.resources import Resources
from hacluster.control.store import Store
from hacluster.errors import InvalidResource
from hacluster.kube.kinds import HACLUSTER
from tests.unit.control.examples import resource, spec


def test_an_invalid_spec_names_its_fields_and_keeps_its_status() -> None:
    store = Store()
    raw = resource(1, spec={**spec(1), "vrpp": {}})
    raw["status"]["vipHolder"] = "node1"
    store.put(HACLUSTER, raw)
    found = Resources(store).get("ns", "web")
    assert found is not None and isinstance(found.cluster, InvalidResource)
    assert [problem.field for problem in found.cluster.problems] == ["spec.vrpp"]
    assert found.status.vip_holder == "node1"


def test_a_resource_that_is_being_deleted_is_not_listed_among_the_others() -> None:
    store = Store()
    store.put(HACLUSTER, resource(1, name="one", uid="one", spec=spec(1)))
    store.put(HACLUSTER, resource(2, name="two", uid="two", spec=spec(2)))
    resources = Resources(store)
    assert [each.metadata.name for each in resources.others("ns", "two")] == ["one"]
    deleted = resource(3, name="one", uid="one", spec=spec(1))
    deleted["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    store.put(HACLUSTER, deleted)
    assert resources.others("ns", "two") == []
    assert resources.get("ns", "one") is None


def test_a_new_resource_of_the_same_name_is_parsed_again() -> None:
    store = Store()
    resources = Resources(store)
    store.put(HACLUSTER, resource(1, uid="a", spec=spec(1)))
    first = resources.get("ns", "web")
    store.put(HACLUSTER, resource(2, uid="b", spec=spec(2)))
    second = resources.get("ns", "web")
    assert first and second and isinstance(second.cluster, HACluster)
    assert second.cluster.metadata.uid == "b"
    assert str(second.cluster.spec.virtual_routers[0].virtual_ips[0]) == "10.0.0.2/24"
