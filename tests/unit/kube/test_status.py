"""`read_status` and `read_entry`: what is stored may be of another version, or wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.kube.status import read_entry, read_status


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


GOOD = {"name": "ens3", "addresses": ["172.16.7.1/24"]}


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"interfaces": [GOOD, {"name": "ens4", "addresses": ["fe80::1%ens4/64"]}]}, "interfaces.1.addresses.0"),
        ({"interfaces": [GOOD, {"addresses": []}]}, "interfaces.1.name"),
        ({"interfaces": [GOOD], "routers": [{"name": "VI_1", "state": "Asleep"}]}, "routers.0"),
        ({"interfaces": [GOOD], "routers": "none"}, "routers"),
        ({"interfaces": [GOOD], "lostNodes": ["a", "a"]}, "lostNodes"),
        ({"interfaces": [GOOD], "configRevision": 7}, "configRevision"),
    ],
)
def test_what_is_wrong_is_left_out_and_named(bad: dict[str, Any], field: str) -> None:
    entry = read_entry({"name": "node1", "haproxy": "Up", **bad}, "node1")
    assert entry.interfaces[0].addresses == ("172.16.7.1/24",) and entry.haproxy.value == "Up", "the rest is kept"
    assert entry.problems[0].reason == "UnreadableReport" and field in entry.problems[0].message


def test_an_entry_is_always_about_the_node_whose_agent_may_write_it() -> None:
    assert read_entry({"name": "node2", "haproxy": "Up"}, "node1").name == "node1"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "addresses", "state", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["name", "routers", "interfaces", "problems", "haproxy", "since", "lostNodes", "x"]), _JSON)
)
def test_whatever_is_stored_can_be_read(raw: dict[str, Any]) -> None:
    assert read_entry(raw, "node1").name == "node1"
