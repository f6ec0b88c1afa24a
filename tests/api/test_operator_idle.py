"""The operator writes nothing to the API server while nothing changes, and nothing after a restart."""

import re
from collections import Counter

import pytest

from tests.api.apiserver import ApiServer
from tests.api.environment import Environment
from tests.api.operator_process import operator
from tests.waiting import assert_unchanged, eventually

pytestmark = pytest.mark.apiserver


def count_writes(server: ApiServer) -> Counter[str]:
    """How many requests the API server has received of the kinds by which the operator writes.

    A patch of a HAClusterNode asks its agent whether it still runs. Not counted are reports, which the test makes itself, and deletions
    and other patches, which the garbage collector may still make after other tests.
    """
    raw = server.kubectl("get", "--raw", "/metrics")
    counted: Counter[str] = Counter()
    for labels, value in re.findall(r"^apiserver_request_total\{([^}]*)\} (\S+)$", raw, re.MULTILINE):
        found = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        request = (found["verb"], found["resource"])
        asks = request == ("PATCH", "haclusternodes") and not found["subresource"]
        if asks or request[0] == "APPLY" or request in (("PATCH", "pods"), ("POST", "events")):
            counted[f"{found['verb']} {found['resource']}/{found['subresource']}"] += int(float(value))
    return counted


def test_nothing_is_written_while_nothing_changes(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        # The API server stores these quantities in another notation: 100m, 1Gi. The operator must not see that as drift.
        env.create(resources={"haproxy": {"requests": {"cpu": "0.1", "memory": "1024Mi"}}})
        env.settle()
        wait_until_no_writes(apiserver)
        before, counted = env.versions(), count_writes(apiserver)
        # The operator lists all objects again 10 s after the start.
        assert_unchanged(counted, lambda: count_writes(apiserver), seconds=14, every=1)
        assert env.versions() == before


def test_a_restart_writes_nothing(apiserver: ApiServer, env: Environment) -> None:
    with operator(apiserver, env.namespace):
        env.create()
        env.settle()
        wait_until_no_writes(apiserver)
        before, counted = env.versions(), count_writes(apiserver)
    with operator(apiserver, env.namespace):
        assert_unchanged(counted, lambda: count_writes(apiserver), seconds=6, every=1)
        assert env.versions() == before


def wait_until_no_writes(apiserver: ApiServer) -> None:
    """Waits until nothing is written for 1.5 seconds."""
    last = [count_writes(apiserver)]

    def check() -> None:
        now = count_writes(apiserver)
        same, last[0] = now == last[0], now
        assert same, "still writing"

    eventually(check, within=20, every=1.5)
