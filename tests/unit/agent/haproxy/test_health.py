"""When HAProxy counts as up or down, and the checks over a real socket."""

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.agent.haproxy.health import PATIENCE, HealthJudge
from hacluster.agent.haproxy.monitor import HAProxyMonitor
from hacluster.agent.haproxy.probe import Probe, Result, parse_answer
from hacluster.agent.keepalived.track_file import write_track
from hacluster.agent.paths import Paths
from hacluster.agent.state import AgentState
from hacluster.api.status import Health
from hacluster.nodeconfig import AgentConfig, Router
from tests.waiting import eventually_async

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def test_one_refusal_is_enough() -> None:
    judge = HealthJudge(resumed=True, now=0)
    judge.hear(Result.ANSWERED, 0)
    assert judge.hear(Result.REFUSED, 0.1) is Health.DOWN


@pytest.mark.parametrize("result", [Result.SILENT, Result.WRONG, Result.CLOSED])
def test_anything_else_has_to_fail_twice_in_a_row(result: Result) -> None:
    judge = HealthJudge(resumed=True, now=0)
    judge.hear(Result.ANSWERED, 0)
    assert judge.hear(result, 0.1) is Health.UP
    assert judge.hear(Result.ANSWERED, 0.2) is Health.UP
    assert judge.hear(result, 0.3) is Health.UP
    assert judge.hear(result, 0.4) is Health.DOWN


def test_a_haproxy_that_just_starts_is_unknown_for_a_while() -> None:
    judge = HealthJudge(resumed=False, now=100)
    assert judge.hear(Result.REFUSED, 100.1) is Health.UNKNOWN
    assert judge.hear(Result.REFUSED, 100 + PATIENCE) is Health.DOWN


def test_a_haproxy_that_was_started_before_is_not() -> None:
    assert HealthJudge(resumed=True, now=100).hear(Result.REFUSED, 100.1) is Health.DOWN


@given(st.lists(st.sampled_from(Result), min_size=1), st.booleans())
def test_up_needs_an_answer_and_an_answer_is_up(results: list[Result], resumed: bool) -> None:
    judge, last = HealthJudge(resumed, 0), Health.UNKNOWN
    for tick, result in enumerate(results):
        health = judge.hear(result, tick / 10)
        if result is Result.ANSWERED:
            assert health is Health.UP
        elif health is Health.UP:
            assert last is Health.UP
        assert not (last is not Health.UNKNOWN and health is Health.UNKNOWN)
        last = health


@given(st.integers(0, len(OK) - 1))
def test_part_of_an_answer_is_none(length: int) -> None:
    assert parse_answer(OK[:length]) is None


