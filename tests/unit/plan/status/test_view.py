"""Nothing that a silent node said of itself is passed on as true."""

from datetime import timedelta

from hacluster.api.status import HAClusterStatus, Health, VrrpState
from hacluster.plan.status import stale, view
from hacluster.timing import SILENT_AFTER
from tests.unit.plan.status.examples import NODES, START, VIP, Stage


def stored(stage: Stage) -> HAClusterStatus:
    """As it stands in the cluster: the operator's part, and the nodes' own entries, whatever their age."""
    entries = tuple(seen.entry for seen in stage.nodes.values() if seen.entry)
    return stage.status.model_copy(update={"nodes": entries})


def settled() -> Stage:
    stage = Stage()
    stage.all_fit()
    stage.report()
    return stage


def test_a_holder_that_falls_silent_is_unknown_and_holds_nothing() -> None:
    stage = settled()
    stage.later(11, alive=("node2", "node3"))
    stage.report()
    assert stage.status.silent_nodes == ("node1",)
    raw = stored(stage)
    assert raw.nodes[0].routers[0].state is VrrpState.MASTER, "its own entry is left as it was"
    seen = {node.name: node for node in view(raw).status.nodes}
    assert seen["node1"].routers[0].state is VrrpState.UNKNOWN
    assert seen["node1"].routers[0].virtual_ips == ()
    assert (seen["node1"].haproxy, seen["node1"].apache) == (Health.UNKNOWN, Health.UNKNOWN)
    assert seen["node2"] == raw.nodes[1]


def test_a_silent_node_that_is_heard_again_is_believed_again() -> None:
    stage = settled()
    stage.later(11, alive=("node2", "node3"))
    stage.report()
    stage.later(1)
    stage.report()
    assert stage.status.silent_nodes == ()
    assert view(stored(stage)).status == stored(stage)


def test_without_an_operator_the_leases_tell() -> None:
    stage = settled()
    raw = stored(stage)
    assert raw.silent_nodes == ()
    shown = view(raw, {"node1"}).status
    assert (shown.vip_holder, shown.virtual_ips[0].holder, shown.virtual_ips[0].holders) == ("", "", ())
    assert shown.nodes[0].routers[0].state is VrrpState.UNKNOWN
    assert shown.silent_nodes == ("node1",)


def test_a_silent_node_is_no_part_of_a_split_brain() -> None:
    stage = settled()
    stage.says("node2", holds=True)
    stage.later(3)
    stage.report()
    assert stage.status.virtual_ips[0].holders == ("node1", "node2")
    assert view(stored(stage), {"node1"}).status.virtual_ips[0].holder == "node2"


def test_a_lease_that_is_too_old_or_was_never_renewed_is_stale() -> None:
    raw = stored(settled())
    renewed = {"node1": START - SILENT_AFTER, "node2": START - SILENT_AFTER + timedelta(milliseconds=1)}
    assert stale(raw, renewed, START) == {"node1", "node3"}


def test_a_node_that_never_reported_is_not_yet_silent() -> None:
    stage = Stage()
    stage.says("node1", holds=True)
    stage.nodes["node2"] = type(stage.nodes["node1"])("node2")
    stage.report()
    assert stage.status.silent_nodes == ()


def test_what_needs_attention() -> None:
    stage = settled()
    assert view(stored(stage)).attention == ()
    stage.says("node1", haproxy=Health.DOWN)
    stage.says("node2", holds=True)
    stage.report()
    assert [each.type for each in view(stored(stage)).attention] == ["Ready", "Degraded"]
    assert VIP in stage.condition("SplitBrain").message or stage.shows("SplitBrain")[0] == "False"
    assert set(NODES) == {node.name for node in view(stored(stage)).status.nodes}
