"""The agent follows Secrets on a real API server, with only the rights that the plan gives to agents."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hacluster import names
from hacluster.agent.haproxy.secret_monitor import SecretMonitor
from hacluster.agent.paths import Paths
from hacluster.agent.secrets.certificate_files import CertificateFiles
from hacluster.agent.secrets.store import SecretStore
from hacluster.agent.state import AgentState
from hacluster.agent.status.connection import Server
from hacluster.agent.status.secrets import KubernetesSecrets
from hacluster.api import parse
from hacluster.nodeconfig import AgentConfig, File
from hacluster.plan.objects.access import access_objects
from tests.api.apiserver import ApiServer
from tests.certificates import certificate
from tests.unit.plan.clusters import plan
from tests.waiting import eventually_async

pytestmark = pytest.mark.apiserver

ONE, RENEWED = certificate("one.example"), certificate("one.example")
SOON = 2.0
"""Seconds in which an agent knows of a change."""


def resource(*secrets: str) -> dict[str, Any]:
    tls = {"tls": {"secretNames": list(secrets)}} if secrets else {}
    backend = {"servers": [{"name": "a", "address": "192.0.2.1", "port": 80}]}
    spec = {
        "nodeSelector": {"role": "lb"},
        "virtualRouters": [{"virtualIPs": ["192.0.2.10/24"]}],
        "haproxy": {"listeners": [{"name": "web", "port": 443, "backend": backend, **tls}]},
    }
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": "web"}, "spec": spec}


def secret(name: str, data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "kubernetes.io/tls", "data": data}


class Namespace:
    """A namespace with a resource, and an agent of it."""

    def __init__(self, server: ApiServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.name = server.new_namespace("secrets")
        self.state, self.store = AgentState(), SecretStore()
        self.files = CertificateFiles(Paths(run=folder), self.store)
        self.port = int(server.url.rpartition(":")[2])
        self.use("a")
        (folder / "token").write_text(server.service_account_token(self.name, names.agent("web")))
        (folder / "ca.crt").write_bytes(server.ca.read_bytes())

    def use(self, *secrets: str) -> None:
        """The resource names these Secrets, and its agents have the rights for them."""
        self.server.apply(resource(*secrets), namespace=self.name)
        found = parse(self.server.get("hacluster", "web", "-n", self.name))
        self.server.apply(*access_objects(found, ("n1",)), namespace=self.name)
        agent = AgentConfig.model_validate_json(plan(found).texts["n1"][File.AGENT])
        self.state.update(offered=agent, installed=agent)

    def apply(self, *objects: dict[str, Any]) -> None:
        self.server.apply(*objects, namespace=self.name)

    def status(self, path: str) -> int:
        """The API server's answer to a request of the agent."""
        token = (self.folder / "token").read_text()
        return self.server.request("GET", f"/api/v1/namespaces/{self.name}/secrets{path}", token=token).status

    @contextlib.asynccontextmanager
    async def agent(self) -> AsyncIterator[None]:
        source = KubernetesSecrets(Server("127.0.0.1", self.port, account=self.folder), self.name)
        monitor = SecretMonitor(self.state, source, self.store, (self.files,), lambda: datetime.now(UTC))
        task = asyncio.create_task(monitor.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            source.close()

    async def expect(self, name: str, data: dict[str, str] | None, error: str = "") -> float:
        """Waits until the agent has seen this; returns the seconds."""
        started = time.monotonic()

        def same() -> bool:
            seen = self.store.get(name)
            return seen.data == data and error in seen.error

        await eventually_async(same, within=10)
        return time.monotonic() - started


@pytest.fixture
def namespace(apiserver: ApiServer, tmp_path: Path) -> Namespace:
    return Namespace(apiserver, tmp_path)


async def test_a_secret_is_seen_from_its_making_to_its_end(namespace: Namespace) -> None:
    async with namespace.agent():
        await namespace.expect("a", None, "there is none")
        for data in (ONE, RENEWED, ONE):
            await asyncio.to_thread(namespace.apply, secret("a", data))
            assert await namespace.expect("a", data) < SOON
        await asyncio.to_thread(namespace.server.kubectl, "delete", "secret", "a", "-n", namespace.name)
        assert await namespace.expect("a", None, "there is none") < SOON
        await asyncio.to_thread(namespace.use, "a", "b")
        await asyncio.to_thread(namespace.apply, secret("b", ONE))
        await namespace.expect("b", ONE)


async def test_an_agent_reads_the_named_secrets_only_and_lists_none(namespace: Namespace) -> None:
    namespace.apply(secret("a", ONE), secret("other", ONE))
    assert namespace.status("/a") == 200
    assert namespace.status("?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Da") == 200
    for path in ("/other", "", "?watch=1&timeoutSeconds=1", "?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dother"):
        assert namespace.status(path) == 403, path
    namespace.use()
    assert namespace.status("/a") == 403
    namespace.state.update(offered=None)
    namespace.use("a")


async def test_a_right_that_is_missing_is_told_and_comes_into_force_by_itself(namespace: Namespace) -> None:
    namespace.apply(secret("a", ONE))
    wanted = namespace.state.now.offered
    namespace.use()
    namespace.state.update(offered=wanted, installed=wanted)
    async with namespace.agent():
        await namespace.expect("a", None, "may not read it")
        await asyncio.to_thread(namespace.use, "a")
        await namespace.expect("a", ONE)
