"""Status shows where the virtual IPs are: moves with their reasons and durations, flapping, and split brain."""

from datetime import UTC, datetime, timedelta

import pytest

from hacluster.timestamps import format_timestamp
from tests.api.apiserver import ApiServer
from tests.api.environment import VIP, Environment
from tests.api.operator_process import operator
from tests.api.request import MERGE, call
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver


def test_a_move_is_shown_with_its_reason_and_counted(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        env.report_loaded("node1", state="Fault", haproxy="Down")
        env.report_loaded("node2", holds=True)
        env.wait_for_holder("node2")
        status = env.status()
        last = status["lastFailover"]
        assert (last["from"], last["to"], last["reason"]) == (env.node("node1"), env.node("node2"), "HAProxyDown")
        assert status["virtualIPs"][0]["transitions"] == 1
        env.wait_for_condition("Degraded", "True", "HAProxyDown")
        env.wait_for_condition("Ready", "False", "HAProxyDown")
        env.report_loaded("node2", holds=False)
        env.report_loaded("node1", holds=True)
        env.wait_for_holder("node1")
        assert env.status()["lastFailover"]["reason"] == "Preempted"
        assert env.status()["virtualIPs"][0]["transitions"] == 2
        env.wait_for_condition("Ready", "True")

        def events_are_complete() -> None:
            events = env.events()  # Events are written shortly after the status that they are about
            assert events.count("HolderChanged") == 3, events
            assert (events.count("Degraded"), events.count("Recovered")) == (1, 1), events
            assert events[0] == "Accepted" and events.count("ConfigurationApplied") >= 1, events

        eventually(events_are_complete, within=5)


def test_a_switchover_is_shown_with_its_duration(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        router = {"virtualIPs": [f"{VIP}/24"], "virtualRouterID": 51, "preferredNode": env.node("node2")}
        env.change(virtualRouters=[router])

        def holder_is_told_to_yield() -> None:
            for node in ("node2", "node3"):  # the holder gets its configuration after the others have loaded theirs
                env.report_loaded(node)
            assert all(router.yields for router in env.agent_config("node1").routers), env.agent_config("node1")

        eventually(holder_is_told_to_yield, within=15, every=0.3)
        env.report_loaded("node1")
        env.report_loaded("node2", holds=True)
        env.wait_for_holder("node2")

        def last_failover() -> dict[str, object]:
            last: dict[str, object] = env.status()["lastFailover"]
            assert last["reason"] == "Switchover", last
            return last

        assert "durationMilliseconds" not in eventually(last_failover, within=5)
        env.report_loaded("node2", holds=True, takeover=12)

        def duration_is_shown() -> None:
            assert env.status()["lastFailover"].get("durationMilliseconds") == 12, env.status()["lastFailover"]

        eventually(duration_is_shown, within=5)
        assert env.status()["virtualIPs"][0]["transitions"] == 1


def test_flapping_is_reported_survives_a_restart_and_ends_by_itself(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        for old, new in (("node1", "node2"), ("node2", "node1")) * 3:
            env.report_loaded(old)
            env.report_loaded(new, holds=True)
            env.wait_for_holder(new)  # status shows each move, although not each one has an Event
        condition = env.wait_for_condition("Degraded", "True", "Flapping")
        assert f"{VIP} moved 6 times within 60 s" in condition["message"]
        env.wait_for_condition("Ready", "True")
        eventually(lambda: assert_flapping_event(env), within=5)
        assert env.events().count("HolderChanged") == 4, "the first holder, and three moves"
    past = [format_timestamp(datetime.now(UTC) - timedelta(seconds=age)) for age in (57, 56, 55, 54)]
    vip = {**env.status()["virtualIPs"][0], "recentTransitions": past}
    call(apiserver, "PATCH", env.path("haclusters", "web", "status"), {"status": {"virtualIPs": [vip]}}, MERGE)
    with operator(apiserver, env.namespace):
        assert env.condition("Degraded")["reason"] == "Flapping"
        env.wait_for_condition("Degraded", "False", within=20)
        assert env.status()["virtualIPs"][0]["transitions"] == 6
        eventually(lambda: assert_one_event(env, "Settled"), within=5)
        assert_flapping_event(env)


def assert_flapping_event(env: Environment) -> None:
    assert_one_event(env, "Flapping")
    assert "Degraded" not in env.events(), env.events()


def assert_one_event(env: Environment, reason: str) -> None:
    assert env.events().count(reason) == 1, env.events()


def test_a_split_brain_is_shown_and_cleared(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        env.report_loaded("node2", holds=True)  # node1 still reports that it holds the virtual IP
        condition = env.wait_for_condition("SplitBrain", "True", "SeveralHolders", within=10)
        assert f"{VIP} is on {env.node('node1')} and {env.node('node2')}" in condition["message"]
        assert env.status()["virtualIPs"][0]["holders"] == [env.node("node1"), env.node("node2")]
        assert env.status()["vipHolder"] == ""
        env.wait_for_condition("Ready", "False", "SeveralHolders")
        env.report_loaded("node2", holds=False)
        env.wait_for_condition("SplitBrain", "False")
        env.wait_for_holder("node1")
        env.wait_for_condition("Ready", "True")
        eventually(lambda: assert_one_event(env, "SplitBrainHealed"), within=5)
        assert_one_event(env, "SplitBrain")
