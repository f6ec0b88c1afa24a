"""keepalived's states and the kernel's addresses after somebody else has changed what they depend on."""

import pytest

from hacluster import names
from tests.daemons.agent.node import OWN, Node
from tests.daemons.agent.wanted import VIP, Wanted
from tests.waiting import eventually

pytestmark = pytest.mark.daemons


def holds(node: Node, within: float = 10) -> None:
    eventually(lambda: node.assert_entry(state="Master", virtualIPs=[VIP]), within=within)


def assert_exists(node: Node, file: str) -> None:
    assert node.run("ls", file, check=False), f"no {file}"


def test_a_lost_notification_is_noticed(running: Node) -> None:
    """keepalived goes on writing into a FIFO that nobody reads any more."""
    running.run("rm", names.NOTIFY_FIFO)
    eventually(lambda: assert_exists(running, names.NOTIFY_FIFO), within=5)
    running.react("STOP", "haproxy", "no-vip")
    eventually(lambda: running.assert_entry(state="Fault", virtualIPs=[], haproxy="Down"), within=5)
    running.react("CONT", "haproxy", "vip")
    holds(running)


def test_fault_without_a_cause_is_reported_with_keepalived_s_own_words(node: Node) -> None:
    """A track file that the agent does not know stands for whatever keepalived may have missed."""
    node.run("sh", "-c", f"echo 1 >{names.RUN_DIR}/other")
    node.start_agent()
    node.want(Wanted(keepalived_tracks=f"{names.RUN_DIR}/other"))
    eventually(node.assert_ready, within=15)
    node.start_haproxy()
    node.start_keepalived()
    eventually(
        lambda: node.assert_problem("RouterStuck", "VI_1", "State FAULT", "tracker faults 1", "Track file other has status 1"),
        within=15,
    )
    assert node.log("keepalived").count("Reloading") <= 2, "the agent reloads it once, and not again and again"
    node.run("sh", "-c", f"echo 0 >{names.RUN_DIR}/other")
    holds(node)
    eventually(lambda: node.assert_entry(problems=[]), within=5)


@pytest.mark.parametrize(
    ("away", "back"),
    [
        ((f"ip addr del {VIP}/24 dev eth0",), ()),
        (("ip link set eth0 down",), ("ip link set eth0 up",)),
        (("ip link set eth0 down", "ip link set eth0 name eth9"), ("ip link set eth9 name eth0", "ip link set eth0 up")),
        (("ip addr flush dev eth0",), (f"ip addr add {OWN} dev eth0",)),
        (
            ("ip link del eth0",),
            (
                "ip link add eth0 type veth peer name peer0",
                "ip link set peer0 up",
                "ip link set eth0 up",
                f"ip addr add {OWN} dev eth0",
            ),
        ),
    ],
    ids=["address", "down", "renamed", "flushed", "re-created"],
)
def test_the_virtual_ip_is_back_within_a_second(running: Node, away: tuple[str, ...], back: tuple[str, ...]) -> None:
    for _ in range(2):
        for command in away:
            running.run(*command.split())
        if back:
            running.wait_for("no-vip")
            eventually(lambda: running.assert_entry(virtualIPs=[]), within=5)
        for command in back:
            running.run(*command.split())
        running.wait_for("vip", 1 if not back else 3)
        holds(running)
    if back:
        running.assert_entry(problems=[])
    else:
        eventually(lambda: running.assert_problem("VirtualIPRemoved", "VI_1", "eth0"), within=3)
