"""A connection to the API server on which nothing arrives any more is given up within seconds."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from hacluster.control import connection_monitor
from hacluster.control.connection_monitor import ConnectionMonitor
from hacluster.kube.client import ApiError
from hacluster.kube.sockets import KEEPALIVE, USER_TIMEOUT, Sockets


class Server:
    """Stands in for the API server."""

    def __init__(self) -> None:
        self.now, self.answers = 0.0, True
        self.opened: list[socket.socket] = []
        self.restored: list[float] = []
        self.sockets = Sockets()
        self.monitor = ConnectionMonitor(self.probe, self.sockets, lambda: self.now, self.restored.append)

    async def probe(self) -> None:
        if not self.answers:
            await asyncio.Event().wait()

    async def look(self, now: float) -> None:
        self.now = now
        await self.monitor.look()

    def connect(self) -> socket.socket:
        """A connection to this server, over a socket as all clients make them."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            one = self.sockets.make((socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", listener.getsockname()))
            one.connect(listener.getsockname())
            other, _ = listener.accept()
        self.opened += (one, other)
        return one


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    for each in made.opened:
        each.close()


def is_open(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return bool(sock.recv(1))
    except BlockingIOError:
        return True


async def test_connections_are_shut_down_when_answers_stop_and_when_they_come_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_monitor, "PROBE_TIMEOUT", 0.01)
    old = server.connect()
    await server.look(1)
    assert is_open(old)
    server.answers = False
    await server.look(5)
    assert not is_open(old)
    between = server.connect()
    await server.look(9)
    assert is_open(between), "while no answer comes, connections are not torn down again and again"
    server.answers = True
    await server.look(13)
    assert not is_open(between) and server.restored == [12.0]
    fresh = server.connect()
    await server.look(14)
    assert is_open(fresh) and len(server.restored) == 1


async def test_a_dead_connection_that_another_part_has_noticed_counts_although_questions_are_answered(server: Server) -> None:
    """The question's connection can be newer than the dead ones, or end at another API server."""
    old = server.connect()
    await server.look(9)
    server.now = 10
    server.monitor.unanswered(4)
    assert not is_open(old) and server.restored == []
    await server.look(11)
    assert server.restored == [5.0], "from the beginning of the request without an answer to the next answer"


async def test_a_refused_connection_is_no_answer(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    old = server.connect()

    async def unreachable() -> None:
        raise ApiError("GET /version", 0, "Unreachable", "connection refused")

    monkeypatch.setattr(server.monitor, "_probe", unreachable)
    await server.look(1)
    assert not is_open(old)


def test_sockets_ask_whether_the_other_end_is_alive() -> None:
    made = Sockets().make((socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 1)))
    try:
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert {option: made.getsockopt(socket.IPPROTO_TCP, option) for option in KEEPALIVE} == KEEPALIVE
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == USER_TIMEOUT
        assert sum(KEEPALIVE.values()) <= 6
    finally:
        made.close()
