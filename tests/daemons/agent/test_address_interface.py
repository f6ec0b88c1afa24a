"""The agent and keepalived where VRRP speaks on one interface and the virtual IP is on another one."""

import pytest

from tests.daemons.agent.node import Node
from tests.daemons.agent.wanted import VIP, Wanted
from tests.waiting import eventually

pytestmark = pytest.mark.daemons


def start_with_vrrp_on_eth9(node: Node) -> None:
    """The virtual IP is on eth0. On return the node holds it."""
    node.run("ip", "link", "add", "eth9", "type", "veth", "peer", "name", "peer9")
    for command in ("link set peer9 up", "link set eth9 up", "addr add 10.9.0.1/24 dev eth9"):
        node.run("ip", *command.split())
    node.start_all(Wanted(interface="eth9"))


def test_the_virtual_ip_is_on_its_own_interface_and_a_fault_of_that_is_one_of_the_router(node: Node) -> None:
    start_with_vrrp_on_eth9(node)
    node.assert_entry(interface="eth9", addressInterface="eth0", problems=[])
    assert VIP in node.run("ip", "-4", "address", "show", "dev", "eth0")

    def forwarding_is_on_eth0() -> None:
        assert 'iifname "eth0" ip daddr 172.16.7.200' in node.run("nft", "list", "ruleset")
        assert f"to {VIP} iif eth0 ipproto tcp" in node.run("ip", "rule")

    eventually(forwarding_is_on_eth0, within=10)
    node.run("ip", "link", "set", "peer0", "down")  # the carrier of eth0
    eventually(lambda: node.assert_entry(state="Fault", virtualIPs=[]), within=10)
    node.run("ip", "link", "set", "peer0", "up")
    eventually(lambda: node.assert_entry(state="Master", virtualIPs=[VIP], problems=[]), within=10)


def test_what_a_killed_keepalived_leaves_there_is_removed(node: Node) -> None:
    start_with_vrrp_on_eth9(node)
    node.react("KILL", "keepalived", "no-vip")
