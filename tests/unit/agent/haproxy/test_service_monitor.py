"""Which Services are followed, and what is kept while they cannot be. The source is a file."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from hacluster.agent.haproxy.endpoint_lines import EndpointLines
from hacluster.agent.haproxy.service_monitor import ServiceMonitor, load_views
from hacluster.agent.services.source import FileSource, SourceFailed
from hacluster.agent.services.view import ServiceView
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


async def test_what_an_earlier_agent_saw_is_there_before_the_first_configuration_is_known(tmp_path: Path) -> None:
    source = Source(tmp_path)
    source.put(service(), slice_of(endpoint("10.1.0.1")))
    async with source.monitoring("shop") as state:
        await sees(state, "10.1.0.1")
    source.file.unlink()
    state = AgentState()
    task = asyncio.create_task(ServiceMonitor(state, FileSource(source.file), source.record).run())
    try:
        await asyncio.sleep(0.2)
        state.update(offered=config("shop"))
        await asyncio.sleep(0.2)
        assert addresses(state) == ["10.1.0.1"]
    finally:
        task.cancel()
        await asyncio.wait({task})


def of(namespace: str, found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "metadata": {**found["metadata"], "namespace": namespace}}


async def test_services_of_one_name_in_two_namespaces_are_two(tmp_path: Path) -> None:
    source = Source(tmp_path)
    tenant = (of("tenant", service()), of("tenant", slice_of(endpoint("10.1.0.2"))))
    both = config("shop").model_copy(
        update={
            "services": {
                "shop.80": Service(name="shop", port=80, field="f"),
                "tenant.shop.81": Service(name="shop", namespace="tenant", port=80, field="f"),
            }
        }
    )
    source.put(*tenant, service(), slice_of(endpoint("10.1.0.1")))
    async with source.monitoring() as state:
        state.update(offered=both)
        await sees(state, "10.1.0.1")
        await sees(state, "10.1.0.2", name="tenant/shop")
        lines = EndpointLines(state)
        found = {proxy: [each.address for each in found.used] for proxy, found in lines.endpoints(both).items()}
        assert found == {"shop.80": ["10.1.0.1"], "tenant.shop.81": ["10.1.0.2"]} and lines.all_known(both)
        state.update(services={"shop": state.now.services["shop"]})
        assert not lines.all_known(both)
        state.update(offered=config())
        await eventually_async(lambda: state.now.services == {}, within=5)


class Half:
    """A source that cannot follow one of its namespaces."""

    def __init__(self) -> None:
        self.followed: list[str] = []

    async def follow(self, names: Any, changed: Any, namespace: str = "") -> None:
        """Shows each Service without endpoints."""
        self.followed.append(namespace)
        if namespace == "locked":
            raise SourceFailed("forbidden")
        changed({name: ServiceView() for name in names})
        await asyncio.sleep(60)

    def close(self) -> None:
        """Does nothing."""


async def test_a_namespace_that_cannot_be_followed_concerns_no_other(tmp_path: Path) -> None:
    source, state = Half(), AgentState()
    services = {each: Service(name="shop", namespace=each, port=80, field="f") for each in ("", "locked", "open")}
    state.update(installed=config().model_copy(update={"services": services}))
    task = asyncio.create_task(ServiceMonitor(state, source, tmp_path / "record").run())
    try:
        await eventually_async(lambda: state.now.services.keys() == {"shop", "open/shop"}, within=5)
        await eventually_async(lambda: source.followed.count("locked") > 1, within=5)
        assert source.followed.count("") == source.followed.count("open") == 1, "the others are not begun anew"
        less = {key: each for key, each in services.items() if key != "open"}
        state.update(installed=config().model_copy(update={"services": less}))
        await eventually_async(lambda: state.now.services.keys() == {"shop"}, within=5)
        assert source.followed.count("") == 1
    finally:
        task.cancel()
        await asyncio.wait({task})


def test_a_record_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "services.json").write_text('{"shop": 1}')
    assert load_views(tmp_path / "services.json") == {} == load_views(tmp_path / "absent")
