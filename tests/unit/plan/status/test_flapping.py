"""A virtual IP that does not come to rest is named once, counted truly, and forgotten by itself."""

from datetime import timedelta
from itertools import cycle

import pytest

from hacluster.api.status import HAClusterStatus, Health
from tests.unit.plan.status.examples import VIP, Stage


def move(stage: Stage, after: float = 5.0) -> str:
    """The virtual IP goes from node1 to node2 or back; the new holder."""
    old, new = ("node1", "node2") if stage.status.virtual_ips[0].last_holder == "node1" else ("node2", "node1")
    stage.later(after)
    stage.says(old, holds=False)
    stage.says(new, holds=True)
    stage.report()
    return new


def flapping(moves: int = 4, every: float = 5.0) -> Stage:
    stage = Stage()
    stage.all_fit()
    stage.report()
    for _ in range(moves):
        move(stage, every)
    return stage


def test_three_moves_in_a_minute_are_a_rolling_upgrade() -> None:
    stage = flapping(3)
    assert stage.shows("Degraded")[0] == "False"
    assert stage.told() == ["HolderChanged"]


def test_the_fourth_move_in_a_minute_is_named_and_the_holder_stays_true() -> None:
    stage = flapping(3)
    holder = move(stage)
    assert stage.shows("Degraded") == ("True", "Flapping")
    assert stage.condition("Degraded").message.startswith(f"{VIP} moved 4 times within 60 s, last to {holder}")
    assert stage.told() == ["Flapping"]
    assert stage.status.vip_holder == holder
    assert stage.status.virtual_ips[0].transitions == 4
    assert stage.shows("Ready") == ("True", "Ready")  # it is served all the while
    holder = move(stage)
    assert stage.status.vip_holder == holder
    assert "moved 5 times" in stage.condition("Degraded").message
    assert stage.told() == []


def test_slow_moves_are_not_flapping() -> None:
    stage = flapping(10, every=20.1)  # three in any minute
    assert stage.shows("Degraded")[0] == "False"
    assert stage.told() == ["HolderChanged"]


def test_it_ends_by_itself_a_minute_after_the_last_move() -> None:
    stage = flapping()
    assert stage.last is not None
    stage.later(59)
    before = stage.status
    look = stage.report().look_again
    assert look == stage.now + timedelta(seconds=1)
    assert stage.status == before, "time alone changes nothing in between"
    stage.later(1)
    stage.report()
    assert stage.shows("Degraded")[0] == "False"
    assert stage.status.virtual_ips[0].flapping_since is None
    assert stage.told() == ["Settled"]
    assert stage.last.news[0].message == f"{VIP} has not moved for 60 s, it is on node1"
    stage.later(5)
    stage.report()
    assert stage.told() == []


def test_moves_now_and_then_do_not_end_it() -> None:
    stage = flapping()
    since = stage.status.virtual_ips[0].flapping_since
    for _ in range(5):
        move(stage, 45)  # fewer than four in a minute, but no rest either
        assert stage.shows("Degraded") == ("True", "Flapping")
        assert stage.told() == []
    assert stage.status.virtual_ips[0].flapping_since == since


def test_what_is_remembered_is_bounded() -> None:
    stage = flapping(40, every=1)
    assert len(stage.status.virtual_ips[0].recent_transitions) == 16
    assert "moved at least 16 times within 60 s" in stage.condition("Degraded").message


def test_it_survives_a_restart_of_the_operator() -> None:
    stage = flapping(3)
    read = HAClusterStatus.model_validate(stage.last.document() if stage.last else {})
    restarted = Stage(now=stage.now, status=read, nodes=dict(stage.nodes))
    move(restarted)
    assert restarted.shows("Degraded") == ("True", "Flapping")
    again = Stage(now=restarted.now, status=restarted.status, nodes=dict(restarted.nodes))
    again.report()
    assert again.told() == []
    again.later(60)
    again.report()
    assert again.told() == ["Settled"]


def test_other_troubles_are_told_when_it_is_over() -> None:
    stage = flapping()
    stage.says("node3", haproxy=Health.DOWN)
    stage.report()
    assert stage.shows("Degraded") == ("True", "Flapping")
    assert "node3: HAProxy does not answer" in stage.condition("Degraded").message
    assert stage.told() == []
    stage.later(60)
    stage.report()
    assert stage.shows("Degraded") == ("True", "HAProxyDown")
    assert stage.told() == ["Settled", "Degraded"]


def test_the_gap_at_each_move_is_no_news_but_a_lasting_one_is() -> None:
    stage = flapping()
    for name in cycle(("node1", "node2")):
        stage.says(name, holds=False, haproxy=Health.DOWN)
        if stage.report().status.vip_holder == "":
            break
    assert stage.shows("Ready") == ("False", "NoHolder")
    assert "NoHolder" not in stage.told()
    stage.later(60)
    stage.report()
    assert stage.told() == ["Settled", "Degraded", "NoHolder"]
    assert stage.last is not None and stage.last.news[0].message == f"{VIP} has not moved for 60 s, it has no holder"


@pytest.mark.parametrize("recent", [(), ("nonsense",), ("2026-01-01T11:00:00Z",), ("2027-01-01T12:00:00Z",)])
def test_whatever_stands_in_status_it_ends(recent: tuple[str, ...]) -> None:
    stage = flapping()
    vip = stage.status.virtual_ips[0].model_copy(update={"recent_transitions": recent})
    stage.status = stage.status.model_copy(update={"virtual_ips": (vip,)})
    stage.report()
    assert stage.shows("Degraded")[0] == "False"
