"""Endpoints of a Service as servers of a HAProxy that runs: none of their changes is a reload, and none fails a request."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from hacluster import names
from tests.daemons.agent.node import Node
from tests.daemons.agent.service_node import ServiceNode, pods, service, wanted
from tests.waiting import eventually

pytestmark = pytest.mark.daemons

SOON = 1000
"""Milliseconds in which a change of the endpoints has its effect."""


@pytest.fixture
def shop(node: Node) -> Iterator[ServiceNode]:
    """Two pods of the Service are ready."""
    made = ServiceNode(node)
    made.up(1, 2)
    yield made


def assert_servers(shop: ServiceNode, *numbers: int) -> None:
    assert {name.partition(":")[0] for name in shop.servers()} == pods(*numbers)


def test_endpoints_come_and_go_within_a_second_in_the_same_process(shop: ServiceNode) -> None:
    worker = shop.worker()
    assert shop.answers() == pods(1, 2)
    with shop.node.load() as load:
        came = float(shop.inside("effect", service(1, 2, 3), "127.0.1.3"))
        went = float(shop.inside("unused", service(2, 3), "127.0.1.1"))
        back = float(shop.inside("effect", service(1, 2, 3), "127.0.1.1"))
    print(f"came {came:.0f} ms, went {went:.0f} ms, back {back:.0f} ms")
    assert max(came, went, back) < SOON
    assert load.failed == 0 and load.done > 50
    assert shop.worker() == worker
    eventually(lambda: assert_servers(shop, 1, 2, 3), within=5)


def test_twenty_pods_are_replaced_one_after_the_other_under_load(node: Node) -> None:
    shop = ServiceNode(node)
    shop.up(*range(1, 21), pods=40)
    worker = shop.worker()
    with node.load() as load:
        new = set(json.loads(shop.inside("roll", "20")))
    assert load.failed == 0 and load.done > 200, node.log("haproxy")[-2000:]
    assert new == pods(*range(21, 41)) and shop.worker() == worker
    eventually(lambda: assert_servers(shop, *range(21, 41)), within=5)
    assert shop.answers(60) == new
    eventually(lambda: _assert_counts(shop, 20, 20), within=15)
    assert node.resident("hacluster") < 50_000


def _assert_counts(shop: ServiceNode, up: int, of: int) -> None:
    found = shop.listener()
    assert (found["serversUp"], found["servers"]) == (up, of), found


def test_a_pod_that_ends_drains_and_one_that_is_gone_finishes_its_requests(shop: ServiceNode) -> None:
    shop.put(1, ending=(2,))
    eventually(lambda: _assert_state(shop, 2, "DRAIN"), within=2)
    assert shop.answers() == pods(1)
    _assert_counts_soon(shop, 1, 1)
    assert shop.inside("slow", service(2)) == "127.0.1.1", "the pod is no endpoint any more, and answers all the same"
    eventually(lambda: assert_servers(shop, 2), within=5)


def _assert_counts_soon(shop: ServiceNode, up: int, of: int) -> None:
    eventually(lambda: _assert_counts(shop, up, of), within=15)


def _assert_state(shop: ServiceNode, number: int, state: str) -> None:
    assert shop.servers()[f"127.0.1.{number}:8080"].startswith(state)


def test_a_reload_and_a_killed_haproxy_come_with_the_endpoints(shop: ServiceNode) -> None:
    shop.put(2, 3)
    eventually(lambda: assert_servers(shop, 2, 3), within=5)
    with shop.node.load() as load:
        for revision, interval in (("r2", "300ms"), ("r3", "200ms")):
            worker = shop.worker()
            shop.node.want(wanted(revision, healthCheck={"interval": interval, "fastInterval": "200ms", "rise": 1, "fall": 1}))
            eventually(lambda revision=revision: shop.node.assert_entry(configRevision=revision), within=15)
            assert shop.worker() != worker and shop.answers() == pods(2, 3)
    assert load.failed == 0 and load.done > 20
    # The agent is stopped: what HAProxy starts with is in its file.
    (agent,) = shop.node.pids("hacluster")
    shop.node.run("sh", "-c", f"kill -STOP {agent}")
    shop.node.react("KILL", "haproxy", "gone=haproxy")
    shop.node.start_haproxy()
    eventually(lambda: _assert_answers(shop, 2, 3), within=10)
    shop.node.run("sh", "-c", f"kill -CONT {agent}")
    shop.put(1)
    eventually(lambda: assert_servers(shop, 1), within=5)


def _assert_answers(shop: ServiceNode, *numbers: int) -> None:
    assert shop.answers() == pods(*numbers)


def test_servers_and_service_replace_each_other_under_load(shop: ServiceNode) -> None:
    own = {"backend": {"servers": [{"name": "own", "address": "127.0.1.5", "port": 8080}]}}
    with shop.node.load() as load:
        for revision, listener, expected in (("r2", own, (5,)), ("r3", {}, (1, 2)), ("r4", own, (5,)), ("r5", {}, (1, 2))):
            shop.node.want(wanted(revision, **listener))
            eventually(lambda revision=revision: shop.node.assert_entry(configRevision=revision), within=15)
            _assert_answers(shop, *expected)
    assert load.failed == 0 and load.done > 20


def test_a_restarted_agent_goes_on_with_the_last_known_endpoints(shop: ServiceNode) -> None:
    shop.put(1, 3)
    eventually(lambda: assert_servers(shop, 1, 3), within=5)
    shop.node.run("rm", f"{names.RUN_DIR}/service-objects.json")  # as if no API server answered
    shop.node.react("KILL", "hacluster", "gone=hacluster")
    shop.node.start_agent()
    _assert_counts_soon(shop, 2, 2)
    shop.node.want(wanted("r2", cookie={"name": "S"}))
    eventually(lambda: shop.node.assert_entry(configRevision="r2"), within=15)
    assert shop.answers() == pods(1, 3)
    shop.put(2)
    eventually(lambda: assert_servers(shop, 2), within=10)


def test_what_others_do_to_the_servers_is_repaired(shop: ServiceNode) -> None:
    ask = "use IO::Socket::UNIX; $s = IO::Socket::UNIX->new(shift); print $s qq(@ARGV\\n); print while <$s>"
    for command in (
        "set server web/127.0.1.1:8080 state maint",
        "disable health web/127.0.1.2:8080",
        "del server web/127.0.1.1:8080",
    ):
        shop.node.run("perl", "-e", ask, names.HAPROXY_ADMIN_SOCKET, command)
    eventually(lambda: assert_servers(shop, 1, 2), within=5)
    eventually(lambda: _assert_state(shop, 1, "UP"), within=5)
    assert shop.node.entry()["problems"] == []


def test_a_service_that_goes_and_comes_is_a_problem_that_names_the_field(shop: ServiceNode) -> None:
    shop.remove_service()
    field = "spec.haproxy.listeners[0].backend.service"
    eventually(lambda: shop.node.assert_problem("ServiceUnusable", field, "Service shop", "no such Service"), within=5)
    eventually(lambda: _assert_no_endpoints(shop), within=5)
    shop.put(3)
    eventually(lambda: _assert_answers(shop, 3), within=5)
    assert shop.node.entry()["problems"] == []
    _assert_counts_soon(shop, 1, 1)
    shop.put()
    eventually(lambda: _assert_no_endpoints(shop), within=5)
    assert shop.node.entry()["problems"] == []


def _assert_no_endpoints(shop: ServiceNode) -> None:
    assert shop.listener() == {"name": "web", "port": 80, "serversUp": 0, "servers": 0, "lastCheck": "NO_ENDPOINTS"}
    assert shop.answers(2) == {"status 503"}


def test_pods_of_this_node_come_first_and_all_others_together_when_there_are_none(shop: ServiceNode) -> None:
    """As with `externalTrafficPolicy: Local`. The servers are added while HAProxy runs; the first three pods are on this node."""
    shop.node.want(replace(wanted("r2"), local_to="node1"))
    eventually(lambda: shop.node.assert_entry(configRevision="r2"), within=10)
    worker = shop.worker()
    for ready, used in (((1, 4, 5), (1,)), ((4, 5), (4, 5)), ((2, 4, 5), (2,))):
        shop.put(*ready)
        eventually(lambda used=used: _assert_answers(shop, *used), within=5)  # type: ignore[misc]
    assert shop.worker() == worker
    shop.node.want(wanted("r3"))
    eventually(lambda: _assert_answers(shop, 2, 4, 5), within=10)
