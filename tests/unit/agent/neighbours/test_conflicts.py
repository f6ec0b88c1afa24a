"""When another host's claim of a virtual IP that this node holds is a conflict."""

from hacluster.agent.neighbours.conflicts import Conflicts

HELD = ("eth0", "10.0.0.200")
MAC = "02:00:00:00:00:aa"


def test_a_claim_of_a_held_address_is_a_conflict() -> None:
    conflicts = Conflicts()
    conflicts.set_held([HELD], 10)
    conflicts.record_claim(*HELD, MAC, 12, solicited=False)
    assert conflicts.problems(12.5) == ()
    assert list(conflicts.doubtful(12.5)) == [HELD]
    conflicts.record_claim(*HELD, MAC, 12.51, solicited=True)  # the answer to the question
    assert not conflicts.doubtful(12.52)
    (problem,) = conflicts.problems(12.52)
    assert problem.reason == "AddressConflict"
    assert all(word in problem.message for word in (*HELD, MAC))


def test_announcements_alone_are_a_conflict_when_they_go_on() -> None:
    """Two nodes may have the address twice in a second while its router is changed; a host that has it answers the question."""
    conflicts = Conflicts()
    conflicts.set_held([HELD], 10)
    for at in (12, 12.6, 13.4):
        conflicts.record_claim(*HELD, MAC, at, solicited=False)
        assert conflicts.problems(at) == ()
    assert list(conflicts.doubtful(13.4)) == [HELD]
    conflicts.record_claim(*HELD, MAC, 13.6, solicited=False)
    assert conflicts.problems(13.6)


def test_a_conflict_lasts_as_long_as_it_recurs() -> None:
    conflicts = Conflicts()
    conflicts.set_held([HELD], 10)
    conflicts.record_claim(*HELD, MAC, 12, solicited=False)
    conflicts.record_claim(*HELD, MAC, 30, solicited=False)
    conflicts.set_held([HELD], 60)
    assert conflicts.problems(60)
    conflicts.set_held([HELD], 60.1)
    assert not conflicts.problems(60.1)


def test_one_burst_of_announcements_is_no_conflict_and_is_asked_about_for_three_seconds() -> None:
    """keepalived announces an address five times at once: here it had the address for a moment only."""
    conflicts = Conflicts()
    conflicts.set_held([HELD], 10)
    for number in range(5):
        conflicts.record_claim(*HELD, MAC, 12 + number / 1000, solicited=False)
    assert not conflicts.doubtful(12.3)
    conflicts.set_held([HELD], 15)
    assert list(conflicts.doubtful(15)) == [HELD] and conflicts.problems(15) == ()
    conflicts.set_held([HELD], 15.1)
    assert not conflicts.doubtful(15.1)


def test_the_last_announcements_of_the_previous_holder_are_no_conflict() -> None:
    conflicts = Conflicts()
    conflicts.set_held([HELD], 10)
    for number in range(9):
        conflicts.record_claim(*HELD, MAC, 10.1 + number / 10, solicited=False)
    assert conflicts.problems(20) == ()


def test_announcements_of_the_next_holder_are_no_conflict() -> None:
    conflicts = Conflicts()
    conflicts.set_held([HELD], 10)
    conflicts.record_claim(*HELD, MAC, 20, solicited=False)
    conflicts.set_held([], 20.02)
    conflicts.record_claim(*HELD, MAC, 20.5, solicited=False)
    assert conflicts.problems(20.6) == ()
    conflicts.set_held([HELD], 21)
    conflicts.record_claim(*HELD, MAC, 22.5, solicited=False)
    assert conflicts.problems(22.6) == ()


def test_claims_of_addresses_that_are_not_held_are_ignored() -> None:
    conflicts = Conflicts()
    conflicts.record_claim(*HELD, MAC, 5, solicited=False)
    conflicts.set_held([HELD], 10)
    for at in (12, 13):
        conflicts.record_claim("eth1", "10.0.0.200", MAC, at, solicited=False)
    assert conflicts.problems(20) == ()


def test_an_address_is_settled_after_a_second() -> None:
    """Only settled addresses are probed."""
    conflicts = Conflicts()
    conflicts.set_held([HELD], 10)
    assert list(conflicts.settled(10.9)) == []
    assert list(conflicts.settled(11.1)) == [HELD]
