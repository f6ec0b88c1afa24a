"""Which listeners have no server, as far as the node knows. tests/dataplane/test_needed.py has real daemons."""

import asyncio
from pathlib import Path

import pytest

from hacluster.agent.handover.handover import Handover
from hacluster.agent.handover.unserved import PART, down_listeners, report
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.api.status import Health, ListenerStatus
from tests.unit.agent.handover.leaving import VIP, FakeKeepalived, config, network, yield_file
from tests.waiting import eventually_async


def state(needed: tuple[str, ...], **up: int) -> AgentState:
    """An agent that has seen so many servers up by the name of each proxy; `__` stands for the colon before a route."""
    made = AgentState()
    seen = tuple(ListenerStatus(name=name.replace("__", ":"), port=80, servers_up=count, servers=2) for name, count in up.items())
    made.update(installed=config(needed_listeners=needed), listeners=seen)
    return made


@pytest.mark.parametrize(
    ("needed", "up", "expected"),
    [
        (("web",), {"web": 0}, ("web",)),
        (("web",), {"web": 1}, ()),
        (("web",), {"web": 0, "web__api": 1}, ()),
        (("web",), {"web": 1, "web__api": 0}, ()),
        (("web",), {"web": 0, "web__api": 0, "other": 1}, ("web",)),
        (("web", "db"), {"web": 1, "db": 0}, ("db",)),
        ((), {"web": 0}, ()),
        (("web",), {"web2": 0}, ()),
        (("web",), {}, ()),
    ],
    ids=str,
)
def test_a_needed_listener_is_down_when_none_of_its_servers_is_up(
    needed: tuple[str, ...], up: dict[str, int], expected: tuple[str, ...]
) -> None:
    """One that HAProxy has not shown yet is not down: it was not checked."""
    assert down_listeners(state(needed, **up)) == expected


def test_nothing_is_down_before_a_configuration_is_installed() -> None:
    assert down_listeners(AgentState()) == ()


def test_the_problem_names_the_listeners_and_goes_with_them() -> None:
    made = state(("web", "db"), web=0, db=0)
    report(made, down_listeners(made))
    (problem,) = made.now.problems[PART]
    assert problem.reason == "NoServerUp" and "web, db" in problem.message
    report(made, ())
    assert PART not in made.now.problems


async def test_the_node_yields_and_says_why_as_long_as_it_reaches_no_server(tmp_path: Path) -> None:
    paths, made = Paths(run=tmp_path, config=tmp_path), state(("web",), web=1)
    made.update(network=network(f"{VIP}/24"), haproxy=Health.UP)
    task = asyncio.create_task(Handover(paths, made, FakeKeepalived(), LastAdverts()).run())
    try:
        for up in (1, 0, 1):
            made.update(listeners=(ListenerStatus(name="web", port=80, servers_up=up, servers=2),))
            await eventually_async(
                lambda up=up: yield_file(paths) == f"{int(not up)}" and (PART in made.now.problems) is not bool(up)
            )  # type: ignore[misc]
    finally:
        task.cancel()
