"""keepalived is killed or stopped on the holder: what the agent does in its place, and what another keepalived makes of it."""

import re
import time
from datetime import datetime

import pytest

from hacluster import names
from hacluster.nodeconfig import Router
from tests.daemons.agent.node import Node
from tests.daemons.agent.other_host import OTHER_IP, OtherHost
from tests.daemons.agent.test_agent import assert_fast
from tests.daemons.agent.wanted import VIP, Wanted
from tests.waiting import eventually

pytestmark = pytest.mark.daemons

OWN = "172.16.7.153"
KEEPALIVED = "keepalived.conf"  # a name of the node's own: the other host shares its process ids
VRRP_PID = f"{names.RUN_DIR}/vrrp.pid"
MEMBER = Wanted(neighbours=(OTHER_IP,))
UNICAST = f"""\
vrrp_instance VI_1 {{
    unicast_src_ip {OWN}
    unicast_peer {{
        {OTHER_IP}
    }}
}}
"""


def assert_logged(other: OtherHost, text: str) -> None:
    log = other.run("cat", "/log/keepalived")
    assert text in log, f"{other.node.log('agent')[-2000:]}\n{log[-2000:]}"


@pytest.mark.parametrize(
    ("version", "interval", "vip", "prefix", "unicast"),
    [(3, 100, VIP, 24, False), (2, 1000, VIP, 24, False), (3, 100, VIP, 24, True), (3, 100, "fe80::10", 64, False)],
    ids=["version 3", "version 2", "unicast", "IPv6"],
)
def test_another_keepalived_accepts_the_final_advertisement(
    node: Node, other: OtherHost, version: int, interval: int, vip: str, prefix: int, unicast: bool
) -> None:
    """It is Master here: as a backup it would check the packet in the same way."""
    router = Router(
        name="VI_1",
        interface="eth0",
        priority=101,
        virtual_router_id=51,
        virtual_ips=(f"{vip}/{prefix}",),
        version=version,
        advertisement_interval_ms=interval,
    )
    seconds, peer = f"{interval / 1000:g}", OWN if unicast else ""
    other.start_keepalived(version=version, interval=seconds, vip=vip, prefix=prefix, unicast_peer=peer)

    def assert_accepted() -> None:
        """Sends again, as the node's link-local address may still be tentative."""
        node.run("python3", "/listening.py", "resign", router.model_dump_json(), UNICAST if unicast else "")
        assert_logged(other, "eceived priority 0")

    eventually(assert_accepted, within=10)


def test_the_next_node_takes_over_at_once_and_the_address_leaves_this_one(node: Node, other: OtherHost) -> None:
    other.start_keepalived(priority=50)
    node.start_all(MEMBER)
    times = []
    for _ in range(3):
        times.append(node.react("KILL", KEEPALIVED, "no-vip"))
        eventually(lambda: node.assert_entry(state="Stopped", priority=0, virtualIPs=[], problems=[]), within=5)
        assert_logged(other, "Backup received priority 0 advertisement")
        assert f" {VIP}/" in other.run("ip", "addr", "show", "dev", "eth0"), "the other one had taken over before"
        node.start_keepalived()
        eventually(lambda: node.assert_entry(state="Master", virtualIPs=[VIP]), within=10)
    print("taken over in", times, "ms")
    # The other one waits for its skew time, 80 ms. Without a final advertisement it would wait for three intervals more.
    assert_fast(times, 300)
    assert f"{OWN}/24" in node.run("ip", "addr", "show", "dev", "eth0")


