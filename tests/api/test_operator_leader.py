"""Two operators at once: one acts, the other takes over when that one ends, is killed, or is stopped."""

import signal
import time

import pytest

from tests.api.apiserver import ApiServer
from tests.api.environment import NODES, Environment
from tests.api.operator_process import OperatorProcess, operator
from tests.api.policies import deny_writes
from tests.waiting import assert_unchanged, eventually

pytestmark = pytest.mark.apiserver
ACTS = "this operator acts now"


def wait_until_it_acts(process: OperatorProcess, *, times: int = 1, within: float) -> None:
    def check() -> None:
        assert process.text().count(ACTS) >= times, process.text()[-2000:]

    eventually(check, within=within)


def test_one_acts_and_moves_are_counted_once(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace, HACLUSTER_IDENTITY="a") as first:
        wait_until_it_acts(first, within=10)
        with operator(apiserver, env.namespace, HACLUSTER_IDENTITY="b") as second:
            env.create()
            env.settle()
            for number, holder in enumerate(("node2", "node1", "node2"), start=1):
                for name in NODES:
                    env.report_loaded(name, holds=name == holder)
                env.wait_for_holder(holder)
                assert env.status()["virtualIPs"][0]["transitions"] == number

            def each_move_has_one_event() -> None:
                assert env.events().count("HolderChanged") == 4

            eventually(each_move_has_one_event, within=5)
            assert ACTS not in second.text()

            began = time.monotonic()
            first.terminate()
            wait_until_it_acts(second, within=5)
            assert time.monotonic() - began < 8
            env.change(haproxy={"retries": 7})
            env.wait_for_config("retries +7", within=5)


def test_one_that_cannot_renew_its_lease_acts_no_more_until_it_can(apiserver: ApiServer, env: Environment) -> None:
    """After the Lease's duration another one may act, so this one has to stop before, although it reaches the API server."""
    with operator(apiserver, env.namespace, HACLUSTER_LEASE_NAMESPACE=env.namespace) as process:
        wait_until_it_acts(process, within=10)
        env.create()
        env.settle()
        with deny_writes(env, "leases", {"metadata": {"name": "probe"}}, "denied by the test"):

            def it_has_stopped() -> None:
                assert "does not act any more" in process.text()

            eventually(it_has_stopped, within=20)
            before = env.child_versions()
            env.change(haproxy={"retries": 7})
            assert_unchanged(before, env.child_versions, seconds=3)
        wait_until_it_acts(process, times=2, within=10)
        env.wait_for_config("retries +7", within=5)


def test_one_that_was_stopped_writes_nothing_when_it_wakes_up(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace, HACLUSTER_IDENTITY="a") as first:
        wait_until_it_acts(first, within=10)
        env.create()
        env.settle()
        with operator(apiserver, env.namespace, HACLUSTER_IDENTITY="b") as second:
            first.process.send_signal(signal.SIGSTOP)
            wait_until_it_acts(second, within=25)
            env.report_loaded("node1")
            env.report_loaded("node2", holds=True)
            env.wait_for_holder("node2")
            first.process.send_signal(signal.SIGCONT)

            def it_has_noticed() -> None:
                assert "does not act any more; the Lease is held by b" in first.text()

            eventually(it_has_noticed, within=10)
            env.report_loaded("node2")
            env.report_loaded("node1", holds=True)
            env.wait_for_holder("node1")
            assert env.status()["virtualIPs"][0]["transitions"] == 2
            assert "applied" not in first.text().split("does not act any more")[1]
            second.kill()
            wait_until_it_acts(first, times=2, within=25)
            env.report_loaded("node1")
            env.report_loaded("node3", holds=True)
            env.wait_for_holder("node3")
