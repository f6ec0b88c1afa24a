"""What the agent notices on its segment: advertisements and claims of another host with a kernel and a keepalived of its own."""

import pytest

from hacluster import names
from tests.daemons.agent.node import Node
from tests.daemons.agent.other_host import OTHER_IP, OtherHost
from tests.daemons.agent.wanted import VIP, Wanted
from tests.waiting import eventually

pytestmark = pytest.mark.daemons

NOT_A_MEMBER = Wanted(neighbours=("172.16.7.2",))
MEMBER = Wanted(neighbours=(OTHER_IP,))


def assert_healthy(node: Node) -> None:
    node.assert_entry(problems=[], state="Master", virtualIPs=[VIP])


def reasons(node: Node) -> set[str]:
    """The reasons of all problems in all entries so far."""
    return {problem["reason"] for entry in node.entries() for problem in entry["problems"]}


def test_a_foreign_router_is_reported_while_it_advertises(node: Node, other: OtherHost) -> None:
    node.start_all(NOT_A_MEMBER)
    other.start_keepalived(priority=200, vip="172.16.7.250")
    eventually(lambda: node.assert_problem("ForeignRouter", OTHER_IP, "51", "eth0", "172.16.7.250", "priority 200"), within=10)
    node.assert_entry(state="Backup", virtualIPs=[])  # the foreign router has the higher priority
    other.stop_keepalived()
    eventually(lambda: assert_healthy(node), within=15)
    assert "takeoverMilliseconds" not in node.entry()["routers"][0], "a foreign router is no previous holder"


def test_a_member_with_a_different_configuration_is_reported(node: Node, other: OtherHost) -> None:
    node.start_all(MEMBER)
    other.start_keepalived(priority=200, vip="172.16.7.250")
    eventually(lambda: node.assert_problem("AdvertMismatch", OTHER_IP, "VI_1", f"172.16.7.250 (here {VIP})"), within=15)
    other.stop_keepalived()
    eventually(lambda: assert_healthy(node), within=15)
    assert reasons(node) == {"AdvertMismatch"}


def test_a_member_with_another_vrrp_version_is_reported_and_still_counts_as_the_holder(node: Node, other: OtherHost) -> None:
    other.start_keepalived(version=2, interval="1")
    node.start_agent()
    node.want(MEMBER)
    eventually(node.assert_ready, within=10)
    eventually(lambda: node.assert_problem("AdvertMismatch", OTHER_IP, "version 2 (here 3)"), within=15)


def test_a_takeover_is_measured_and_an_address_left_on_the_previous_holder_is_a_conflict(node: Node, other: OtherHost) -> None:
    """The other host's keepalived is killed with its child, and its kernel goes on answering for the virtual IP."""
    other.start_keepalived(priority=200)
    node.start_agent()
    node.want(MEMBER)
    eventually(node.assert_ready, within=15)
    node.start_haproxy()
    node.start_keepalived()
    eventually(lambda: node.assert_entry(state="Backup", virtualIPs=[], problems=[]), within=15)
    assert reasons(node) == set(), "when this node started, a member was the holder of the address: that is no conflict"
    other.kill_keepalived()
    entry = eventually(lambda: node.assert_entry(state="Master", virtualIPs=[VIP]), within=5)
    took = entry["routers"][0]["takeoverMilliseconds"]
    print("taken over in", took, "ms")
    assert 250 <= took <= 1000  # three intervals and the skew of its priority: 360 ms
    eventually(lambda: node.assert_problem("AddressConflict", VIP, other.mac(), "eth0"), within=10)
    assert node.entry()["routers"][0]["takeoverMilliseconds"] == took


def test_an_address_in_use_prevents_the_first_start(node: Node, other: OtherHost) -> None:
    other.add_address(VIP)
    node.start_agent()
    node.want(MEMBER)
    eventually(lambda: node.assert_problem("AddressInUse", VIP, "eth0", other.mac()), within=10)
    assert node.run("ls", names.RUN_DIR).split().count("ready") == 0
    assert node.run("ls", names.RUN_DIR).split().count("keepalived.conf") == 0
    other.delete_address(VIP)
    eventually(node.assert_ready, within=5)
    eventually(lambda: node.assert_entry(configRevision="r1", problems=[]), within=5)


def test_probes_of_another_starting_node_do_not_prevent_the_start(node: Node, other: OtherHost) -> None:
    other.start("probes", "python3", "-c", _PROBES)
    node.start_agent()
    node.want(MEMBER)
    eventually(node.assert_ready, within=10)
    assert reasons(node) == set()


_PROBES = f"""
import sys, time
sys.path.insert(0, "/source")
import asyncio
from hacluster.agent.neighbours.sockets import probe_for
async def ask():
    while True: await probe_for("eth0", ["{VIP}"])
asyncio.run(ask())
"""


def test_without_net_raw_a_problem_is_reported_and_everything_else_works(node: Node) -> None:
    node.start_agent("-all,+net_admin")
    node.want(MEMBER)
    eventually(node.assert_ready, within=10)
    node.start_haproxy()
    node.start_keepalived()
    eventually(lambda: node.assert_entry(state="Master", virtualIPs=[VIP], haproxy="Up", configRevision="r1"), within=15)
    node.assert_problem("CannotListen", "NET_RAW")
    assert node.log("agent").count("cannot receive advertisements") == 1


def test_a_question_finds_the_host_with_an_ipv6_address(node: Node, other: OtherHost) -> None:
    other.add_address("2001:db8::12:3456")

    def assert_found() -> None:
        """Only once the node's link-local address is no longer tentative, there is a sender for the question."""
        output = node.run("python3", "/listening.py", "who-has", "eth0", "2001:db8::12:3456", "2001:db8::12:3457")
        assert output.split() == ["2001:db8::12:3456", other.mac()]

    eventually(assert_found, within=10)


def test_ipv6_advertisements_are_received(node: Node, other: OtherHost) -> None:
    other.start_keepalived(priority=77, vip="fe80::10", prefix=64)
    output = node.run("python3", "/listening.py", "receive", "eth0", "51", "fe80::10", "5")
    assert output.split()[1:] == ["77", "fe80::10"] and output.startswith("fe80::")
