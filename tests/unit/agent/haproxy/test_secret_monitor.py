"""A Secret whose watch has died without a word is read again when somebody asks for it."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import pytest

from hacluster.agent.haproxy import secret_monitor
from hacluster.agent.haproxy.secret_monitor import SecretMonitor
from hacluster.agent.secrets.source import Data
from hacluster.agent.secrets.store import SecretStore
from hacluster.agent.state import AgentState
from hacluster.nodeconfig import AgentConfig, Authentication


class DeadWatch:
    """It says what there is when it is asked, and nothing afterwards."""

    def __init__(self) -> None:
        self.present, self.reads, self.closed = "one", 0, 0

    async def follow(self, name: str) -> AsyncGenerator[Data | None]:
        self.reads += 1
        try:
            yield {"password": self.present}
            await asyncio.Event().wait()
        finally:
            self.closed += 1

    def close(self) -> None:
        pass


async def test_it_is_read_again_once_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    source, store, state = DeadWatch(), SecretStore(), AgentState()
    wanted = Authentication(name="vrrp", key="password", field="spec.vrrp.authenticationSecret")
    config = AgentConfig(cluster="web", namespace="default", node="n1", revision="r1", authentication=wanted)
    state.update(installed=config)
    monitor = SecretMonitor(state, source, store, (), lambda: datetime.now(UTC))
    running = asyncio.create_task(monitor.run())
    try:
        await asyncio.sleep(0.05)
        assert store.get("vrrp").data == {"password": "one"}
        source.present = "two"
        await asyncio.sleep(0.05)
        assert store.get("vrrp").data == {"password": "one"}
        for _ in range(3):
            monitor.read_again("vrrp")
            monitor.read_again("another")
            await asyncio.sleep(0.05)
        assert store.get("vrrp").data == {"password": "two"} and (source.reads, source.closed) == (2, 1)
        monkeypatch.setattr(secret_monitor, "_EVERY", 0.01)
        monitor.read_again("vrrp")
        await asyncio.sleep(0.05)
        assert source.reads == 3
    finally:
        running.cancel()
        await asyncio.wait({running})
    assert source.closed == source.reads
