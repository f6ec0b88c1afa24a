"""The agent with real keepalived and HAProxy: what it installs, what it notices and how fast, and what it reports."""

import pytest

from hacluster import names
from hacluster.nodeconfig import Port
from tests.daemons.agent.node import OWN, Node
from tests.daemons.agent.wanted import VIP, Wanted
from tests.waiting import eventually

pytestmark = pytest.mark.daemons


def test_a_new_node_gets_its_configuration_and_then_the_virtual_ip(node: Node) -> None:
    node.start_agent()
    eventually(lambda: node.assert_entry(configRevision="", routers=[]), within=10)
    assert node.entry()["interfaces"] == [{"name": "eth0", "addresses": [OWN]}]
    node.want(Wanted())
    eventually(node.assert_ready, within=10)
    eventually(lambda: node.assert_entry(configRevision="r1", state="Stopped", virtualIPs=[], problems=[]), within=5)
    assert node.run("cat", names.TRACK_HAPROXY) == "1"  # keepalived starts in FAULT until HAProxy has answered
    node.start_keepalived()
    eventually(lambda: node.assert_entry(state="Fault", virtualIPs=[]), within=10)
    node.start_haproxy()
    entry = eventually(lambda: node.assert_entry(state="Master", virtualIPs=[VIP], priority=101, haproxy="Up"), within=10)
    assert entry["interfaces"] == [{"name": "eth0", "addresses": [OWN]}]  # the virtual IP is not the node's own


def test_the_agent_needs_at_most_50_mb(running: Node) -> None:
    assert running.resident("hacluster") <= 50 * 1024


def test_a_change_is_loaded_without_a_dropped_request(running: Node) -> None:
    daemons = running.pids("keepalived")
    with running.load() as load:
        for number in range(2, 6):
            running.want(Wanted(f"r{number}", text=f"number{number}"))
            eventually(lambda number=number: running.assert_entry(configRevision=f"r{number}", problems=[]), within=10)  # type: ignore[misc]
            assert running.ask() == f"number{number}"
    assert load.failed == 0 and load.done > 50
    assert running.pids("keepalived") == daemons
    assert "Reloading" not in running.log("keepalived")  # its file had not changed
    running.assert_entry(state="Master", virtualIPs=[VIP])
    states = {entry["routers"][0]["state"] for entry in running.entries()[-4:]}
    assert states == {"Master"}


def test_a_new_priority_is_loaded_and_reported(running: Node) -> None:
    daemons = running.pids("keepalived")
    running.want(Wanted("r2", priority=90))
    eventually(lambda: running.assert_entry(configRevision="r2", priority=90, state="Master"), within=10)
    assert running.pids("keepalived") == daemons
    running.react("STOP", "haproxy", "track=1")  # notifications still arrive after a reload
    eventually(lambda: running.assert_entry(state="Fault", priority=90, virtualIPs=[]), within=5)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted("r2", text="two", more="nonsense here"), ("haproxy.cfg", "nonsense")),
        (Wanted("r2", text="two", keepalived_more="vrrp_instance VI_2 {\n  nonsense\n}\n"), ("keepalived.conf", "nonsense")),
    ],
    ids=["haproxy", "keepalived"],
)
def test_a_bad_file_is_refused_and_nothing_changes(running: Node, wanted: Wanted, words: tuple[str, ...]) -> None:
    before = running.run("sha256sum", names.HAPROXY_CFG, names.KEEPALIVED_CONF)
    running.want(wanted)
    eventually(lambda: running.assert_problem("ConfigurationRefused", *words), within=10)
    running.assert_entry(configRevision="r1", state="Master", haproxy="Up", virtualIPs=[VIP])
    assert running.ask() == "one"
    assert running.run("sha256sum", names.HAPROXY_CFG, names.KEEPALIVED_CONF) == before
    running.want(Wanted("r3", text="three"))
    eventually(lambda: running.assert_entry(configRevision="r3", problems=[]), within=10)
    assert running.ask() == "three"


def test_a_reload_that_haproxy_refuses_is_undone(running: Node) -> None:
    """`haproxy -c` accepts an address that the node does not have; only the new worker fails to bind it."""
    running.want(Wanted("r2", text="two", more="bind 192.0.2.1:9090"))
    eventually(lambda: running.assert_problem("ConfigurationRefused", "haproxy.cfg", "192.0.2.1:9090"), within=15)
    assert running.ask() == "one"
    running.assert_entry(configRevision="r1")
    assert "192.0.2.1" not in running.run("cat", names.HAPROXY_CFG)
    eventually(lambda: running.assert_entry(haproxy="Up", state="Master"), within=5)


def test_a_port_in_use_prevents_the_first_start(node: Node) -> None:
    node.start("other", "python3", "-m", "http.server", "80")
    node.start_agent()
    eventually(lambda: listens(node, 80), within=10)
    node.want(Wanted())
    eventually(lambda: node.assert_problem("PortInUse", "port 80", "spec.haproxy.listeners[0].port"), within=10)
    assert node.run("ls", names.RUN_DIR).split().count("ready") == 0
    node.react("TERM", "http.server", "gone=http.server")
    eventually(node.assert_ready, within=5)
    eventually(lambda: node.assert_entry(configRevision="r1", problems=[]), within=5)


