"""Publishing: at once, together, the newest, and through whatever the API server does."""

import asyncio
import contextlib
import http.server
import json
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hacluster import names
from hacluster.agent.state import AgentState
from hacluster.agent.status import kube, publisher
from hacluster.agent.status.entry import build_entry
from hacluster.agent.status.kube import KubernetesReporter, Server, Token
from hacluster.agent.status.publisher import FileReporter, Publisher, ReportFailed, ResourceGone, load_entry, renew_lease_forever
from hacluster.agent.supervisor import run_parts
from hacluster.agent.system.backoff import Backoff
from hacluster.agent.system.network import Network
from hacluster.api.status import Health, NodeStatus
from hacluster.timestamps import format_timestamp

NOON = datetime(2026, 1, 2, 12, 0, 0, 5, tzinfo=UTC)


class Far:
    """The other side: remembers, and fails as told."""

    def __init__(self) -> None:
        self.entries: list[NodeStatus] = []
        self.times: list[float] = []
        self.failures: list[Exception] = []
        self.beats = 0
        self.holding: asyncio.Event | None = None

    async def apply(self, entry: NodeStatus) -> None:
        if self.holding is not None:
            await self.holding.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.entries.append(entry)
        self.times.append(asyncio.get_running_loop().time())

    async def renew_lease(self) -> None:
        self.beats += 1
        if self.failures:
            raise self.failures.pop(0)

    async def close(self) -> None:
        pass


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - the far side has no event
            await asyncio.sleep(0.002)


@dataclass
class Desk:
    state: AgentState
    far: Far
    publisher: Publisher

    async def heard(self, revision: str) -> NodeStatus:
        await until(lambda: bool(self.far.entries) and self.far.entries[-1].agent_version == revision)
        return self.far.entries[-1]


@contextlib.asynccontextmanager
async def publishing(kept: Path, *, settled: bool = True, far: Far | None = None) -> AsyncIterator[Desk]:
    state = AgentState()
    far = far or Far()

    def build(previous: NodeStatus | None) -> NodeStatus:
        version = str(len(state.now.network.links) if state.now.network else "")
        return build_entry("node1", version, state.now, previous, format_timestamp(NOON))

    publisher = Publisher(state, far, build, kept)
    if settled:
        settle(state)
    task = asyncio.create_task(publisher.run())
    try:
        yield Desk(state, far, publisher)
    finally:
        task.cancel()
        await asyncio.wait({task})


def settle(state: AgentState) -> None:
    state.update(network=Network(), keepalived=False)


def change(state: AgentState, number: int) -> None:
    """Something new on the state: the entry's version counts the links."""
    from hacluster.agent.system.network import IFF_LOOPBACK, Link

    state.update(network=Network(tuple(Link(n, f"l{n}", flags=IFF_LOOPBACK) for n in range(1, number + 1))))


async def test_the_first_change_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "GATHER", 1.0)
    async with publishing(tmp_path / "e") as desk:
        await desk.heard("0")
        await asyncio.sleep(1.1)
        started = asyncio.get_running_loop().time()
        change(desk.state, 1)
        await desk.heard("1")
        assert desk.far.times[-1] - started < 0.5


async def test_many_changes_are_told_together_and_the_last_is_never_lost(tmp_path: Path) -> None:
    async with publishing(tmp_path / "e") as desk:
        await desk.heard("0")
        for number in range(1, 101):
            change(desk.state, number)
            await asyncio.sleep(0.002)
        await desk.heard("100")
        took = desk.far.times[-1] - desk.far.times[0]
        assert len(desk.far.entries) <= took / publisher.GATHER + 2


async def test_no_change_is_no_report(tmp_path: Path) -> None:
    async with publishing(tmp_path / "e") as desk:
        await desk.heard("0")
        desk.state.update(started=True, haproxy=Health.UNKNOWN)
        desk.state.update(learned=True)
        await asyncio.sleep(0.2)
        assert len(desk.far.entries) == 1


async def test_failures_end_with_the_newest(tmp_path: Path) -> None:
    far = Far()
    far.failures = [ReportFailed("away"), ReportFailed("away")]
    async with publishing(tmp_path / "e", far=far) as desk:
        await asyncio.sleep(0.05)
        change(desk.state, 7)
        assert (await desk.heard("7")) is desk.far.entries[0]  # what was never told was not told late


async def test_a_slow_server_holds_nobody_up(tmp_path: Path) -> None:
    far = Far()
    far.holding = asyncio.Event()
    async with publishing(tmp_path / "e", far=far) as desk:
        await asyncio.sleep(0.02)
        change(desk.state, 1)
        change(desk.state, 2)
        far.holding.set()
        await desk.heard("2")


