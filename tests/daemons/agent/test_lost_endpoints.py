"""Endpoints of a Service, and servers of the user, on a node that is lost: HAProxy's checks alone would need ten seconds here.

The other host is node2, and has a pod of the Service at an address of its own.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.daemons.agent.node import Node
from tests.daemons.agent.other_host import OTHER_IP, OtherHost
from tests.daemons.agent.service_node import INSIDE, ServiceNode, pods, wanted
from tests.waiting import eventually

pytestmark = pytest.mark.daemons

POD = "10.1.0.9"
SERVER = f"{POD}:8080"
SLOW = {"interval": "3s", "fastInterval": "3s", "rise": 1, "fall": 4}
SOON = 1.5
"""Seconds in which a lost node's endpoints leave. Each look at HAProxy takes some tenths of a second here."""


@pytest.fixture
def shop(node: Node, other: OtherHost) -> Iterator[ServiceNode]:
    """One pod is on this node and one on node2, which is seen."""
    other.run("ip", "addr", "add", f"{POD}/32", "dev", "eth0")
    node.run("ip", "route", "add", POD, "dev", "eth0")
    for address in (POD, OTHER_IP):
        other.start(f"pod-{address}", "python3", "-c", INSIDE.read_text(), "pod", address)
    made = ServiceNode(node)
    made.up(1, pods=1)
    node.want(replace(wanted("r2", healthCheck=SLOW), peers=(("node2", OTHER_IP),)))
    eventually(lambda: node.assert_entry(configRevision="r2"), within=10)
    made.put(1, elsewhere={POD: "node2"})
    eventually(lambda: _assert_status(made, "UP"), within=5)
    time.sleep(1)  # node2 has been asked, and has answered
    yield made


def lose(other: OtherHost) -> None:
    """Nothing reaches node2 any more. Its links keep their carrier."""
    other.run(
        "nft", "add table netdev lost; add chain netdev lost in { type filter hook ingress device eth0 priority 0; policy drop; }"
    )


def give_back(other: OtherHost) -> None:
    other.run("nft", "delete", "table", "netdev", "lost")


def _assert_status(shop: ServiceNode, status: str) -> None:
    assert shop.servers().get(SERVER, "absent").startswith(status), (shop.servers(), shop.node.log("agent")[-2000:])


def test_they_leave_at_once_and_come_back_by_haproxys_checks_and_so_the_next_time(shop: ServiceNode, other: OtherHost) -> None:
    assert shop.answers() == {*pods(1), POD}
    for _ in range(2):
        lose(other)
        eventually(lambda: _assert_status(shop, "DOWN"), within=SOON)
        assert shop.node.entry()["lostNodes"] == ["node2"]
        assert shop.answers() == pods(1)
        give_back(other)
        eventually(lambda: _assert_status(shop, "UP"), within=8)
        eventually(lambda: shop.node.assert_entry(lostNodes=[]), within=8)


def test_they_stay_while_their_own_addresses_answer(shop: ServiceNode, other: OtherHost) -> None:
    """The node is asked on one network; its pods may be reached over another one."""
    other.run("ip", "route", "add", "172.16.7.0/24", "dev", "eth0", "src", POD, "metric", "9")
    other.run("ip", "addr", "del", f"{OTHER_IP}/24", "dev", "eth0")
    eventually(lambda: shop.node.assert_entry(lostNodes=["node2"]), within=5)
    time.sleep(SOON)
    _assert_status(shop, "UP")
    assert shop.answers() == {*pods(1), POD}
    assert "node2 is gone" in shop.node.log("agent")


def test_the_last_one_stays(shop: ServiceNode, other: OtherHost) -> None:
    shop.put(elsewhere={POD: "node2"})
    eventually(lambda: _assert_only(shop), within=5)
    lose(other)
    eventually(lambda: shop.node.assert_entry(lostNodes=["node2"]), within=5)
    time.sleep(SOON)
    _assert_status(shop, "UP")


def _assert_only(shop: ServiceNode) -> None:
    assert set(shop.servers()) == {SERVER}


def test_one_on_a_node_that_is_not_known_is_left_to_the_checks(shop: ServiceNode, other: OtherHost) -> None:
    shop.put(1, elsewhere={POD: ""})
    lose(other)
    eventually(lambda: shop.node.assert_entry(lostNodes=["node2"]), within=5)
    time.sleep(SOON)
    _assert_status(shop, "UP")


def test_servers_of_the_user_with_an_address_of_the_node_leave_and_come_back_too(shop: ServiceNode, other: OtherHost) -> None:
    servers = [{"name": name, "address": each, "port": 8080} for name, each in (("here", "127.0.1.1"), ("there", OTHER_IP))]
    shop.node.want(replace(wanted("r3", healthCheck=SLOW, backend={"servers": servers}), peers=(("node2", OTHER_IP),)))
    eventually(lambda: shop.node.assert_entry(configRevision="r3"), within=10)
    eventually(lambda: _assert_servers(shop, here="UP", there="UP"), within=10)
    lose(other)
    eventually(lambda: _assert_servers(shop, here="UP", there="DOWN"), within=SOON)
    give_back(other)
    eventually(lambda: _assert_servers(shop, here="UP", there="UP"), within=8)


def _assert_servers(shop: ServiceNode, **expected: str) -> None:
    assert shop.servers() == expected, shop.node.log("agent")[-2000:]


def test_one_that_appears_while_its_node_is_lost_is_not_used(shop: ServiceNode, other: OtherHost) -> None:
    lose(other)
    eventually(lambda: _assert_status(shop, "DOWN"), within=SOON)
    shop.put(1)
    eventually(lambda: _assert_status(shop, "absent"), within=5)
    shop.put(1, elsewhere={POD: "node2"})
    eventually(lambda: _assert_status(shop, "DOWN"), within=SOON)
    assert shop.answers() == pods(1)
    give_back(other)
    eventually(lambda: _assert_status(shop, "UP"), within=8)
