"""Which Services are followed, and what is kept while they cannot be. The source is a file."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from hacluster.agent.haproxy.service_monitor import ServiceMonitor, load_views
from hacluster.agent.services.source import FileSource
from hacluster.agent.state import AgentState
from hacluster.nodeconfig import AgentConfig, Service
from tests.unit.agent.services.objects import endpoint, service, slice_of
from tests.waiting import eventually_async


def config(*names: str) -> AgentConfig:
    services = {name: Service(name=name, port=80, field="f") for name in names}
    return AgentConfig(cluster="web", namespace="default", node="node1", revision="r1", services=services)


class Source:
    """The file with the objects, and the record of the monitor."""

    def __init__(self, folder: Path) -> None:
        self.file, self.record = folder / "objects.json", folder / "services.json"

    def put(self, *items: dict[str, Any]) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"items": items}))
        new.replace(self.file)

    @contextlib.asynccontextmanager
    async def monitoring(self, *names: str) -> AsyncIterator[AgentState]:
        """Runs the monitor while the block lasts; the installed configuration has these Services."""
        state = AgentState()
        state.update(installed=config(*names))
        task = asyncio.create_task(ServiceMonitor(state, FileSource(self.file), self.record).run())
        try:
            yield state
        finally:
            task.cancel()
            await asyncio.wait({task})


def addresses(state: AgentState, name: str = "shop") -> list[str] | None:
    """The endpoints as the state has them; None: the Service has not been seen."""
    view = state.now.services.get(name)
    return None if view is None else [each.address for part in view.slices for each in part.endpoints]


async def sees(state: AgentState, *wanted: str, name: str = "shop") -> None:
    await eventually_async(lambda: addresses(state, name) == list(wanted), within=5)


async def test_what_was_last_seen_stays_while_the_source_is_away_and_after_a_restart(tmp_path: Path) -> None:
    source = Source(tmp_path)
    async with source.monitoring("shop") as state:
        await asyncio.sleep(0.3)
        assert addresses(state) is None
        source.put(service(), slice_of(endpoint("10.1.0.1")))
        await sees(state, "10.1.0.1")
        source.put(service(), slice_of(endpoint("10.1.0.2")))
        await sees(state, "10.1.0.2")
        source.file.unlink()
        await asyncio.sleep(0.3)
        assert addresses(state) == ["10.1.0.2"]
    async with source.monitoring("shop") as state:
        await asyncio.sleep(0.3)
        assert addresses(state) == ["10.1.0.2"]
        source.put(service(), slice_of(endpoint("10.1.0.3")))
        await sees(state, "10.1.0.3")


async def test_services_of_the_offered_configuration_are_followed_and_others_forgotten(tmp_path: Path) -> None:
    source = Source(tmp_path)
    source.put(service(), slice_of(endpoint("10.1.0.1")), service("blog"), slice_of(endpoint("10.1.0.2"), name="b", owner="blog"))
    async with source.monitoring() as state:
        await asyncio.sleep(0.2)
        assert state.now.services == {}
        state.update(offered=config("shop"))
        await sees(state, "10.1.0.1")
        state.update(offered=config("blog"), installed=config("shop"))
        await sees(state, "10.1.0.2", name="blog")
        assert addresses(state) == ["10.1.0.1"]
        state.update(installed=config())
        await eventually_async(lambda: addresses(state) is None, within=5)
        assert addresses(state, "blog") == ["10.1.0.2"]
        state.update(offered=config())
        await eventually_async(lambda: state.now.services == {}, within=5)
    assert load_views(source.record) == {}, "a Service that is named again later is asked for anew"


def test_a_record_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "services.json").write_text('{"shop": 1}')
    assert load_views(tmp_path / "services.json") == {} == load_views(tmp_path / "absent")