def test_answers() -> None:
    assert parse_answer(OK) == (200, True)
    assert parse_answer(b"HTTP/1.1 503 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno") == (503, False)
    assert parse_answer(b"HTTP/1.0 200 OK\r\n\r\n") == (200, False)
    for wrong in (b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"x" * 9000):
        with pytest.raises(ValueError, match=r".+"):
            parse_answer(wrong)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(path: Path, handler: Handler) -> AsyncIterator[list[int]]:
    """A server; yields the list of its connections so far."""
    connections: list[int] = []
    writers: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_unix_server(handle, str(path))
    try:
        yield connections
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        os.unlink(path)  # noqa: PTH108


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def slams(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def test_checks_share_one_connection(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", answers) as connections:
        probe = Probe(tmp_path / "s")
        assert [await probe.check() for _ in range(5)] == [Result.ANSWERED] * 5
        assert len(connections) == 1
        probe.close()


async def test_nobody_there(tmp_path: Path) -> None:
    assert await Probe(tmp_path / "s").check() is Result.REFUSED


async def test_no_answer_in_time(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", hangs):
        loop = asyncio.get_running_loop()
        started, probe = loop.time(), Probe(tmp_path / "s")
        assert await probe.check(deadline=0.05) is Result.SILENT
        assert 0.04 < loop.time() - started < 1
        probe.close()


async def test_closed_before_an_answer(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", slams):
        assert await Probe(tmp_path / "s").check() is Result.CLOSED


async def test_the_end_of_the_server_interrupts_the_pause(tmp_path: Path) -> None:
    probe = Probe(tmp_path / "s")
    async with serving(tmp_path / "s", answers):
        await probe.check()
        pause = asyncio.ensure_future(probe.idle(60))
        await asyncio.sleep(0)
    await asyncio.wait_for(pause, 1)
    assert await probe.check() is Result.REFUSED


async def test_an_answer_that_waited_for_a_busy_agent_counts(tmp_path: Path) -> None:
    """The agent itself was kept from running for longer than the deadline: that is no reason for a failover."""
    loop = asyncio.get_running_loop()
    blocked, sent = threading.Event(), threading.Event()

    def block() -> None:
        blocked.set()
        sent.wait(5)
        time.sleep(1.2)

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            loop.call_soon_threadsafe(block)
            blocked.wait(5)
            connection.sendall(OK)
            sent.set()
            connection.recv(4096)

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        server = threading.Thread(target=serve, args=(listening,))
        server.start()
        probe = Probe(tmp_path / "s")
        assert await probe.check(deadline=1) is Result.ANSWERED
        probe.close()
        await asyncio.to_thread(server.join, 5)


def installed(http_check: bool) -> AgentConfig:
    return AgentConfig(cluster="web", namespace="default", node="node1", revision="r", http_check=http_check)


@contextlib.asynccontextmanager
async def watching(paths: Paths, http_check: bool = True) -> AsyncIterator[AgentState]:
    state = AgentState()
    part = HAProxyMonitor(paths, state)
    state.update(installed=installed(http_check), started=True)
    task = asyncio.create_task(part.run())
    try:
        yield state
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(state: AgentState, health: Health) -> None:
    async with asyncio.timeout(5):
        while state.now.haproxy is not health:
            await state.changed_since(state.version)


async def test_the_track_file_follows(tmp_path: Path) -> None:
    paths = Paths(run=tmp_path)
    async with watching(paths) as state:
        assert paths.track_haproxy.read_text() == "1"  # nothing is known yet
        async with serving(paths.haproxy_health, answers):
            await until(state, Health.UP)
            assert paths.track_haproxy.read_text() == "0"
        await until(state, Health.DOWN)
        assert paths.track_haproxy.read_text() == "1"


async def test_it_does_not_flap_when_the_agent_restarts(tmp_path: Path) -> None:
    paths = Paths(run=tmp_path)
    write_track(paths.track_haproxy, flag=False)
    async with serving(paths.haproxy_health, answers), watching(paths) as state:
        assert paths.track_haproxy.read_text() == "0"
        await until(state, Health.UP)
    assert paths.track_haproxy.read_text() == "0"


async def test_a_restarted_agent_notices_a_dead_haproxy(tmp_path: Path) -> None:
    paths = Paths(run=tmp_path)
    write_track(paths.track_haproxy, flag=False)
    async with watching(paths) as state:
        await until(state, Health.DOWN)
    assert paths.track_haproxy.read_text() == "1"


async def test_with_process_checks_it_only_reports(tmp_path: Path) -> None:
    paths = Paths(run=tmp_path)
    async with watching(paths, http_check=False) as state, serving(paths.haproxy_health, answers):
        await until(state, Health.UP)
        assert paths.track_haproxy.read_text() == "1"


def test_the_track_file_is_written_in_place(tmp_path: Path) -> None:
    file = tmp_path / "track"
    write_track(file, flag=True)
    inode = file.stat().st_ino
    write_track(file, flag=False)
    assert (file.read_text(), file.stat().st_ino) == ("0", inode)


def test_the_track_file_is_never_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads it between opening and writing finds the old value."""
    file = tmp_path / "track"
    write_track(file, flag=True)
    found = []
    monkeypatch.setattr(os, "pwrite", lambda *_: found.append(file.read_text()))
    write_track(file, flag=False)
    assert found == ["1"]


class Others:
    """Another node that advertises, or does not."""

    def __init__(self) -> None:
        self.serving = True

    def last_sender(self, router: str) -> tuple[str, float] | None:
        return ("172.16.7.163", asyncio.get_running_loop().time()) if self.serving else None


async def test_who_keeps_dying_stays_out_while_others_serve(tmp_path: Path) -> None:
    paths, others, state = Paths(run=tmp_path), Others(), AgentState()
    router = Router(name="VI_1", interface="ens3", priority=1, virtual_router_id=51, virtual_ips=("172.16.7.200/24",))
    state.update(installed=installed(True).model_copy(update={"routers": (router,)}), started=True)
    task = asyncio.create_task(HAProxyMonitor(paths, state, others).run())
    try:
        for _ in range(2):
            async with serving(paths.haproxy_health, answers):
                await until(state, Health.UP)
                assert paths.track_haproxy.read_text() == "0"
            await until(state, Health.DOWN)
        async with serving(paths.haproxy_health, answers):
            await until(state, Health.UP)
            assert paths.track_haproxy.read_text() == "1"
            assert [each.reason for each in state.now.problems["health"]] == ["HeldDown"]
            others.serving = False  # nobody else is left: better this one than none
            await eventually_async(lambda: paths.track_haproxy.read_text() == "0", within=1)
            assert "health" not in state.now.problems
    finally:
        task.cancel()
        await asyncio.wait({task})
