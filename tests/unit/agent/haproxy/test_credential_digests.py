"""What the agent keeps of Secrets, from a file that lists them; no HAProxy runs. With one: tests/daemons/agent/test_secrets.py."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hacluster.agent.haproxy import credential_digests, secret_monitor
from hacluster.agent.haproxy.credential_digests import CredentialDigests
from hacluster.agent.haproxy.secret_monitor import PART, SecretMonitor
from hacluster.agent.paths import Paths
from hacluster.agent.secrets.credentials import digest
from hacluster.agent.secrets.source import Data, FileSecrets, SecretForbidden, SecretSource
from hacluster.agent.secrets.store import SecretStore
from hacluster.agent.state import AgentState
from hacluster.nodeconfig import AgentConfig, Credentials
from tests.unit.agent.secrets.test_credentials import data
from tests.waiting import eventually_async

FIELD = "spec.haproxy.stats.credentialsSecret"


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credential_digests, "_INTERVAL", 0.02)
    monkeypatch.setattr(secret_monitor, "_EVERY", 0.02)


def config(*names: str) -> AgentConfig:
    wanted = tuple(Credentials(name=name, field=FIELD) for name in names)
    return AgentConfig(cluster="web", namespace="default", node="n1", revision="r1", credentials=wanted)


class Agent:
    """The part, with its state, and the Secrets that there are."""

    def __init__(self, folder: Path) -> None:
        self.paths, self.state = Paths(run=folder, config=folder), AgentState()
        self.list = folder / "list.json"

    def secrets(self, **found: Data) -> None:
        new = self.list.with_suffix(".new")
        new.write_text(json.dumps({"items": [{"metadata": {"name": name}, "data": each} for name, each in found.items()]}))
        new.replace(self.list)

    @asynccontextmanager
    async def running(self, source: SecretSource | None = None) -> AsyncIterator[None]:
        store = SecretStore()
        digests = CredentialDigests(self.paths, self.state, store)
        monitor = SecretMonitor(self.state, source or FileSecrets(self.list), store, (digests,), lambda: datetime.now(UTC))
        tasks = [asyncio.create_task(part.run()) for part in (digests, monitor)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    async def expect(self, name: str, text: str | None, *reasons: str) -> None:
        """The content of the file of a Secret, and the reasons of the problems, come to be these."""

        def as_expected() -> bool:
            file = self.paths.credentials / name
            problems = self.state.now.problems.get(PART, ())
            return (
                (file.read_text().strip() if file.exists() else None) == text
                and tuple(each.reason for each in problems) == reasons
                and all(each.message.startswith(f"{FIELD}: ") and name in each.message for each in problems)
            )

        await eventually_async(as_expected, within=3)


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path)


async def test_a_secret_becomes_a_file_that_follows_it(agent: Agent) -> None:
    one, two = data(password="one"), data(password="two")
    agent.state.update(offered=config("stats"), installed=config("stats"))
    async with agent.running():
        await agent.expect("stats", None)
        for each in (one, two, one):
            agent.secrets(stats=each)
            await agent.expect("stats", digest(each))
        assert (agent.paths.credentials / "stats").stat().st_mode & 0o777 == 0o600
        assert agent.paths.credentials.stat().st_mode & 0o777 == 0o700


async def test_what_was_last_good_stays_while_the_secret_is_missing_or_wrong(agent: Agent) -> None:
    agent.state.update(offered=config("stats"), installed=config("stats"))
    async with agent.running():
        agent.secrets()
        await agent.expect("stats", None, "SecretMissing")
        assert "nobody is let in" in agent.state.now.problems[PART][0].message
        agent.secrets(stats=data())
        await agent.expect("stats", digest(data()))
        agent.secrets(stats={})
        await agent.expect("stats", digest(data()), "SecretInvalid")
        agent.secrets()
        await agent.expect("stats", digest(data()), "SecretMissing")
        assert "stays in force" in agent.state.now.problems[PART][0].message
    async with agent.running():  # an agent that was restarted knows it from the file
        await agent.expect("stats", digest(data()), "SecretMissing")


async def test_a_file_that_somebody_changed_is_put_back(agent: Agent) -> None:
    agent.state.update(offered=config("stats"), installed=config("stats"))
    agent.secrets(stats=data())
    async with agent.running():
        await agent.expect("stats", digest(data()))
        (agent.paths.credentials / "stats").write_text("x\n")
        await agent.expect("stats", digest(data()))


async def test_the_file_of_a_secret_that_no_configuration_names_is_removed(agent: Agent) -> None:
    agent.secrets(one=data(password="one"), two=data(password="two"))
    agent.state.update(installed=config("one"), offered=config("two"))
    async with agent.running():
        await agent.expect("one", digest(data(password="one")))
        await agent.expect("two", digest(data(password="two")))
        agent.state.update(installed=config("two"))
        await agent.expect("one", None)
        agent.state.update(installed=config(), offered=config())
        await agent.expect("two", None)


async def test_a_secret_that_may_not_be_read_is_a_problem(agent: Agent) -> None:
    class Forbidden:
        async def follow(self, name: str) -> AsyncGenerator[Data | None]:
            if name:
                raise SecretForbidden(f"the agent may not read the Secret {name}")
            yield None

        def close(self) -> None: ...

    agent.state.update(offered=config("stats"), installed=config("stats"))
    async with agent.running(Forbidden()):
        await agent.expect("stats", None, "SecretForbidden")
