"""Which processes may own virtual IPs, and whether they are stopped, by a /proc that the test writes."""

from pathlib import Path

import pytest

from hacluster.agent.keepalived.process import Keepalived
from hacluster.agent.paths import Paths
from hacluster.agent.system import processes

PARENT, CHILD, NEXT = 10, 11, 12


class Proc:
    """Processes by id: name, state, parent."""

    def __init__(self, paths: Paths) -> None:
        self.rows: dict[int, tuple[str, str, int]] = {}
        paths.keepalived_pid.write_text(f"{PARENT}\n")

    def stat(self, pid: int, _: Path) -> tuple[str, str, int] | None:
        return self.rows.get(pid)

    def children(self, parent: int) -> tuple[int, ...]:
        return tuple(pid for pid, (_, state, of) in self.rows.items() if of == parent and state != "Z")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(run=tmp_path)


@pytest.fixture
def proc(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> Proc:
    made = Proc(paths)
    monkeypatch.setattr(processes, "_stat", made.stat)
    monkeypatch.setattr(processes, "children", made.children)
    return made


def test_a_child_that_outlives_its_parent_owns_the_addresses_until_it_has_ended(paths: Paths, proc: Proc) -> None:
    """It notices that its parent is gone, sends priority 0 and removes them itself."""
    keepalived = Keepalived(paths)
    proc.rows = {PARENT: ("keepalived", "S", 1), CHILD: ("keepalived", "S", PARENT)}
    assert keepalived.owners() == (CHILD,)
    proc.rows = {CHILD: ("keepalived", "S", 1)}
    assert keepalived.owners() == (CHILD,)
    proc.rows = {CHILD: ("keepalived", "Z", 1)}
    assert keepalived.owners() == ()
    proc.rows = {CHILD: ("bash", "S", 1)}
    assert keepalived.owners() == (), "another program got the id"


def test_a_child_that_its_parent_replaces_owns_nothing_any_more(paths: Paths, proc: Proc) -> None:
    keepalived = Keepalived(paths)
    proc.rows = {PARENT: ("keepalived", "S", 1), CHILD: ("keepalived", "S", PARENT)}
    keepalived.owners()
    proc.rows = {PARENT: ("keepalived", "S", 1), CHILD: ("keepalived", "Z", PARENT), NEXT: ("keepalived", "S", PARENT)}
    assert keepalived.owners() == (NEXT,)


def test_keepalived_is_stopped_when_all_its_children_are(paths: Paths, proc: Proc) -> None:
    keepalived = Keepalived(paths)
    assert not keepalived.stopped(), "it does not run"
    for state, expected in (("S", False), ("T", True), ("t", True), ("R", False)):
        proc.rows = {PARENT: ("keepalived", "T", 1), CHILD: ("keepalived", state, PARENT)}
        assert keepalived.stopped() is expected