def test_a_new_port_that_is_in_use_is_reported_without_a_reload(running: Node) -> None:
    """HAProxy would pause every listener for two seconds before it gives up: it is not reloaded."""
    running.start("other", "python3", "-m", "http.server", "9090")
    eventually(lambda: listens(running, 9090), within=10)
    ports = (*Wanted().ports, Port(port=9090, field="spec.haproxy.stats.port"))
    with running.load() as load:
        running.want(Wanted("r2", text="two", more="bind *:9090", ports=ports))
        eventually(lambda: running.assert_problem("PortInUse", "port 9090", "spec.haproxy.stats.port"), within=10)
        assert running.ask() == "one"
        running.react("TERM", "http.server", "gone=http.server")
        eventually(lambda: running.assert_entry(configRevision="r2", problems=[]), within=10)
    assert load.failed == 0 and load.done > 10
    assert running.ask(port=9090) == "two"


def test_a_listener_changes_its_addresses_while_haproxy_runs(running: Node) -> None:
    """A new process of HAProxy binds one address of a port that the old one has on all addresses, and the reverse."""
    for revision, address in (("r2", ""), ("r3", "127.0.0.1"), ("r4", "")):
        ports = (*Wanted().ports, Port(port=9090, field="spec.haproxy.listeners[0].port", address=address))
        running.want(Wanted(revision, text=revision, more=f"bind {address or '*'}:9090", ports=ports))
        eventually(lambda revision=revision: running.assert_entry(configRevision=revision, problems=[]), within=10)  # type: ignore[misc]
        assert running.ask(port=9090) == revision


def listens(node: Node, port: int) -> None:
    assert node.run("ss", "-Hltn", f"sport = :{port}"), f"no process listens on {port}"


def assert_fast(times: list[float], limit: float) -> None:
    """Times and limit in milliseconds. The median counts, because a busy machine may delay one reaction."""
    print("reacted after", " ".join(f"{time:.0f}" for time in times), "ms")
    assert sorted(times)[len(times) // 2] < limit, times
    assert max(times) < 3 * limit, times


def test_a_killed_haproxy_is_a_fault_within_50_ms(running: Node) -> None:
    times = []
    for _ in range(3):
        times.append(running.react("KILL", "haproxy", "track=1"))
        eventually(lambda: running.assert_entry(haproxy="Down", state="Fault", virtualIPs=[]), within=5)
        running.start_haproxy()
        eventually(lambda: running.assert_entry(haproxy="Up", state="Master", virtualIPs=[VIP]), within=10)
    assert_fast(times, 50)


def test_a_hanging_haproxy_is_a_fault_within_600_ms(running: Node) -> None:
    times = []
    for _ in range(3):
        times.append(running.react("STOP", "haproxy", "track=1"))
        eventually(lambda: running.assert_entry(haproxy="Down", state="Fault", virtualIPs=[]), within=5)
        running.react("CONT", "haproxy", "track=0")
        eventually(lambda: running.assert_entry(haproxy="Up", state="Master"), within=10)
    assert_fast(times, 600)


def test_a_left_over_virtual_ip_is_removed_at_the_start(node: Node) -> None:
    node.run("ip", "addr", "add", f"{VIP}/24", "dev", "eth0")
    node.run("ip", "addr", "add", "172.16.7.201/24", "dev", "eth0")  # not a virtual IP of this resource
    node.start_agent()
    node.want(Wanted())
    node.wait_for("no-vip")
    assert "172.16.7.201/24" in node.run("ip", "addr", "show", "dev", "eth0")


def test_an_agent_that_is_killed_and_restarted_changes_nothing(running: Node) -> None:
    before = running.entry()
    daemons = running.pids("keepalived") | running.pids("haproxy")
    with running.load() as load:
        running.react("KILL", "hacluster", "gone=hacluster")
        running.start_agent()
        eventually(lambda: assert_logged_more_than(running, "agent 0.1.0 of node node1 starts", 1), within=10)
        eventually(lambda: assert_logged_more_than(running, "HAProxy is Up", 1), within=10)
    assert load.failed == 0
    eventually(lambda: assert_last_two_entries_are_equal(running), within=5)
    assert running.entry() == before  # to the microsecond
    assert running.pids("keepalived") | running.pids("haproxy") == daemons
    assert "Reloading" not in running.log("keepalived")
    assert running.run("cat", names.TRACK_HAPROXY) == "0"  # it may be written again, but with the same value
    running.wait_for("vip")


def assert_logged_more_than(node: Node, text: str, times: int) -> None:
    assert node.log("agent").count(text) > times, node.log("agent")


def assert_last_two_entries_are_equal(node: Node) -> None:
    *_, one, two = node.entries()
    assert one == two


def test_an_agent_that_ends_leaves_no_address(running: Node) -> None:
    """As when the pod ends: first the daemons, of which keepalived is killed here, then the agent."""
    running.react("KILL", "keepalived", "gone=keepalived")
    assert running.react("TERM", "hacluster", "gone=hacluster") < 2000
    running.wait_for("no-vip")
    running.assert_entry(state="Stopped", virtualIPs=[])


def test_an_agent_that_ends_leaves_the_address_of_a_living_keepalived(running: Node) -> None:
    assert running.react("TERM", "hacluster", "gone=hacluster") < 2000
    running.wait_for("vip")
