"""What is asked of HAProxy's master about the configuration that the current worker has loaded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hacluster.agent.config import running
from hacluster.agent.config.running import Running
from hacluster.agent.keepalived.process import Keepalived
from hacluster.agent.paths import Paths
from hacluster.nodeconfig import File

LINES = "frontend x", "bind *:80 transparent", "bind [::]:80 v6only transparent", "bind 192.0.2.1:443 transparent"
PORTS = {("", 80), ("192.0.2.1", 443)}


@asynccontextmanager
async def master(paths: Paths, answer: str | None) -> AsyncIterator[list[str]]:
    """HAProxy's master, and the commands that it gets. None: it never answers."""
    commands: list[str] = []
    end = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        commands.append((await reader.read(-1)).decode())
        if answer is None:
            await end.wait()
        writer.write((answer or "").encode())
        writer.close()

    server = await asyncio.start_unix_server(serve, paths.haproxy_master)
    try:
        yield commands
    finally:
        end.set()
        server.close()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(run=tmp_path)
    made.live(File.HAPROXY).write_text("    acl configuration path -f opt@/run/haproxy.cfg\n")
    return made


async def ports(paths: Paths) -> set[tuple[str, int]] | None:
    found = await Running(paths, Keepalived(paths)).haproxy_ports()
    return None if found is None else {(each.address, each.port) for each in found}


async def test_the_current_worker_is_asked_for_the_ports_that_it_has_loaded(paths: Paths) -> None:
    async with master(paths, "".join(f"0x7f0cdde29540 {line}\n" for line in LINES)) as commands:
        assert await ports(paths) == PORTS
    assert commands == ["@1 show acl /run/haproxy.cfg\n"]


@pytest.mark.parametrize("answer", [None, "", "Unknown ACL identifier. Please use #<id> or <file>.\n"])
async def test_without_an_answer_the_ports_are_not_known(
    paths: Paths, answer: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor with a configuration that does not have HAProxy keep its lines."""
    monkeypatch.setattr(running, "_DEADLINE", 0.05)
    async with master(paths, answer):
        assert await ports(paths) is None


async def test_a_haproxy_that_does_not_run_tells_no_ports(paths: Paths) -> None:
    assert await ports(paths) is None
    paths.live(File.HAPROXY).write_text("an older operator's file\n")
    assert await ports(paths) is None
