"""The agent reads Secrets on a real API server, with only the rights that the plan gives to agents."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from hacluster import names
from hacluster.agent.secrets.source import Data, SecretForbidden
from hacluster.agent.status.connection import Server
from hacluster.agent.status.secrets import KubernetesSecrets
from hacluster.api import parse
from hacluster.plan.objects.access import access_objects
from tests.api.apiserver import ApiServer
from tests.api.test_agent_reporter import NODES, resource

pytestmark = pytest.mark.apiserver

WITHIN = 2.0
"""Seconds from a change of a Secret to the agent: a rotation may take 5 until HAProxy has it."""


class Secrets:
    """A namespace with a resource that names the Secret `stats`."""

    def __init__(self, server: ApiServer, account: Path) -> None:
        self.server, self.namespace = server, server.new_namespace("secrets")
        wanted = resource()
        wanted["spec"]["haproxy"]["stats"] = {"credentialsSecret": {"name": "stats"}}
        server.apply(wanted, namespace=self.namespace)
        server.apply(
            *access_objects(parse(server.get("hacluster", "web", "-n", self.namespace)), NODES), namespace=self.namespace
        )
        self.token = server.service_account_token(self.namespace, names.agent("web"))
        (account / "token").write_text(self.token)
        (account / "ca.crt").write_bytes(server.ca.read_bytes())
        host, port = server.url.removeprefix("https://").split(":")
        self.source = KubernetesSecrets(Server(host, int(port), account), self.namespace)

    def put(self, name: str, **values: str) -> None:
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        self.server.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}, namespace=self.namespace
        )

    def delete(self, name: str) -> None:
        self.server.kubectl("delete", "secret", name, "-n", self.namespace)


@pytest.fixture
async def secrets(apiserver: ApiServer, tmp_path: Path) -> AsyncIterator[Secrets]:
    made = Secrets(apiserver, tmp_path)
    yield made
    made.source.close()


async def _next(found: Any) -> Data | None:
    async with asyncio.timeout(WITHIN):
        data: Data | None = await anext(found)
    return data and {key: base64.b64decode(value).decode() for key, value in data.items()}


async def test_a_secret_is_seen_as_it_comes_changes_goes_and_comes_again(secrets: Secrets) -> None:
    async with aclosing(secrets.source.follow("stats")) as found:
        assert await _next(found) is None
        following = asyncio.create_task(_next(found))
        await asyncio.sleep(0.5)  # the watch is open
        await asyncio.to_thread(secrets.put, "stats", password="one")
        assert await following == {"password": "one"}
        await asyncio.to_thread(secrets.put, "stats", password="two")
        assert await _next(found) == {"password": "two"}
        await asyncio.to_thread(secrets.delete, "stats")
        assert await _next(found) is None
        await asyncio.to_thread(secrets.put, "stats", password="one")
        assert await _next(found) == {"password": "one"}


async def test_no_other_secret_can_be_read_and_none_listed(secrets: Secrets) -> None:
    secrets.put("stats", password="one")
    secrets.put("other", password="two")
    with pytest.raises(SecretForbidden, match=r"may not read the Secret other.*secrets\.enabled"):
        await anext(secrets.source.follow("other"))
    path = f"/api/v1/namespaces/{secrets.namespace}/secrets"
    for method, target, expected in (
        ("GET", f"{path}/stats", 200),
        ("GET", f"{path}/other", 403),
        ("GET", path, 403),
        ("GET", f"{path}?watch=1&timeoutSeconds=1", 403),
        ("GET", f"{path}?fieldSelector=metadata.name%3Dother&watch=1&timeoutSeconds=1", 403),
        ("DELETE", f"{path}/stats", 403),
    ):
        answer = secrets.server.request(method, target, None, token=secrets.token)
        assert answer.status == expected, (method, target, answer.message)
