"""The requests to the API server, and how the reporter copes with failures of the server and of its connections."""

import asyncio
import contextlib
import http.server
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from hacluster import names
from hacluster.agent.status import connection
from hacluster.agent.status.connection import Token
from hacluster.agent.status.kube import KubernetesReporter, Server
from hacluster.agent.status.publisher import ReportFailed, ResourceGone, Stored
from hacluster.api.status import NodeStatus
from hacluster.timestamps import format_timestamp
from tests.unit.agent.status.fake_api_server import Exchange, Handler, create_authority, other_certificate

NOON = datetime(2026, 1, 2, 12, 0, 0, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tls")
    create_authority(directory)
    return directory


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def server(tmp_path: Path, authority: Path, exchange: Exchange) -> Iterator[Server]:
    handler = type("HandlerOfOneTest", (Handler,), {"exchange": exchange})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "crt", authority / "key")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        (tmp_path / "token").write_text("secret-token\n")
        (tmp_path / "ca.crt").write_bytes((authority / "crt").read_bytes())
        yield Server("127.0.0.1", running.server_port, tmp_path)
        running.shutdown()
        thread.join(5)


@contextlib.asynccontextmanager
async def connect(server: Server) -> AsyncIterator[KubernetesReporter]:
    reporter = KubernetesReporter(server, "web", "default", "node1")
    try:
        yield reporter
    finally:
        await reporter.close()


async def test_the_whole_status_is_replaced(server: Server, exchange: Exchange) -> None:
    async with connect(server) as reporter:
        await reporter.apply(NodeStatus(name="node1", since="2026-01-02T12:00:00.000005Z"))
    (request,) = exchange.requests
    path = "/apis/hacluster.dev/v1alpha1/namespaces/default/haclusternodes/web.node1/status"
    assert request.path == f"{path}?fieldManager=hacluster-agent"
    assert request.headers["Content-Type"] == "application/json-patch+json"
    assert request.headers["Authorization"] == "Bearer secret-token"
    (operation,) = request.body
    assert (operation["op"], operation["path"]) == ("add", "/status")
    assert operation["value"]["name"] == "node1" and operation["value"]["haproxy"] == "Unknown"
    assert "apache" not in operation["value"]  # None is not sent


def test_timestamps_have_microseconds_and_are_in_utc() -> None:
    assert format_timestamp(NOON) == "2026-01-02T12:00:00.000005Z"


async def test_requests_share_one_connection(server: Server, exchange: Exchange) -> None:
    async with connect(server) as reporter:
        for _ in range(4):
            await reporter.apply(NodeStatus(name="node1"))
    assert {request.connection for request in exchange.requests} == {1}


async def test_a_new_connection_is_opened_when_the_server_has_closed_the_old_one(server: Server, exchange: Exchange) -> None:
    exchange.hang_up = True
    async with connect(server) as reporter:
        for _ in range(4):
            await reporter.apply(NodeStatus(name="node1"))
    assert len(exchange.requests) == 4


@pytest.mark.parametrize(("code", "error"), [(404, ResourceGone), (409, ReportFailed), (500, ReportFailed), (401, ReportFailed)])
async def test_a_refused_entry_raises_and_the_next_one_is_accepted(
    server: Server, exchange: Exchange, code: int, error: type[Exception]
) -> None:
    exchange.codes = [code]
    async with connect(server) as reporter:
        with pytest.raises(error):
            await reporter.apply(NodeStatus(name="node1"))
        await reporter.apply(NodeStatus(name="node1"))


async def test_a_renewed_token_is_read_after_a_refusal(server: Server, exchange: Exchange) -> None:
    exchange.codes = [200, 401]
    async with connect(server) as reporter:
        await reporter.apply(NodeStatus(name="node1"))
        (server.account / "token").write_text("newer")
        with pytest.raises(ReportFailed):
            await reporter.apply(NodeStatus(name="node1"))
        await reporter.apply(NodeStatus(name="node1"))
    assert [request.headers["Authorization"] for request in exchange.requests] == ["Bearer secret-token"] * 2 + ["Bearer newer"]


def test_the_token_is_read_once_a_minute(tmp_path: Path) -> None:
    now = [0.0]
    token = Token(tmp_path / "token", lambda: now[0])
    (tmp_path / "token").write_text("one")
    assert token.read() == "one"
    (tmp_path / "token").write_text("two")
    now[0] = 59
    assert token.read() == "one"
    now[0] = 60
    assert token.read() == "two"


