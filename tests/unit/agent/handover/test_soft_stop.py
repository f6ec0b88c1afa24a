"""HAProxy is stopped softly, but does not end before its preStop hook has. A unix socket of this process stands for HAProxy."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hacluster.agent.handover.soft_stop import SoftStop, accepted_sessions, haproxy_master
from hacluster.agent.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(run=tmp_path, config=tmp_path)


@pytest.fixture
def signals() -> Iterator[list[int]]:
    """The SIGUSR1 signals that this process gets."""
    received: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: received.append(number))
    yield received
    signal.signal(signal.SIGUSR1, before)


def listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    listener.settimeout(2)
    return listener


def test_the_master_of_haproxy_is_found_by_its_socket(paths: Paths) -> None:
    assert haproxy_master(paths.haproxy_master) is None and not SoftStop(paths).runs()
    with listen(paths.haproxy_master):
        assert haproxy_master(paths.haproxy_master) == os.getpid() and SoftStop(paths).runs()


@pytest.mark.parametrize(("info", "expected"), [("Stopping: 1", True), ("Stopping: 0", False), ("Can't find the target", False)])
def test_the_master_says_whether_a_soft_stop_is_under_way(paths: Paths, info: str, expected: bool) -> None:
    assert not SoftStop(paths).is_under_way(), "HAProxy does not run"
    with listen(paths.haproxy_master) as master:
        assert not SoftStop(paths).is_under_way(), "it does not answer in time"
        master.accept()[0].close()

        def say() -> None:
            session, _ = master.accept()
            with session:
                assert session.recv(64) == b"@1 show info\n"
                session.sendall(f"Name: HAProxy\n{info}\n\n".encode())

        answering = threading.Thread(target=say)
        answering.start()
        assert SoftStop(paths).is_under_way() is expected
        answering.join(5)


def test_a_session_keeps_haproxy_until_it_is_closed(paths: Paths, signals: list[int]) -> None:
    soft_stop = SoftStop(paths)
    with listen(paths.haproxy_master), listen(paths.haproxy_admin) as admin:
        soft_stop.begin()  # HAProxy does not answer in time here: it is stopped all the same
        assert signals == [signal.SIGUSR1]
        session, _ = admin.accept()
        session.settimeout(2)
        assert session.recv(64).startswith(b"prompt\nset timeout cli ")
        session.close()


def test_the_session_stays_open_until_the_pod_turns_out_to_stay(paths: Paths, signals: list[int]) -> None:
    soft_stop = SoftStop(paths)
    sessions: list[socket.socket] = []
    with listen(paths.haproxy_master), listen(paths.haproxy_admin) as admin:
        answering = threading.Thread(target=lambda: sessions.append(answer(admin)))
        answering.start()
        soft_stop.begin()
        answering.join(5)
        with sessions[0] as session:
            assert signals == [signal.SIGUSR1]
            session.settimeout(0.2)
            with pytest.raises(TimeoutError):
                session.recv(1)
            soft_stop.close()
            assert session.recv(1) == b""


def test_the_sessions_of_clients_are_counted_and_not_those_of_health_checks() -> None:
    statistics = "# pxname,svname,scur,stot,\nhacluster:health,FRONTEND,1,900,\nweb,FRONTEND,0,12,\nstats,FRONTEND,0,3,\n\n"
    assert accepted_sessions(statistics) == 15


def answer(admin: socket.socket) -> socket.socket:
    """Accepts a session and answers its first commands with a prompt."""
    session, _ = admin.accept()
    session.recv(64)
    session.send(b"\n> ")
    return session
