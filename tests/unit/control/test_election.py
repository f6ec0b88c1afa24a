"""The leader election: at most one operator acts at any time, whatever is stopped, lost or late."""

from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from hacluster.control.election import DEADLINE, DURATION, Election, Record


@dataclass
class Lease:
    """The Lease on the API server: a write with another version than the present one is refused."""

    record: Record | None = None
    writes: int = 0

    def write(self, seen: Record | None, holder: str) -> Record | None:
        if seen != self.record:
            return None
        self.writes += 1
        self.record = Record(holder, f"t{self.writes}", str(self.writes))
        return self.record


def look(election: Election, lease: Lease, now: float, *, lag: float = 0.0) -> None:
    """One round of `Leader._look`; the answer arrives `lag` seconds after the request was sent at `now`."""
    if not election.leads(now):
        election.observe(lease.record, now)
    if election.may_take(now):
        written = lease.write(election.record, election.identity)
        if written:
            election.took(written, now)
        else:
            election.observe(lease.record, now + lag)


def test_one_acts_and_the_other_waits_until_the_lease_has_not_changed_for_its_duration() -> None:
    lease, a, b = Lease(), Election("a"), Election("b")
    look(a, lease, 0)
    look(b, lease, 0)
    assert a.leads(0) and not b.leads(0)
    for now in range(2, 40, 2):
        look(a, lease, now)
        look(b, lease, now)
        assert a.leads(now) and not b.leads(now)
    for now in range(40, 38 + DURATION, 2):  # a was killed after its renewal at 38
        look(b, lease, now)
        assert not b.leads(now)
    look(b, lease, 38 + DURATION)
    assert b.leads(38 + DURATION)


def test_one_that_was_stopped_notices_before_it_writes() -> None:
    lease, a, b = Lease(), Election("a"), Election("b")
    look(a, lease, 0)
    look(b, lease, 0)
    assert not a.leads(DEADLINE), "before it has asked the API server"
    look(b, lease, DURATION)
    look(a, lease, DURATION + 1)
    assert b.leads(DURATION + 1) and not a.leads(DURATION + 1)


def test_one_that_was_stopped_goes_on_if_nobody_took_the_lease() -> None:
    lease, a = Lease(), Election("a")
    look(a, lease, 0)
    look(a, lease, 100)
    assert a.leads(100)


def test_a_released_lease_is_taken_at_once_and_so_is_ones_own() -> None:
    lease, a, b = Lease(), Election("a"), Election("b")
    look(a, lease, 0)
    look(b, lease, 1)
    lease.record = replace(lease.record, holder="", version="released") if lease.record else None
    look(b, lease, 2)
    assert b.leads(2)
    again = Election("b")
    look(again, lease, 3)
    assert again.leads(3)


def test_of_two_that_take_a_free_lease_at_once_one_gets_it() -> None:
    lease, a, b = Lease(), Election("a"), Election("b")
    for each in (a, b):
        each.observe(None, 0)
    first = lease.write(a.record, "a")
    assert first is not None and lease.write(b.record, "b") is None
    a.took(first, 0)
    look(b, lease, 0.1)
    assert a.leads(0.1) and not b.leads(0.1)


@dataclass
class Operator:
    election: Election
    stopped_until: float = 0.0
    cut_off_until: float = 0.0
    acted: list[float] = field(default_factory=list)


events = st.lists(
    st.tuples(st.sampled_from(["stop", "cut"]), st.integers(0, 2), st.integers(0, 300), st.integers(1, 60)), max_size=12
)


@settings(deadline=None)
@given(events)
def test_no_two_act_at_the_same_time(faults: list[tuple[str, int, int, int]]) -> None:
    lease, operators = Lease(), [Operator(Election(name)) for name in "abc"]
    for now in range(400):
        for kind, index, start, length in faults:
            if start == now:
                which = "stopped_until" if kind == "stop" else "cut_off_until"
                setattr(operators[index], which, now + length)
        running = [each for each in operators if each.stopped_until <= now]
        for position, each in enumerate(running):
            if (now + position) % 2 == 0 and each.cut_off_until <= now:
                look(each.election, lease, now)
        acting = [each.election.identity for each in running if each.election.leads(now)]
        assert len(acting) <= 1, (now, acting)
    if not any(start + length >= 370 for _, _, start, length in faults):
        assert acting, "somebody acts when all is well again"
