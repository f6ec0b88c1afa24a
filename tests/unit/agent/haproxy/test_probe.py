"""The health check of HAProxy over a real unix socket, and reading its answer."""

import asyncio
import socket
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.agent.haproxy.probe import Probe, Result, parse_answer
from tests.unit.agent.haproxy.servers import OK, answer, close_without_answer, hang, serving


@given(st.integers(0, len(OK) - 1))
def test_an_incomplete_answer_is_no_answer_yet(length: int) -> None:
    assert parse_answer(OK[:length]) is None


def test_status_and_keep_alive_are_read_from_an_answer() -> None:
    assert parse_answer(OK) == (200, True)
    assert parse_answer(b"HTTP/1.1 503 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno") == (503, False)
    assert parse_answer(b"HTTP/1.0 200 OK\r\n\r\n") == (200, False)
    for wrong in (b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"x" * 9000):
        with pytest.raises(ValueError, match=r".+"):
            parse_answer(wrong)


async def test_all_checks_use_one_connection(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", answer) as connections:
        probe = Probe(tmp_path / "s")
        assert [await probe.check() for _ in range(5)] == [Result.ANSWERED] * 5
        assert len(connections) == 1
        probe.close()


async def test_without_a_listener_the_check_is_refused(tmp_path: Path) -> None:
    assert await Probe(tmp_path / "s").check() is Result.REFUSED


async def test_a_server_that_hangs_is_silent_after_the_deadline(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", hang):
        loop = asyncio.get_running_loop()
        started, probe = loop.time(), Probe(tmp_path / "s")
        assert await probe.check(deadline=0.05) is Result.SILENT
        assert 0.04 < loop.time() - started < 1
        probe.close()


async def test_a_connection_that_is_closed_before_the_answer_is_reported(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", close_without_answer):
        assert await Probe(tmp_path / "s").check() is Result.CLOSED


async def test_the_end_of_the_server_interrupts_the_pause(tmp_path: Path) -> None:
    probe = Probe(tmp_path / "s")
    async with serving(tmp_path / "s", answer):
        await probe.check()
        pause = asyncio.ensure_future(probe.idle(60))
        await asyncio.sleep(0)
    await asyncio.wait_for(pause, 1)
    assert await probe.check() is Result.REFUSED


async def test_an_answer_that_waited_for_a_busy_agent_counts(tmp_path: Path) -> None:
    """The agent's process could not run until the deadline was over: that is no reason for a failover."""
    loop = asyncio.get_running_loop()
    blocked, sent = threading.Event(), threading.Event()

    def block_event_loop() -> None:
        blocked.set()
        sent.wait(5)
        time.sleep(1.2)

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            loop.call_soon_threadsafe(block_event_loop)
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