async def test_an_unreachable_server_is_a_failed_report(server: Server, exchange: Exchange) -> None:
    async with connect(Server("127.0.0.1", 1, server.account)) as reporter:
        with pytest.raises(ReportFailed, match="cannot be reached"):
            await reporter.apply(NodeStatus(name="node1"))


async def test_a_server_with_a_certificate_of_another_authority_is_not_trusted(
    server: Server, exchange: Exchange, authority: Path
) -> None:
    (server.account / "ca.crt").write_bytes(other_certificate(authority))
    async with connect(server) as reporter:
        with pytest.raises(ReportFailed, match="CERTIFICATE_VERIFY_FAILED"):
            await reporter.apply(NodeStatus(name="node1"))
    assert exchange.requests == []


async def test_a_request_without_an_answer_fails_after_a_timeout(
    server: Server, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connection._TIMEOUT <= 3.0, "a report on a dead connection is late by that time (decision 0027)"
    monkeypatch.setattr(connection, "_TIMEOUT", 0.2)
    exchange.stall = threading.Event()
    async with connect(server) as reporter:
        async with asyncio.timeout(2):
            with pytest.raises(ReportFailed):
                await reporter.apply(NodeStatus(name="node1"))
        exchange.stall.set()
        await reporter.apply(NodeStatus(name="node1"))


async def test_the_watch_yields_what_is_stored(server: Server, exchange: Exchange) -> None:
    metadata = {"annotations": {names.ANNOTATION_LIVENESS_REQUEST: "77"}}
    exchange.events = [
        {"type": "ADDED", "object": {"metadata": {}}},
        {"type": "MODIFIED", "object": {"metadata": metadata, "status": {"name": "node1"}}},
        {"type": "MODIFIED", "object": {"metadata": metadata, "status": {"name": "node1", "haproxy": "Sideways"}}},
    ]
    async with connect(server) as reporter:
        assert [each async for each in reporter.watch()] == [
            Stored(None), Stored(NodeStatus(name="node1"), "77"), Stored(None, "77"),
        ]  # fmt: skip
    (request,) = exchange.requests
    path, _, query = request.path.partition("?")
    assert path == "/apis/hacluster.dev/v1alpha1/namespaces/default/haclusternodes"
    assert {"watch": "1", "fieldSelector": "metadata.name=web.node1"}.items() <= dict(parse_qsl(query)).items()


@pytest.mark.parametrize(
    ("codes", "events", "message"),
    [
        ([403], [], "answered 403 to the watch"),
        ([], [{"type": "ERROR", "object": {"message": "too old"}}], "ended the watch: too old"),
    ],
)
async def test_a_watch_that_fails_says_so(
    server: Server, exchange: Exchange, codes: list[int], events: list[object], message: str
) -> None:
    exchange.codes, exchange.events = codes, events
    async with connect(server) as reporter:
        with pytest.raises(ReportFailed, match=message):
            await anext(reporter.watch())


async def test_a_status_update_that_hangs_does_not_delay_the_watch(server: Server, exchange: Exchange) -> None:
    exchange.stall = threading.Event()
    exchange.events = [{"type": "ADDED", "object": {"metadata": {}}}]
    async with connect(server) as reporter:
        hanging = asyncio.create_task(reporter.apply(NodeStatus(name="node1")))
        await asyncio.sleep(0.1)
        async with asyncio.timeout(2):
            assert await anext(reporter.watch()) == Stored(None)
        assert not hanging.done()
        exchange.stall.set()
        await hanging


async def test_closing_ends_a_watch_that_waits(server: Server, exchange: Exchange) -> None:
    exchange.events, exchange.held = [{"type": "ADDED", "object": {"metadata": {}}}], threading.Event()
    async with connect(server) as reporter:
        watch = reporter.watch()
        await anext(watch)
        waiting = asyncio.create_task(anext(watch))
        await asyncio.sleep(0.1)
        async with asyncio.timeout(2):
            await reporter.close()
            with pytest.raises((ReportFailed, StopAsyncIteration)):
                await waiting
    exchange.held.set()


async def test_an_entry_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    async with connect(Server("127.0.0.1", 1, tmp_path)) as reporter:  # nobody listens, and there is no token
        assert await reporter.read("node2") is None
