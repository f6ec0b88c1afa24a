"""The agent's ears on a real segment: another machine with a kernel and a keepalived of its own."""

from collections.abc import Iterator

import pytest

from hacluster import names
from tests.daemons.agent.node import VIP, Node, Wanted
from tests.daemons.agent.station import OTHER, Station
from tests.waiting import eventually

pytestmark = pytest.mark.daemons

STRANGERS = Wanted(neighbours=("172.16.7.2",))
MEMBERS = Wanted(neighbours=(OTHER,))


@pytest.fixture
def station(node: Node) -> Iterator[Station]:
    """Another machine on the node's segment, on which nothing runs yet."""
    made = Station(node)
    try:
        made.up()
        yield made
    finally:
        made.down()


def assert_healthy(node: Node) -> None:
    node.assert_entry(problems=[], state="Master", virtualIPs=[VIP])


def reasons(node: Node) -> set[str]:
    """Everything that was ever complained of."""
    return {problem["reason"] for entry in node.entries() for problem in entry["problems"]}


def test_a_foreign_router_is_named_while_it_is_there(node: Node, station: Station) -> None:
    node.start_all(STRANGERS)
    station.start_keepalived(priority=200, vip="172.16.7.250")
    eventually(lambda: node.assert_problem("ForeignRouter", OTHER, "51", "eth0", "172.16.7.250", "priority 200"), within=10)
    node.assert_entry(state="Backup", virtualIPs=[])  # that is what such a router does
    station.stop_keepalived()
    eventually(lambda: assert_healthy(node), within=15)
    assert "takeoverMilliseconds" not in node.entry()["routers"][0], "a stranger is no holder"


def test_a_member_that_is_configured_differently_is_named(node: Node, station: Station) -> None:
    node.start_all(MEMBERS)
    station.start_keepalived(priority=200, vip="172.16.7.250")
    eventually(lambda: node.assert_problem("AdvertMismatch", OTHER, "VI_1", f"172.16.7.250 (here {VIP})"), within=15)
    station.stop_keepalived()
    eventually(lambda: assert_healthy(node), within=15)
    assert reasons(node) == {"AdvertMismatch"}


def test_a_member_of_another_version_is_named_and_is_the_holder_all_the_same(node: Node, station: Station) -> None:
    station.start_keepalived(version=2, interval="1")
    node.start_agent()
    node.want(MEMBERS)
    eventually(node.assert_ready, within=10)
    eventually(lambda: node.assert_problem("AdvertMismatch", OTHER, "version 2 (here 3)"), within=15)


def test_a_takeover_is_timed_and_what_the_dead_left_is_a_conflict(node: Node, station: Station) -> None:
    """keepalived and all are killed over there, and its kernel goes on answering for the address."""
    station.start_keepalived(priority=200)
    node.start_agent()
    node.want(MEMBERS)
    eventually(node.assert_ready, within=15)
    node.start_haproxy()
    node.start_keepalived()
    eventually(lambda: node.assert_entry(state="Backup", virtualIPs=[], problems=[]), within=15)
    assert reasons(node) == set(), "a member held the address rightly when this node started"
    station.kill_keepalived()
    entry = eventually(lambda: node.assert_entry(state="Master", virtualIPs=[VIP]), within=5)
    took = entry["routers"][0]["takeoverMilliseconds"]
    print("taken over in", took, "ms")
    assert 250 <= took <= 1000  # three intervals and the skew of its priority: 360 ms
    eventually(lambda: node.assert_problem("AddressConflict", VIP, station.mac(), "eth0"), within=10)
    assert node.entry()["routers"][0]["takeoverMilliseconds"] == took


def test_an_address_in_use_holds_the_first_start(node: Node, station: Station) -> None:
    station.take(VIP)
    node.start_agent()
    node.want(MEMBERS)
    eventually(lambda: node.assert_problem("AddressInUse", VIP, "eth0", station.mac()), within=10)
    assert node.run("ls", names.RUN_DIR).split().count("ready") == 0
    assert node.run("ls", names.RUN_DIR).split().count("keepalived.conf") == 0
    station.drop(VIP)
    eventually(node.assert_ready, within=5)
    eventually(lambda: node.assert_entry(configRevision="r1", problems=[]), within=5)


def test_nodes_that_start_at_once_do_not_hold_each_other_up(node: Node, station: Station) -> None:
    station.start("probes", "python3", "-c", _PROBES)
    node.start_agent()
    node.want(MEMBERS)
    eventually(node.assert_ready, within=10)
    assert reasons(node) == set()


_PROBES = f"""
import sys, time
sys.path.insert(0, "/source")
import asyncio
from hacluster.agent.neighbours.sockets import who_has
async def ask():
    while True: await who_has("eth0", ["{VIP}"])
asyncio.run(ask())
"""


def test_without_the_right_to_listen_everything_else_goes_on(node: Node) -> None:
    node.start_agent("-all,+net_admin")
    node.want(MEMBERS)
    eventually(node.assert_ready, within=10)
    node.start_haproxy()
    node.start_keepalived()
    eventually(lambda: node.assert_entry(state="Master", virtualIPs=[VIP], haproxy="Up", configRevision="r1"), within=15)
    node.assert_problem("CannotListen", "NET_RAW")
    assert node.log("agent").count("cannot hear advertisements") == 1


def test_an_ipv6_address_in_use_is_noticed(node: Node, station: Station) -> None:
    station.take("2001:db8::12:3456")
    said = node.run("python3", "/ears.py", "who-has", "eth0", "2001:db8::12:3456", "2001:db8::12:3457")
    assert said.split() == ["2001:db8::12:3456", station.mac()]


def test_ipv6_advertisements_are_heard(node: Node, station: Station) -> None:
    station.start_keepalived(priority=77, vip="fe80::10", prefix=64)
    said = node.run("python3", "/ears.py", "hear", "eth0", "51", "fe80::10", "5")
    assert said.split()[1:] == ["77", "fe80::10"] and said.startswith("fe80::")
