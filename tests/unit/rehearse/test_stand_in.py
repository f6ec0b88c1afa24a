"""The stand-in for a user's own server, and the measuring client's connections to it."""

import asyncio
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hacluster.rehearse.authority import Authority
from hacluster.rehearse.connections import Target, connect, trusting
from hacluster.rehearse.dialogues import Dialogue
from hacluster.rehearse.stand_in import serve
from tests.waiting import eventually

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET / HTTP/1.0\r\n\r\n"
GREETS = Dialogue(opening="220 ", answers=(("PING\r\n", "+PONG"),))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    found = Authority(tmp_path)
    found.prepare(["127.0.0.1"])
    found.make()
    return found


def talk(authority: Authority, with_server: Callable[[int], Awaitable[None]], dialogue: Dialogue = Dialogue()) -> None:  # noqa: B008
    """Runs the client's side against a stand-in on the port that it gets."""

    async def both() -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = asyncio.create_task(serve("127.0.0.1", port, authority.server, dialogue))
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(10):
                await with_server(port)
        finally:
            server.cancel()

    asyncio.run(both())


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("proxy", [False, True])
def test_it_answers_with_tls_and_without_and_after_a_proxy_header(authority: Authority, tls: bool, proxy: bool) -> None:
    async def ask(port: int) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
            target = Target("127.0.0.1", port, tls=tls, proxy=proxy)
            opened = await connect(connection, target, trusting(authority.certificate) if tls else None)
            await opened.send(REQUEST)
            assert b"stand-in for 127.0.0.1" in await opened.receive()
            await opened.send(REQUEST + LAST)
            answer = b""
            while chunk := await opened.receive():
                answer += chunk
            assert answer.count(b"stand-in for 127.0.0.1") == 2

    talk(authority, ask)


def test_a_certificate_of_somebody_else_is_not_trusted(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    other.prepare(["127.0.0.1"])
    other.make()

    async def ask(port: int) -> None:
        free = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        with free as connection, pytest.raises(ssl.SSLCertVerificationError):
            await connect(connection, Target("127.0.0.1", port, tls=True), trusting(other.certificate))

    talk(authority, ask)


def test_it_greets_whoever_says_nothing_and_answers_http_at_once(authority: Authority) -> None:
    async def ask(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readexactly(4) == b"220 "
        writer.write(b"PING\r\n")
        assert await reader.readexactly(5) == b"+PONG"
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting(authority.certificate))
        assert await reader.readexactly(4) == b"220 "
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LAST)
        assert (await reader.read()).startswith(b"HTTP/1.0 200 OK")
        writer.close()

    talk(authority, ask, GREETS)


def test_a_check_that_only_connects_leaves_it_running(authority: Authority) -> None:
    async def ask(port: int) -> None:
        for text in (b"", b"\x16\x03\x01 no handshake", b"half a request"):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(text)
            writer.close()
            await writer.wait_closed()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LAST)
        assert (await reader.read()).startswith(b"HTTP/1.0 200 OK")
        writer.close()

    talk(authority, ask)


def listens(port: int) -> None:
    with socket.socket() as connection:
        assert connection.connect_ex(("127.0.0.1", port)) == 0


def test_as_a_program_it_needs_an_address_and_a_port() -> None:
    """So pods of tests on kind are started, twenty at a time: with a light interpreter, and without a certificate."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = subprocess.Popen([sys.executable, "-m", "hacluster.rehearse.stand_in", "127.0.0.1", str(port)])
    try:
        eventually(lambda: listens(port), within=20, every=0.05)
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection, pytest.raises(OSError, match=r"EOF|reset"):
            ssl._create_unverified_context().wrap_socket(connection)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
            assert response.read() == f"<h1>stand-in for 127.0.0.1:{port}</h1>".encode()
    finally:
        program.terminate()
        program.wait(timeout=10)


def test_it_loads_nothing_but_the_standard_library() -> None:
    loaded = "import sys, hacluster.rehearse.stand_in; print(*sorted(sys.modules))"
    modules = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True, timeout=20
    ).stdout.split()
    assert not {"pydantic", "kubernetes", "hacluster.api"} & set(modules)


def test_the_targets_words_are_those_that_the_client_reads() -> None:
    assert Target("10.0.0.9", 443, tls=True, proxy=True).words(Path("/x/ca.crt")) == ["proxy", "tls=/x/ca.crt"]
    assert Target(*("10.0.0.9", 80)).words(Path("/x/ca.crt")) == []


async def test_the_header_of_the_proxy_protocol_is_sent_before_anything_else() -> None:
    arrived: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set_result(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    async with await asyncio.start_server(note, "127.0.0.1", 0) as server:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as connection:
            opened = await connect(connection, Target("127.0.0.1", server.sockets[0].getsockname()[1], proxy=True), None)
            await opened.send(LAST)
            assert await asyncio.wait_for(arrived, 10) == b"PROXY UNKNOWN\r\n" + LAST
