"""`view`: nothing that a silent node reported of itself is shown as true."""

from hacluster.api.status import HAClusterStatus, Health, VrrpState
from hacluster.plan.status import ObservedNode, view
from tests.unit.plan.status.examples import NODES, ReportSequence, settled


def stored(reports: ReportSequence) -> HAClusterStatus:
    """The status as the cluster has it: the operator's part, and the nodes' own entries, however old they are."""
    entries = tuple(seen.entry for seen in reports.nodes.values() if seen.entry)
    return reports.status.model_copy(update={"nodes": entries})


def test_a_holder_that_falls_silent_is_unknown_and_holds_nothing() -> None:
    reports = settled()
    reports.advance(11, alive=("node2", "node3"))
    reports.report()
    assert reports.status.silent_nodes == ("node1",)
    raw = stored(reports)
    assert raw.nodes[0].routers[0].state is VrrpState.MASTER, "the stored entry is unchanged"
    seen = {node.name: node for node in view(raw).status.nodes}
    assert set(seen) == set(NODES)
    assert seen["node1"].routers[0].state is VrrpState.UNKNOWN
    assert seen["node1"].routers[0].virtual_ips == ()
    assert (seen["node1"].haproxy, seen["node1"].apache) == (Health.UNKNOWN, Health.UNKNOWN)
    assert seen["node2"] == raw.nodes[1]


def test_a_silent_node_that_is_back_is_shown_again() -> None:
    reports = settled()
    reports.advance(11, alive=("node2", "node3"))
    reports.report()
    reports.advance(1)
    reports.report()
    assert reports.status.silent_nodes == ()
    assert view(stored(reports)).status == stored(reports)


def test_nodes_that_are_passed_as_silent_hold_nothing() -> None:
    reports = settled()
    raw = stored(reports)
    assert raw.silent_nodes == ()
    shown = view(raw, {"node1"}).status
    assert (shown.vip_holder, shown.virtual_ips[0].holder, shown.virtual_ips[0].holders) == ("", "", ())
    assert shown.nodes[0].routers[0].state is VrrpState.UNKNOWN
    assert shown.silent_nodes == ("node1",)


def test_a_silent_node_is_no_part_of_a_split_brain() -> None:
    reports = settled()
    reports.node_reports("node2", holds=True)
    reports.answers("node1")
    reports.advance(1)
    reports.report()
    assert reports.status.virtual_ips[0].holders == ("node1", "node2")
    assert view(stored(reports), {"node1"}).status.virtual_ips[0].holder == "node2"


def test_a_node_that_never_reported_is_not_yet_silent() -> None:
    reports = ReportSequence()
    reports.node_reports("node1", holds=True)
    reports.nodes["node2"] = ObservedNode("node2")
    reports.report()
    assert reports.status.silent_nodes == ()


def test_only_conditions_in_a_bad_state_need_attention() -> None:
    reports = settled()
    assert view(stored(reports)).attention == ()
    reports.node_reports("node1", haproxy=Health.DOWN)
    reports.node_reports("node2", holds=True)
    reports.report()
    assert [each.type for each in view(stored(reports)).attention] == ["Ready", "Degraded"]
