"""Connections whose packets arrive at a node that does not have them: only the holder of the virtual IP may reset one."""

import json
from typing import Any

import pytest
import yaml

from tests.dataplane.conftest import in_node_image, sample

pytestmark = pytest.mark.daemons


@pytest.fixture(scope="module", params=["every address", "the virtual IPs alone", "IPv6"])
def results(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The output of `packets.py`, with listeners on every address, on the virtual IPs alone, and with IPv6.

    The second kind tells known connections by connection tracking, the others by their sockets.
    """
    resource = yaml.safe_load(sample("minimal.yaml"))
    if request.param == "IPv6":
        resource["spec"]["virtualRouters"][0]["virtualIPs"] = ["2001:db8:16::200/64"]
    if request.param == "the virtual IPs alone":
        resource["spec"]["haproxy"]["listeners"][0]["bind"] = "VirtualIPs"
        resource["spec"]["system"] = {"nonlocalBind": True}
    resource["spec"]["vrrp"] = {"handover": {"drain": "3s"}}
    output = in_node_image("python", "/dataplane/packets.py", text=yaml.safe_dump(resource))
    document: dict[str, Any] = json.loads(output.splitlines()[-1])
    return document


def test_packets_that_arrive_at_a_backup_are_passed_on_to_the_holder(results: dict[str, Any]) -> None:
    assert results["backup"] == ["answered", "answered", "-"]


def test_a_backup_that_knows_no_holder_drops_packets_of_unknown_connections(results: dict[str, Any]) -> None:
    assert results["uninformed"] == ["answered", "silence", "answered"]


def test_an_ended_connection_from_the_same_port_does_not_count_as_known(results: dict[str, Any]) -> None:
    assert results["reused"] == ["answered", "answered"]


def test_nor_does_it_where_the_rules_were_loaded_right_before_the_move(results: dict[str, Any]) -> None:
    """On a node that is the holder it does for two seconds, because of handshakes that are under way."""
    assert results["fresh"] == ["answered", "answered"]


def test_after_the_drain_a_connection_is_reset_although_an_ended_one_had_the_same_port(results: dict[str, Any]) -> None:
    """The kernel answers for the ended one (TIME_WAIT), so the client would wait until it gives up by itself."""
    assert results["drained"] == ["answered", "ConnectionResetError"]


def test_so_it_is_where_another_program_has_removed_the_rules_in_the_meantime(results: dict[str, Any]) -> None:
    assert results["flushed"] == ["answered", "ConnectionResetError"]


def test_a_handshake_is_completed_with_the_holder_that_began_it(results: dict[str, Any]) -> None:
    assert results["halfOpen"] == "answered"


def test_a_handshake_is_completed_although_the_rules_are_loaded_again(results: dict[str, Any]) -> None:
    """The holder passes packets on to the one before it, and the record of handshakes is new."""
    assert results["reloaded"] == "answered"


def test_packets_of_another_nodes_connection_are_passed_on_while_both_have_the_virtual_ip(results: dict[str, Any]) -> None:
    """As after a change of a setting on which members have to agree. The node that lost would keep a connection that nobody uses: a
    later one of the same client and port, at the other node, would hang when the address comes back to it.
    """
    assert results["twoHolders"] == ["answered", "answered"]


def test_a_handshake_is_completed_although_another_node_begins_to_advertise(results: dict[str, Any]) -> None:
    """From then on the holder passes on packets that it does not know. It had recorded no handshakes before."""
    assert results["rival"] == "answered"
