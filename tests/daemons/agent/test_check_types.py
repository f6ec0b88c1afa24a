"""The check of HAProxy changes from one type to the other and back while everything runs, and the track file is spoilt."""

import pytest

from hacluster import names
from tests.daemons.agent.node import Node
from tests.daemons.agent.wanted import VIP, Wanted
from tests.waiting import eventually

pytestmark = pytest.mark.daemons


def test_the_node_keeps_the_virtual_ip_when_the_type_of_the_check_changes(node: Node) -> None:
    node.start_all(Wanted(http_check=False))
    for number, http_check in enumerate((True, False, True), start=2):
        node.want(Wanted(f"r{number}", http_check=http_check))
        eventually(lambda number=number: node.assert_entry(configRevision=f"r{number}", problems=[]), within=10)  # type: ignore[misc]
        node.assert_entry(state="Master", virtualIPs=[VIP], haproxy="Up")
    states = [router["state"] for entry in node.entries() for router in entry["routers"]]
    assert "Fault" not in states[states.index("Master") :]
    node.react("STOP", "haproxy", "track=1")  # the check that was chosen last works
    eventually(lambda: node.assert_entry(state="Fault", virtualIPs=[]), within=5)


def test_a_track_file_that_somebody_changes_is_repaired(running: Node) -> None:
    for command in (f"echo 1 >{names.TRACK_HAPROXY}", f"rm {names.TRACK_HAPROXY}"):
        running.run("sh", "-c", command)
        running.wait_for("track=0", 1)
        eventually(lambda: running.assert_entry(state="Master", virtualIPs=[VIP]), within=5)