def test_what_the_last_holder_sent_before_is_not_taken_for_another_holder(node: Node, other: OtherHost) -> None:
    """A busy agent, here one that is stopped, reads it when this node has long taken over; then keepalived is killed.

    An advertisement counts for four intervals. They are long here, so that the test meets that time for certain.
    """
    node.start_all(Wanted(neighbours=(OTHER_IP,), interval_ms=1000))
    other.start_keepalived(priority=200, interval="1")
    eventually(lambda: node.assert_entry(state="Backup", virtualIPs=[]), within=10)
    (agent,) = node.pids("hacluster")
    node.run("sh", "-c", f"kill -STOP {agent}")
    try:
        time.sleep(1.2)  # an advertisement arrives, and is not read
        other.kill_keepalived()
        node.wait_for("vip", 10)
        time.sleep(1.2)  # for one interval after the takeover, it could be an advertisement that crossed with this node's
    finally:
        node.run("sh", "-c", f"kill -CONT {agent}")
    eventually(lambda: node.assert_entry(state="Master", virtualIPs=[VIP]), within=2)
    node.react("KILL", KEEPALIVED, "gone=keepalived.conf")
    eventually(lambda: assert_resigned(node), within=5)


def assert_resigned(node: Node) -> None:
    assert "the final advertisement was sent in its place" in node.log("agent"), node.log("agent")


def addresses_over_time(host: Node | OtherHost) -> list[tuple[float, bool]]:
    """When the host's kernel got (True) or lost the virtual IP: seconds of the clock that both containers have."""
    found = []
    for at, line in re.findall(r"^\[(\S+)\] (.*)$", host.run("cat", "/log/addresses"), re.MULTILINE):
        if f" {VIP}/" in line:
            found.append((datetime.fromisoformat(at).timestamp(), not line.startswith("Deleted")))
    return found


def test_the_next_node_takes_over_at_once_when_only_the_vrrp_process_is_killed(node: Node, other: OtherHost) -> None:
    """Its parent lives, and starts another one within milliseconds, which removes the addresses and waits for three intervals."""
    other.start_keepalived(priority=50)
    node.start_all(MEMBER)
    for host in (node, other):
        host.start("addresses", "ip", "-ts", "-o", "monitor", "address")
    parent = node.run("cat", names.KEEPALIVED_PID)
    gaps = []
    for _ in range(3):
        count = len(addresses_over_time(other))
        node.react("KILL", VRRP_PID, "no-vip")
        eventually(lambda count=count: assert_more(addresses_over_time(other), count), within=5)  # type: ignore[misc]
        assert node.run("cat", names.KEEPALIVED_PID) == parent, "the parent was not replaced"
        eventually(lambda: node.assert_entry(state="Master", virtualIPs=[VIP], problems=[]), within=10)
        left = [at for at, held in addresses_over_time(node) if not held][-1]
        taken = [at for at, held in addresses_over_time(other) if held][-1]
        gaps.append(1000 * (taken - left))
    print("milliseconds between the one and the other:", gaps)
    assert sorted(gaps)[1] < 80 + 40, gaps  # the other one's skew time at most


def assert_more(found: list[tuple[float, bool]], count: int) -> None:
    assert len(found) > count


def test_where_nobody_takes_over_the_address_leaves_after_five_intervals(running: Node) -> None:
    assert 400 < running.react("KILL", "keepalived", "no-vip") < 1500
    eventually(lambda: running.assert_entry(state="Stopped", priority=0, virtualIPs=[]), within=5)
    running.start_keepalived()
    eventually(lambda: running.assert_entry(state="Master", virtualIPs=[VIP]), within=10)


def test_the_address_of_a_stopped_keepalived_leaves_when_another_has_taken_over(node: Node, other: OtherHost) -> None:
    other.start_keepalived(priority=50)
    node.start_all(MEMBER)
    took = node.react("STOP", KEEPALIVED, "no-vip")
    print("left after", took, "ms")
    assert 200 < took < 2000, "three intervals and the skew time: before that nobody else had it"
    assert f" {VIP}/" in other.run("ip", "addr", "show", "dev", "eth0")
    node.react("CONT", KEEPALIVED, "vip")
    eventually(lambda: node.assert_entry(state="Master", virtualIPs=[VIP], problems=[]), within=10)
    assert f" {VIP}/" not in other.run("ip", "addr", "show", "dev", "eth0")
