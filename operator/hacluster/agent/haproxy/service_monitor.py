"""Follows the Services that the configuration names, and keeps what was last seen of them.

`ServiceMonitor.run` is started by `agent/run.py`. It writes `services` to the state. While the source cannot be reached, what was last
seen stays in force; a file keeps it for a restarted agent.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from hacluster.agent.services.source import ServiceSource, SourceFailed, Views
from hacluster.agent.services.view import ServiceView
from hacluster.agent.state import AgentState
from hacluster.agent.system.backoff import Backoff
from hacluster.agent.system.files import replace_file
from hacluster.api.service_class import service_title

log = logging.getLogger(__name__)

_VIEWS: Final = TypeAdapter(dict[str, ServiceView])


class ServiceMonitor:
    """Keeps `services` in the state current."""

    def __init__(self, state: AgentState, source: ServiceSource, record: Path) -> None:
        """`record`: the file that keeps the views."""
        self._state, self._source, self._record = state, source, record
        self._recorded = load_views(record)
        state.update(services=self._recorded)

    async def run(self) -> None:
        """Runs until cancelled. Follows the Services of the offered configuration, too: they have to be known before it is loaded."""
        followed: dict[str, frozenset[str]] = {}
        tasks: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                version = self._state.version
                if (wanted := self._wanted()) != followed:
                    for namespace in [each for each in followed if followed[each] != wanted.get(each)]:
                        await _end(tasks.pop(namespace))
                    # What is followed no longer may be out of date when it is named again.
                    titles = {service_title(namespace, name) for namespace, names in wanted.items() for name in names}
                    self._put({title: view for title, view in self._state.now.services.items() if title in titles})
                    for namespace in wanted.keys() - tasks.keys():
                        tasks[namespace] = asyncio.create_task(self._follow(namespace, wanted[namespace]))
                    followed = wanted
                for task in tasks.values():
                    if task.done():
                        await task
                await self._state.wait_for_change(version, 1.0)
        finally:
            for task in tasks.values():
                task.cancel()
            for task in tasks.values():
                await _end(task)

    def _wanted(self) -> dict[str, frozenset[str]]:
        """Namespace (empty: the agent's own) → the Services in it."""
        configs = (config for config in (self._state.now.installed, self._state.now.offered) if config)
        found: dict[str, set[str]] = {}
        for service in (service for config in configs for service in config.services.values()):
            found.setdefault(service.namespace, set()).add(service.name)
        return {namespace: frozenset(names) for namespace, names in found.items()}

    async def _follow(self, namespace: str, names: frozenset[str]) -> None:
        backoff, logged = Backoff(first=0.2, most=5.0), ""
        titles = {name: service_title(namespace, name) for name in sorted(names)}

        def changed(views: Views) -> None:
            nonlocal logged
            if logged:
                log.info("%s: seen again", ", ".join(titles.values()))
            logged = ""
            backoff.reset()
            others = {title: view for title, view in self._state.now.services.items() if title not in titles.values()}
            self._put({**others, **{titles[name]: view for name, view in views.items()}})

        while True:
            try:
                await self._source.follow(names, changed, namespace)
            except SourceFailed as error:
                if str(error) != logged:
                    log.warning("the endpoints of %s are not seen: %s", ", ".join(titles.values()), error)
                logged = str(error)
            await asyncio.sleep(backoff.next())

    def _put(self, views: Views) -> None:
        self._state.update(services=views)
        if views != self._recorded:
            self._recorded = views
            save_views(self._record, views)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def load_views(file: Path) -> Mapping[str, ServiceView]:
    """What an earlier agent of the pod saw last; empty if there is nothing, or nothing that can be read."""
    try:
        return _VIEWS.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return {}


def save_views(file: Path, views: Views) -> None:
    """Saves the views for the next agent. An error is only logged: without the file, a restarted agent has to ask again."""
    try:
        replace_file(file, _VIEWS.dump_json(dict(views)).decode())
    except OSError as error:
        log.warning("cannot write %s: %s", file, error)
