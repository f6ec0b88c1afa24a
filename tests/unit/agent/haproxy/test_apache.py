"""Whether this node's Apache answers, and that it is Apache and no other program."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

from hacluster.agent.haproxy import apache as module
from hacluster.agent.haproxy.apache import watch_apache
from hacluster.agent.state import AgentState
from hacluster.agent.system.tcp_sockets import Listener
from hacluster.api.status import Health
from hacluster.nodeconfig import AgentConfig, Apache
from tests.waiting import eventually_async

APACHE, OTHER = 33, 1000


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks follow each other quickly, so that the tests are."""
    monkeypatch.setattr(module, "_INTERVAL", 0.02)
    monkeypatch.setattr(module, "_FIRST_INTERVAL", 0.01)


def config(port: int) -> AgentConfig:
    return AgentConfig(
        cluster="web", namespace="default", node="n1", revision="r1", apache=Apache(address="127.0.0.1", port=port)
    )


@asynccontextmanager
async def web_server() -> AsyncIterator[int]:
    """A program that answers HTTP on a port of 127.0.0.1."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def health_of(port: int, user: int, wanted: Health, state: AgentState) -> None:
    """Waits until the health is `wanted` while a socket of `user` listens on the port."""
    state.update(installed=config(port))
    task = asyncio.create_task(watch_apache(state, lambda: {Listener(ip_address("127.0.0.1"), port, user=user)}))
    try:
        await eventually_async(lambda: state.now.apache is wanted, within=20)
    finally:
        task.cancel()


async def test_apache_is_up_if_its_own_socket_answers() -> None:
    async with web_server() as port:
        await health_of(port, APACHE, Health.UP, AgentState())


async def test_another_program_that_answers_on_apaches_port_is_no_apache() -> None:
    state = AgentState()
    state.update(apache=Health.UP)
    async with web_server() as port:
        await health_of(port, OTHER, Health.DOWN, state)
