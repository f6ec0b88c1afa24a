"""What the daemons have loaded is compared with their files: somebody else may have made them load other ones."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hacluster import names
from tests.daemons.agent.node import Node
from tests.daemons.agent.wanted import VIP, Wanted
from tests.waiting import eventually

pytestmark = pytest.mark.daemons

NOTICED = 2.5
"""Seconds: a look every 0.8 s, the reload, and the test's own commands in the container."""
_ASK = "use IO::Socket::UNIX; $s = IO::Socket::UNIX->new(shift); print $s qq(@ARGV\\n); $s->shutdown(1); print while <$s>"


@contextmanager
def other_file(node: Node, file: str, expression: str) -> Iterator[None]:
    """Replaces an installed file for some milliseconds, which the agent does not see; the block makes a daemon load it.

    The agent is stopped for that long: a machine under load may take longer than the agent's next look.
    """
    agent = " ".join(map(str, node.pids("hacluster")))
    node.run("sh", "-c", f"kill -STOP {agent}")
    try:
        node.run("sh", "-c", f"cp {file} /log/kept && sed '{expression}' /log/kept >{file}")
        yield
        node.run("sh", "-c", f"cat /log/kept >{file}")
    finally:
        node.run("sh", "-c", f"kill -CONT {agent}")


def reload_haproxy(node: Node) -> str:
    return node.run("perl", "-e", _ASK, names.HAPROXY_MASTER_SOCKET, "reload")


def assert_answer(node: Node, text: str) -> None:
    assert node.ask() == text


def test_a_haproxy_that_was_reloaded_with_another_file_is_reloaded_with_its_own(running: Node) -> None:
    with other_file(running, names.HAPROXY_CFG, "s/string one/string other/"):
        assert "Success=1" in reload_haproxy(running)
        assert running.ask() == "other"
    eventually(lambda: assert_answer(running, "one"), within=NOTICED)
    eventually(lambda: running.assert_problem("ConfigurationRestored", "HAProxy", "haproxy.cfg"), within=5)
    running.assert_entry(haproxy="Up", state="Master", virtualIPs=[VIP])


def test_an_old_worker_after_a_failed_reload_is_of_the_file_and_stays(running: Node) -> None:
    before = running.pids("haproxy")
    with other_file(running, names.HAPROXY_CFG, "s/string one/& more/"):
        assert "Success=0" in reload_haproxy(running)
    eventually(lambda: running.assert_entry(haproxy="Up", problems=[]), within=5)
    assert running.ask() == "one" and running.pids("haproxy") == before


def test_a_keepalived_that_was_reloaded_with_another_file_is_reloaded_with_its_own(running: Node) -> None:
    with other_file(running, names.KEEPALIVED_CONF, "s/priority 101/priority 99/"):
        running.run("sh", "-c", f"kill -HUP $(cat {names.KEEPALIVED_PID}); sleep 0.3")
    eventually(lambda: running.assert_problem("ConfigurationRestored", "keepalived", "keepalived.conf"), within=NOTICED)
    eventually(lambda: running.assert_entry(priority=101, state="Master", virtualIPs=[VIP]), within=5)


def test_an_agent_that_was_killed_between_the_file_and_the_reload_goes_on(running: Node) -> None:
    """As in the middle of taking a refused configuration back: the good file is there again, and HAProxy runs with the other one."""
    running.want(Wanted("r2", text="two"))
    eventually(lambda: running.assert_entry(configRevision="r2", problems=[]), within=10)
    with other_file(running, names.HAPROXY_CFG, "s/string two/string other/"):
        assert "Success=1" in reload_haproxy(running)
    running.react("KILL", "hacluster", "gone=hacluster")
    running.start_agent()
    eventually(lambda: assert_answer(running, "two"), within=10)


def test_daemons_that_run_with_their_files_are_left_alone(running: Node) -> None:
    daemons = running.pids("haproxy") | running.pids("keepalived")
    running.run("sleep", "5")
    running.assert_entry(problems=[])
    assert running.pids("haproxy") | running.pids("keepalived") == daemons
    assert "Reloading" not in running.log("keepalived") and "differ" not in running.log("agent")
