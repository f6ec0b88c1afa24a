"""The conditions when a node is not fit or a virtual IP has no holder."""

import pytest

from hacluster.api.reasons import Reason
from hacluster.api.status import Health, VrrpState
from hacluster.errors import Problem
from hacluster.plan.status import ObservedNode
from tests.unit.plan.status.examples import NODES, VIP, ReportSequence, problem, settled


@pytest.mark.parametrize(
    ("changes", "reason", "fit", "text"),
    [
        ({"haproxy": Health.DOWN}, "HAProxyDown", False, "node3: HAProxy does not answer"),
        ({"state": VrrpState.FAULT}, "RouterFault", False, "node3: keepalived is in FAULT (VI_1 on ens3)"),
        ({"state": VrrpState.STOPPED}, "KeepalivedDown", False, "node3: keepalived does not run"),
        ({"apache": Health.DOWN}, "ApacheDown", True, "node3: Apache does not answer"),
        ({"problems": (problem("ForeignRouter"),)}, "ForeignRouter", True, "node3: is wrong"),
        (
            {"config_revision": "r0", "problems": (problem("ConfigurationRefused"),)},
            "ConfigurationRefused", False, "node3: is wrong",
        ),
    ],
)  # fmt: skip
def test_one_node_with_a_problem_makes_the_resource_degraded(
    changes: dict[str, object], reason: str, fit: bool, text: str
) -> None:
    reports = settled()
    reports.node_reports("node3", **changes)  # type: ignore[arg-type]
    reports.report()
    assert reports.condition_state("Degraded") == ("True", reason)
    assert text in reports.condition("Degraded").message
    assert reports.status.vip_holder == "node1"
    assert reports.status.ready_nodes == (3 if fit else 2)
    assert reports.condition_state("Ready") == (("True", "Ready") if fit else ("False", reason))
    assert reports.event_reasons() == ["Degraded"]
    reports.node_reports("node3")
    reports.report()
    assert reports.condition_state("Degraded")[0] == "False"
    assert reports.event_reasons() == ["Recovered"]


def test_with_every_haproxy_down_the_virtual_ip_has_no_holder() -> None:
    reports = settled()
    for name in NODES:
        reports.node_reports(name, haproxy=Health.DOWN, state=VrrpState.FAULT)
    reports.report()
    assert reports.condition_state("Ready") == ("False", "NoHolder")
    assert f"nobody holds {VIP}" in reports.condition("Ready").message
    assert "node2: HAProxy does not answer" in reports.condition("Ready").message
    assert "NoHolder" in reports.event_reasons()


def test_a_virtual_ip_without_a_holder_is_not_ready_though_every_node_is_fit() -> None:
    reports = ReportSequence()
    reports.all_fit(holder="")
    reports.report()
    assert reports.condition_state("Ready") == ("False", "NoHolder")
    assert reports.condition_state("Reconciling") == ("False", "UpToDate")


def test_a_node_that_the_plan_leaves_out_is_degraded() -> None:
    reports = settled()
    left_out = Problem("NoInterface", "spec.virtualRouters[0]", "node3 has no interface in 172.16.7.0/24")
    reports.report(revisions={"node1": "r1", "node2": "r1"}, problems=(left_out,))
    assert reports.condition_state("Ready") == ("False", "NoInterface")
    assert reports.condition_state("Degraded") == ("True", "NoInterface")
    assert reports.status.ready_nodes == 2


def test_a_silent_node_is_named_with_what_kubernetes_says_of_it() -> None:
    reports = settled()
    reports.advance(11, alive=("node1", "node2"))
    reports.report()
    assert reports.condition_state("Degraded") == ("True", "NodeSilent")
    assert "node3: its agent is not heard any more, so its state is unknown" in reports.condition("Degraded").message
    assert reports.condition_state("Ready") == ("False", "NodeSilent")
    assert reports.status.vip_holder == "node1"


def test_missing_real_time_scheduling_is_a_warning_only() -> None:
    reports = settled()
    reports.node_reports("node2", problems=(problem(Reason.NO_REAL_TIME),))
    reports.report()
    assert reports.condition_state("Warning") == ("True", "NoRealTime")
    assert reports.condition("Warning").message == "node2: is wrong"
    assert reports.condition_state("Degraded")[0] == "False" and reports.condition_state("Ready") == ("True", "Ready")
    reports.node_reports("node2")
    reports.report()
    assert reports.condition_state("Warning")[0] == "False"


def test_a_node_without_a_pod_says_why() -> None:
    reports = settled()
    cause = "the node has the taint a:NoSchedule; add to spec.tolerations: {key: a, operator: Exists, effect: NoSchedule}"
    reports.nodes["node4"] = ObservedNode("node4", no_pod=cause)
    reports.report()
    assert reports.condition_state("Degraded") == ("True", "NoPod")
    assert f"node4 has no pod: {cause}" in reports.condition("Ready").message