async def test_a_missing_resource_is_no_storm(tmp_path: Path) -> None:
    far = Far()
    far.failures = [ResourceGone("there is no HACluster web")] * 50
    async with publishing(tmp_path / "e", far=far):
        await asyncio.sleep(0.5)
        assert len(far.failures) == 49


async def test_it_waits_for_the_parts_first_look(tmp_path: Path) -> None:
    async with publishing(tmp_path / "e", settled=False) as desk:
        await asyncio.sleep(0.1)
        assert desk.far.entries == []
        settle(desk.state)
        await desk.heard("0")


async def test_but_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "SETTLE", 0.1)
    async with publishing(tmp_path / "e", settled=False) as desk:
        await desk.heard("")


async def test_what_others_undid_is_told_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "AGAIN", 0.1)
    async with publishing(tmp_path / "e") as desk:
        await until(lambda: len(desk.far.entries) >= 3)
        assert desk.far.entries[0] == desk.far.entries[2]


async def test_a_restarted_agent_goes_on_with_the_same_entry(tmp_path: Path) -> None:
    kept = tmp_path / "e"
    async with publishing(kept) as desk:
        first = await desk.heard("0")
    assert load_entry(kept) == first
    kept.write_text(kept.read_text().replace(format_timestamp(NOON), "2020-01-01T00:00:00.000000Z"))
    async with publishing(kept) as desk:
        assert (await desk.heard("0")).since == "2020-01-01T00:00:00.000000Z"
    kept.write_text("broken")
    assert load_entry(kept) is None


async def test_the_sign_of_life_survives_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "LEASE_RENEWAL", 0.0)
    far = Far()
    far.failures = [ReportFailed("away")]
    task = asyncio.create_task(renew_lease_forever(far))
    await until(lambda: far.beats >= 2)
    task.cancel()
    await asyncio.wait({task})


async def test_json_lines(tmp_path: Path) -> None:
    reporter = FileReporter(tmp_path / "lines")
    for name in ("a", "b"):
        await reporter.apply(NodeStatus(name=name))
    assert [json.loads(line)["name"] for line in (tmp_path / "lines").read_text().splitlines()] == ["a", "b"]


