"""When another host's claim of a virtual IP that this node holds is a conflict."""

from hacluster.agent.neighbours.conflicts import Conflicts

HELD = ("eth0", "10.0.0.200")
MAC = "02:00:00:00:00:aa"


def test_a_claim_of_a_held_address_is_a_conflict() -> None:
    conflicts = Conflicts()
    conflicts.set_held([HELD], 10)
    conflicts.record_claim(*HELD, MAC, 12)
    assert conflicts.problems(12.4) == ()
    (problem,) = conflicts.problems(12.5)
    assert problem.reason == "AddressConflict"
    assert all(word in problem.message for word in (*HELD, MAC))


def test_a_conflict_lasts_as_long_as_it_recurs() -> None:
    conflicts = Conflicts()
    conflicts.set_held([HELD], 10)
    conflicts.record_claim(*HELD, MAC, 12)
    conflicts.record_claim(*HELD, MAC, 30)
    conflicts.set_held([HELD], 60)
    assert conflicts.problems(60)
    conflicts.set_held([HELD], 60.1)
    assert not conflicts.problems(60.1)


def test_the_last_announcements_of_the_previous_holder_are_no_conflict() -> None:
    conflicts = Conflicts()
    conflicts.set_held([HELD], 10)
    conflicts.record_claim(*HELD, MAC, 10.9)
    assert conflicts.problems(20) == ()


def test_announcements_of_the_next_holder_are_no_conflict() -> None:
    conflicts = Conflicts()
    conflicts.set_held([HELD], 10)
    conflicts.record_claim(*HELD, MAC, 20)
    conflicts.set_held([], 20.02)
    assert conflicts.problems(20.6) == ()
    conflicts.set_held([HELD], 21)
    assert conflicts.problems(22.6) == ()


def test_claims_of_addresses_that_are_not_held_are_ignored() -> None:
    conflicts = Conflicts()
    conflicts.record_claim(*HELD, MAC, 5)
    conflicts.set_held([HELD], 10)
    conflicts.record_claim("eth1", "10.0.0.200", MAC, 12)
    assert conflicts.problems(20) == ()


def test_an_address_is_settled_after_a_second() -> None:
    """Only settled addresses are probed."""
    conflicts = Conflicts()
    conflicts.set_held([HELD], 10)
    assert list(conflicts.settled(10.9)) == []
    assert list(conflicts.settled(11.1)) == [HELD]
