"""Whether anybody answers at an endpoint's address, with real sockets."""

import asyncio
import errno
import socket
import time
from collections.abc import Iterator

import pytest

from hacluster.agent.haproxy import endpoint_probes
from hacluster.agent.haproxy.endpoint_probes import EndpointProbes, answers


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """A port at which nobody answers: the queue of its socket is full, and the kernel drops what comes."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listening.getsockname())
        yield listening.getsockname()
        for each in waiting:
            each.close()


async def test_a_connection_is_an_answer_and_so_is_a_refusal() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = listening.getsockname()
        assert await answers(*place)
    assert await answers(*place)


async def test_over_ipv6_too() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listening:
        assert await answers(*listening.getsockname()[:2])


async def test_silence_is_none(silent: tuple[str, int]) -> None:
    started = time.monotonic()
    assert not await answers(*silent)
    assert time.monotonic() - started < 1


async def test_an_answer_counts_that_has_come_while_the_agent_was_paused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        asked = asyncio.create_task(answers(*listening.getsockname()))
        await asyncio.sleep(0)
        time.sleep(2 * endpoint_probes.TIMEOUT)  # noqa: ASYNC251 – the pause
        assert await asked


@pytest.mark.parametrize(("code", "answered"), [(errno.EHOSTUNREACH, False), (errno.ENETUNREACH, False), (errno.EMFILE, True)])
async def test_what_the_kernel_says_of_silence_is_silence_and_a_fault_of_this_node_is_none(
    monkeypatch: pytest.MonkeyPatch, code: int, *, answered: bool
) -> None:
    async def connect(*_: object) -> None:
        raise OSError(code, "")

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", connect)
    assert await answers("127.0.0.1", 9) is answered


async def test_without_a_socket_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "")

    monkeypatch.setattr(endpoint_probes.socket, "socket", refuse)
    assert await answers("127.0.0.1", 9)


async def test_who_answers_is_not_asked_again_for_a_while_unless_the_node_is_doubted_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, answering = list[int](), {1}

    async def ask(_: str, port: int) -> bool:
        asked.append(port)
        return port in answering

    monkeypatch.setattr(endpoint_probes, "answers", ask)
    probes, places = EndpointProbes(), [("10.1.0.1", 1), ("10.1.0.1", 2)]
    assert await probes.silent(places) == {places[1]}
    assert await probes.silent(places) == {places[1]} and asked == [1, 2], "both answers are fresh"
    await asyncio.sleep(0.3)
    assert await probes.silent(places) == {places[1]} and asked == [1, 2, 2]
    answering.clear()
    probes.start(places)
    assert await probes.silent(places) == set(places) and asked == [1, 2, 2, 1, 2]