def test_backoff() -> None:
    backoff = Backoff(first=0.1, most=5.0)
    assert [round(backoff.next(), 1) for _ in range(8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    backoff.reset()
    assert backoff.next() == 0.1


def test_times() -> None:
    assert format_timestamp(NOON) == "2026-01-02T12:00:00.000005Z"


async def test_a_failing_part_is_started_again_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    starts, ticks, stop = [0], [0], asyncio.Event()

    async def fails() -> None:
        starts[0] += 1
        if starts[0] == 3:
            stop.set()
        raise RuntimeError("broken part")

    async def works() -> None:
        while True:
            ticks[0] += 1
            await asyncio.sleep(0.01)

    async with asyncio.timeout(5):
        await run_parts({"fails": fails, "works": works}, stop)
    assert starts[0] == 3 and ticks[0] > 5
    assert "broken part" in caplog.text


# The API server


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    body: Any
    connection: int


@dataclass
class Answers:
    asked: list[Asked] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    hang_up: bool = False
    stall: threading.Event | None = None
    connections: int = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: ClassVar[Answers]

    def setup(self) -> None:
        super().setup()
        self.answers.connections += 1
        self.number = self.answers.connections

    def do_PATCH(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.answers.stall is not None:
            self.answers.stall.wait(10)
        self.answers.asked.append(Asked(self.path, dict(self.headers), body, self.number))
        code = self.answers.codes.pop(0) if self.answers.codes else 200
        self.send_response(code)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        if self.answers.hang_up:  # without having said so: as an idle connection that was dropped
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", directory / "key", "-out", directory / "crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    return directory


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def server(tmp_path: Path, authority: Path, answers: Answers) -> Iterator[Server]:
    handler = type("OneHandler", (Handler,), {"answers": answers})
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
async def reporting(server: Server) -> AsyncIterator[KubernetesReporter]:
    reporter = KubernetesReporter(server, "web", "default", "node1", lambda: NOON)
    try:
        yield reporter
    finally:
        await reporter.close()


async def test_the_entry_is_applied_with_the_nodes_own_manager(server: Server, answers: Answers) -> None:
    async with reporting(server) as reporter:
        await reporter.apply(NodeStatus(name="node1", since="2026-01-02T12:00:00.000005Z"))
    (asked,) = answers.asked
    assert asked.path == (
        "/apis/hacluster.dev/v1alpha1/namespaces/default/haclusters/web/status?fieldManager=hacluster-agent-node1&force=true"
    )
    assert asked.headers["Content-Type"] == "application/apply-patch+yaml"
    assert asked.headers["Authorization"] == "Bearer secret-token"
    assert (asked.body["apiVersion"], asked.body["kind"], asked.body["metadata"]) == (
        names.API_VERSION,
        names.KIND,
        {"name": "web"},
    )
    (node,) = asked.body["status"]["nodes"]
    assert node["name"] == "node1" and node["haproxy"] == "Unknown"
    assert "apache" not in node  # what is None is left out


async def test_the_lease_is_renewed(server: Server, answers: Answers) -> None:
    async with reporting(server) as reporter:
        await reporter.renew_lease()
        answers.codes = [404]
        await reporter.renew_lease()  # the operator has not made it yet
    assert answers.asked[0].path == "/apis/coordination.k8s.io/v1/namespaces/default/leases/web-node1"
    assert answers.asked[0].headers["Content-Type"] == "application/merge-patch+json"
    spec = {"holderIdentity": "node1", "leaseDurationSeconds": 10, "renewTime": "2026-01-02T12:00:00.000005Z"}
    assert answers.asked[0].body == {"spec": spec}


async def test_a_connection_is_kept(server: Server, answers: Answers) -> None:
    async with reporting(server) as reporter:
        for _ in range(4):
            await reporter.apply(NodeStatus(name="node1"))
    assert {asked.connection for asked in answers.asked} == {1}


async def test_a_connection_that_was_dropped_is_opened_anew(server: Server, answers: Answers) -> None:
    answers.hang_up = True
    async with reporting(server) as reporter:
        for _ in range(4):
            await reporter.apply(NodeStatus(name="node1"))
    assert len(answers.asked) == 4


@pytest.mark.parametrize(("code", "error"), [(404, ResourceGone), (409, ReportFailed), (500, ReportFailed), (401, ReportFailed)])
async def test_refusals(server: Server, answers: Answers, code: int, error: type[Exception]) -> None:
    answers.codes = [code]
    async with reporting(server) as reporter:
        with pytest.raises(error):
            await reporter.apply(NodeStatus(name="node1"))
        await reporter.apply(NodeStatus(name="node1"))


async def test_a_renewed_token_is_read_after_a_refusal(server: Server, answers: Answers) -> None:
    answers.codes = [200, 401]
    async with reporting(server) as reporter:
        await reporter.apply(NodeStatus(name="node1"))
        (server.account / "token").write_text("newer")
        with pytest.raises(ReportFailed):
            await reporter.apply(NodeStatus(name="node1"))
        await reporter.apply(NodeStatus(name="node1"))
    assert [asked.headers["Authorization"] for asked in answers.asked] == ["Bearer secret-token"] * 2 + ["Bearer newer"]


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


async def test_nobody_there_is_a_failure_and_not_the_end(server: Server, answers: Answers) -> None:
    async with reporting(Server("127.0.0.1", 1, server.account)) as reporter:
        with pytest.raises(ReportFailed, match="cannot be reached"):
            await reporter.apply(NodeStatus(name="node1"))


def another(authority: Path) -> bytes:
    argv = ["openssl", "req", "-x509", "-key", str(authority / "key"), "-days", "2", "-subj", "/CN=other"]
    return subprocess.run(argv, check=True, capture_output=True).stdout


async def test_a_server_with_another_authority_is_not_trusted(server: Server, answers: Answers, authority: Path) -> None:
    (server.account / "ca.crt").write_bytes(another(authority))
    async with reporting(server) as reporter:
        with pytest.raises(ReportFailed, match="CERTIFICATE_VERIFY_FAILED"):
            await reporter.apply(NodeStatus(name="node1"))
    assert answers.asked == []


async def test_a_server_that_never_answers_has_a_deadline(
    server: Server, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube, "_TIMEOUT", 0.2)
    answers.stall = threading.Event()
    async with reporting(server) as reporter:
        async with asyncio.timeout(2):
            with pytest.raises(ReportFailed):
                await reporter.apply(NodeStatus(name="node1"))
        answers.stall.set()
        await reporter.apply(NodeStatus(name="node1"))


async def test_a_stuck_status_does_not_hold_up_the_sign_of_life(server: Server, answers: Answers) -> None:
    answers.stall = threading.Event()
    async with reporting(server) as reporter:
        stuck = asyncio.create_task(reporter.apply(NodeStatus(name="node1")))
        await asyncio.sleep(0.1)
        stall, answers.stall = answers.stall, None
        async with asyncio.timeout(2):
            await reporter.renew_lease()
        assert not stuck.done()
        stall.set()
        await stuck
