"""Nodes on which a static pod serves: who holds the virtual IP is known, nobody is waited for, and other files are named with the cure."""

from hacluster.plan.status.doubts import doubted_nodes
from tests.unit.plan.status.examples import NODES, VIP, ReportSequence, problem

SERVES = problem("StaticPod", "the static pod hacluster-web-node1 serves here")


def static(revision: str = "r1") -> ReportSequence:
    """Three nodes with static pods, of which node1 holds the virtual IP."""
    reports = ReportSequence()
    for name in NODES:
        reports.node_reports(name, holds=name == "node1", problems=(SERVES,), config_revision=revision)
    reports.report()
    return reports


def test_the_same_files_are_ready_and_only_warned_of() -> None:
    reports = static()
    assert reports.condition_state("Ready") == ("True", "Ready")
    assert reports.condition_state("Degraded")[0] == "False"
    assert reports.condition_state("Warning") == ("True", "StaticPod")
    assert "node1: the static pod hacluster-web-node1 serves here" in reports.condition("Warning").message
    assert [(each.address, each.holder) for each in reports.status.virtual_ips] == [(VIP, "node1")]


def test_other_files_are_named_with_the_cure_and_nobody_is_waited_for() -> None:
    reports = static("r0")
    assert reports.condition_state("Ready") == ("True", "Ready"), "the virtual IP is served"
    assert reports.condition_state("Reconciling")[0] == "False"
    assert reports.condition_state("Degraded") == ("True", "StaticPodDiffers")
    message = reports.condition("Degraded").message
    assert "node1: the static pod runs revision r0, and r1 follows from the resource" in message
    assert "hacluster render --static-pods" in message
    reports.advance(600)
    assert reports.report().doubted == ()


def test_a_static_pod_that_is_unfit_is_no_less_reported() -> None:
    reports = static()
    reports.node_reports("node3", problems=(SERVES, problem("HeldDown")))
    reports.report()
    assert reports.condition_state("Degraded") == ("True", "HeldDown")


def test_a_node_that_runs_other_files_without_a_static_pod_is_waited_for() -> None:
    reports = static()
    reports.node_reports("node3", config_revision="r0")
    reports.report()
    assert reports.condition_state("Reconciling")[0] == "True"
    assert doubted_nodes(tuple(reports.nodes.values()), ("node3",), reports.monotonic + 600) == ("node3",)
