"""Waits until this agent may run, and reports meanwhile for the one that does.

`agent/run.py` calls `wait_for_turn` before anything else. On a node with a static pod the agent of the operator's pod finds the other
one there: it starts nothing, and reports what the other one would, because that has no access to the API server
(docs/decisions/0048-static-pods.md). The static pod's own agent, if it comes second, waits without a report.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from hacluster.agent.state import AgentState
from hacluster.agent.status.entry import on_behalf
from hacluster.agent.status.publisher import OneWayReporter, Publisher, Reporter
from hacluster.agent.supervisor import supervise
from hacluster.agent.system.only_one import NotAnAgent, OnlyOne
from hacluster.api.reasons import Reason
from hacluster.api.status import NodeProblem, NodeStatus

log = logging.getLogger(__name__)

PART: Final = "only one"
"""The key of this part's problem in the state."""
_PAUSE: Final = 0.1
"""Seconds between two tries to take the right to run."""
_RESTART: Final = 330.0
"""Seconds for which an agent that ended alone is waited for. The kubelet starts a container after five minutes at the latest."""
_TAKE_AGAIN: Final = 5.0
"""Seconds between two tries to take it from a program that is no agent."""


class LocalReporter(OneWayReporter):
    """Reports to the agent of the operator's pod on the same node, if there is one: the reporter of a static pod."""

    def __init__(self, only_one: OnlyOne) -> None:
        self._only_one = only_one

    async def apply(self, entry: NodeStatus) -> None:
        """Leaves the entry for whoever follows."""
        self._only_one.publish(entry.model_dump_json(by_alias=True, exclude_none=True))


@dataclass(frozen=True)
class Behalf:
    """Who reports for another agent: the node, the pod of this agent, where to, and the file that keeps the entry."""

    node: str
    pod: str
    reporter: Reporter
    entry_file: Path


async def wait_for_turn(only_one: OnlyOne, behalf: Behalf | None, others_serve: Callable[[], bool] = lambda: False) -> None:
    """Returns when no other agent of the resource runs on the node. `behalf`: as whom to report meanwhile; None: nothing is reported.

    `others_serve`: whether daemons of another pod run. An agent that was followed and ended alone is waited for: it starts again, finds its
    daemons, and has to look after them, while a second set could not start beside them.
    """
    loop = asyncio.get_running_loop()
    ended: float | None = None  # when the agent that was followed did
    while True:
        if ended is not None and others_serve() and loop.time() < ended + _RESTART:
            if only_one.is_free():
                await asyncio.sleep(_PAUSE)
                continue
        elif only_one.take():
            break
        if ended is None:
            log.info("another agent of this resource runs on the node: this one waits until it ends")
        try:
            await _follow(only_one, behalf)
        except NotAnAgent as error:
            log.warning("not waiting for the socket of the agents: %s", error)
            if not only_one.take():
                return
            only_one.close()  # nobody has it: the next round decides
        ended = loop.time()
        await asyncio.sleep(_PAUSE)
    if ended is not None:
        log.info("the other agent has ended")


async def _follow(only_one: OnlyOne, behalf: Behalf | None) -> None:
    """Follows the agent that runs, until it ends, and reports for it. Raises NotAnAgent."""
    state = AgentState()
    tasks: list[asyncio.Task[None]] = []
    try:
        async with contextlib.aclosing(only_one.follow()) as lines:
            async for line in lines:
                if behalf is None or (entry := _parse(line)) is None:
                    continue
                state.update(other_agent=entry)
                if not tasks:
                    tasks = _report(state, behalf)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _parse(line: str) -> NodeStatus | None:
    """The entry; None: another version of the agent has written something that this one does not know."""
    if not line.strip():
        return None
    try:
        return NodeStatus.model_validate_json(line)
    except ValidationError as error:
        log.warning("the other agent's report cannot be read: %s", error.errors(include_url=False, include_input=False)[0]["msg"])
        return None


def _report(state: AgentState, behalf: Behalf) -> list[asyncio.Task[None]]:
    def build(previous: NodeStatus | None) -> NodeStatus:
        assert state.now.other_agent is not None
        return on_behalf(state.now.other_agent, behalf.node, behalf.pod, state.now.liveness_request, previous)

    publisher = Publisher(state, behalf.reporter, build, behalf.entry_file)
    parts = {"status publisher": publisher.run, "status watch": publisher.follow}
    return [asyncio.create_task(supervise(name, part), name=name) for name, part in parts.items()]


async def keep_turn(only_one: OnlyOne, state: AgentState) -> None:
    """Runs until cancelled: keeps the right to run, and serves those who wait. Takes it as soon as a program that is no agent ends."""
    while not only_one.take():
        message = (
            "another user's program on the node has the abstract Unix socket by which one agent at a time runs, so a static pod and the "
            "operator's pod could both start here; find it in /proc/net/unix (hacluster.dev/…) and end it"
        )
        state.put_problems(PART, NodeProblem(reason=Reason.AGENT_SOCKET_TAKEN, message=message))
        await asyncio.sleep(_TAKE_AGAIN)
    state.put_problems(PART)
    await only_one.serve()
