"""How long a HAProxy that has just started must not take virtual IPs."""

from hacluster.agent.haproxy.check_gate import LONGEST_WAIT, CheckGate
from hacluster.api.status import Health


def test_a_new_haproxy_waits_until_a_check_of_every_server_has_passed() -> None:
    gate = CheckGate(resumed=False)
    assert gate.update(Health.UNKNOWN, False, False, 0.0)
    assert gate.update(Health.UP, False, False, 1.0)
    assert gate.update(Health.UP, False, False, 1.1)
    assert not gate.update(Health.UP, True, False, 1.2)


def test_it_waits_again_after_it_was_down() -> None:
    gate = CheckGate(resumed=True)
    assert not gate.update(Health.UP, True, False, 0.0)
    assert not gate.update(Health.DOWN, False, False, 1.0)
    assert gate.update(Health.UP, False, False, 2.0)
    assert not gate.update(Health.UP, True, False, 2.5)


def test_the_wait_has_an_end() -> None:
    gate = CheckGate(resumed=False)
    assert gate.update(Health.UP, False, False, 5.0)
    assert gate.update(Health.UP, False, False, 5.0 + LONGEST_WAIT - 0.1)
    assert not gate.update(Health.UP, False, False, 5.0 + LONGEST_WAIT)


def test_a_node_that_reaches_fewer_servers_than_the_holder_goes_on_waiting() -> None:
    gate = CheckGate(resumed=False)
    late = 1.0 + LONGEST_WAIT
    assert not gate.is_overdue(late)
    assert gate.update(Health.UP, False, False, 1.0)
    assert not gate.is_overdue(late - 0.1) and gate.is_overdue(late)
    assert gate.update(Health.UP, False, True, late)
    assert gate.update(Health.UP, False, True, late + 100)
    assert not gate.update(Health.UP, False, False, late + 101)
    assert not gate.is_overdue(late + 102)
    assert not gate.update(Health.UP, False, True, late + 102)  # only a start makes a node wait


def test_a_node_with_every_server_up_waits_for_nobody() -> None:
    gate = CheckGate(resumed=False)
    assert not gate.update(Health.UP, True, True, 1.0)


def test_servers_that_a_reload_adds_keep_nothing_waiting() -> None:
    gate = CheckGate(resumed=False)
    assert not gate.update(Health.UP, True, False, 0.0)
    assert not gate.update(Health.UP, False, False, 1.0)


def test_a_restarted_agent_does_not_wait() -> None:
    gate = CheckGate(resumed=True)
    assert not gate.update(Health.UNKNOWN, False, False, 0.0)
    assert not gate.update(Health.UP, False, False, 0.1)
