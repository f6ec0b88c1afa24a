"""`read_status`: a stored status may be of another version."""

from hacluster.kube.status import read_status


def test_fields_of_a_newer_version_are_left_out() -> None:
    status = read_status({"vipHolder": "node1", "brandNew": 1, "nodes": [{"name": "node1", "haproxy": "Up", "brandNew": {}}]})
    assert status.vip_holder == "node1"
    assert status.nodes[0].haproxy.value == "Up"


def test_an_invalid_entry_does_not_affect_the_others() -> None:
    status = read_status({"nodes": [{"name": "node1", "haproxy": "Sideways"}, {"name": "node2", "haproxy": "Up"}]})
    assert [problem.reason for problem in status.nodes[0].problems] == ["UnreadableReport"]
    assert status.nodes[1].problems == ()


def test_an_invalid_status_is_read_as_an_empty_one_with_its_entries() -> None:
    assert read_status({"readyNodes": "many", "nodes": [{"name": "node1"}]}).nodes[0].name == "node1"
