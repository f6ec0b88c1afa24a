"""The agent follows Services and EndpointSlices on a real API server, with only the rights that the plan gives to agents."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hacluster import names
from hacluster.agent.haproxy.endpoint_lines import EndpointLines
from hacluster.agent.haproxy.service_monitor import ServiceMonitor
from hacluster.agent.state import AgentState
from hacluster.agent.status.connection import Server
from hacluster.agent.status.services import KubernetesServices
from hacluster.api import parse
from hacluster.nodeconfig import AgentConfig, File, Service
from hacluster.plan.objects.access import access_objects
from hacluster.plan.objects.service_access import service_access_objects
from tests.api.apiserver import ApiServer
from tests.api.proxy import proxy
from tests.unit.plan.clusters import plan
from tests.waiting import eventually_async

pytestmark = pytest.mark.apiserver

SHOP = {"service": {"name": "shop", "port": 80}}
SOON = 1.0
"""Seconds in which an agent knows of a change."""


def resource(backend: dict[str, Any]) -> dict[str, Any]:
    spec = {
        "nodeSelector": {"role": "lb"},
        "virtualRouters": [{"virtualIPs": ["192.0.2.10/24"]}],
        "haproxy": {"listeners": [{"name": "web", "port": 80, "backend": backend}]},
    }
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": "web"}, "spec": spec}


def service(**spec: Any) -> dict[str, Any]:
    ports = [{"name": "http", "port": 80, "targetPort": "web"}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}, "spec": {"ports": ports, **spec}}


def endpoints(*addresses: str, owner: str = "shop") -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{owner}-test", "labels": {"kubernetes.io/service-name": owner}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [{"addresses": [each], "conditions": {"ready": True}} for each in addresses],
    }


class Namespace:
    """A namespace with a resource, and an agent of it that follows the Service `shop`."""

    def __init__(self, server: ApiServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.name = server.new_namespace("services")
        self.state, self.port = AgentState(), int(server.url.rpartition(":")[2])
        self.use(SHOP)
        (folder / "token").write_text(server.service_account_token(self.name, names.agent("web")))
        (folder / "ca.crt").write_bytes(server.ca.read_bytes())

    def use(self, backend: dict[str, Any]) -> None:
        """The resource has this backend, and its agents the rights for it."""
        self.server.apply(resource(backend), namespace=self.name)
        found = parse(self.server.get("hacluster", "web", "-n", self.name))
        self.server.apply(*access_objects(found, ("n1",)), namespace=self.name)
        agent = AgentConfig.model_validate_json(plan(found).texts["n1"][File.AGENT])
        self.state.update(offered=agent, installed=agent)

    def apply(self, *objects: dict[str, Any]) -> None:
        self.server.apply(*objects, namespace=self.name)

    def delete(self, kind: str, name: str) -> None:
        self.server.kubectl("delete", kind, name, "-n", self.name)

    @contextlib.asynccontextmanager
    async def agent(self, port: int = 0) -> AsyncIterator[None]:
        """Follows during the block; `port`: where the API server is asked."""
        source = KubernetesServices(Server("127.0.0.1", port or self.port, self.folder), self.name)
        monitor = ServiceMonitor(self.state, source, self.folder / "services.json")
        task = asyncio.create_task(monitor.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            source.close()

    async def sees(self, *addresses: str, problem: str = "", within: float = SOON + 4) -> None:
        """Waits until these are the endpoints in use. A part of the time is that of kubectl and a busy machine."""

        def same() -> bool:
            assert self.state.now.installed
            found = EndpointLines(self.state).endpoints(self.state.now.installed)["web"]
            wanted = [f"{each}:8080" for each in addresses]
            return found.known and [each.name for each in found.used] == wanted and problem in found.problem

        await eventually_async(same, within=within)


@pytest.fixture
def shop(apiserver: ApiServer, tmp_path: Path) -> Namespace:
    return Namespace(apiserver, tmp_path)


async def test_a_service_appears_changes_and_disappears(shop: Namespace) -> None:
    async with shop.agent():
        await shop.sees(problem="no such Service", within=20)
        shop.apply(service(), endpoints("10.1.0.1"), endpoints("10.1.0.9", owner="other"))
        await shop.sees("10.1.0.1")
        shop.apply(endpoints("10.1.0.1", "10.1.0.2"))
        started = time.monotonic()
        await shop.sees("10.1.0.1", "10.1.0.2")
        assert time.monotonic() - started < SOON
        shop.apply(service(ports=[{"name": "http", "port": 81}]))
        await shop.sees(problem="no TCP port 80")
        shop.apply(service())
        shop.delete("endpointslice", "shop-test")
        await shop.sees()
        shop.apply(endpoints("10.1.0.3"))
        await shop.sees("10.1.0.3")
        shop.delete("service", "shop")
        await shop.sees(problem="no such Service")


async def test_without_the_right_the_agent_waits_for_it_and_keeps_what_it_knows(shop: Namespace) -> None:
    shop.apply(service(), endpoints("10.1.0.1"))
    async with shop.agent():
        await shop.sees("10.1.0.1", within=20)
    agent = shop.state.now.installed
    shop.use({"servers": [{"name": "a", "address": "10.0.0.1", "port": 80}]})
    shop.state.update(offered=agent, installed=agent)
    shop.apply(endpoints("10.1.0.2"))
    async with shop.agent():
        await asyncio.sleep(2)
        await shop.sees("10.1.0.1", within=0.1)  # as the record of the agent before says
        shop.use(SHOP)
        await shop.sees("10.1.0.2", within=20)


async def test_services_of_two_namespaces_are_followed_and_a_right_that_one_lacks_concerns_no_other(shop: Namespace) -> None:
    """The right is that of the objects which the operator makes in the other namespace."""
    tenant = shop.server.new_namespace("tenant")
    assert shop.state.now.installed
    theirs = Service(name="shop", namespace=tenant, port=80, field="f", words="check")
    both = shop.state.now.installed.model_copy(update={"services": {**shop.state.now.installed.services, "theirs": theirs}})
    shop.state.update(offered=both, installed=both)
    shop.apply(service(), endpoints("10.1.0.1"))
    shop.server.apply(service(), endpoints("10.2.0.1"), namespace=tenant)
    resource = parse(shop.server.get("hacluster", "web", "-n", shop.name))

    async def theirs_are(*addresses: str, within: float = SOON + 4) -> None:
        def same() -> bool:
            found = EndpointLines(shop.state).endpoints(both)["theirs"]
            return found.known == bool(addresses) and [each.address for each in found.used] == list(addresses)

        await eventually_async(same, within=within)

    async with shop.agent():
        await shop.sees("10.1.0.1", within=20)
        await theirs_are()
        shop.server.apply(*service_access_objects(resource, tenant), namespace=tenant)
        await theirs_are("10.2.0.1", within=20)
        shop.server.apply(endpoints("10.2.0.2"), namespace=tenant)
        await theirs_are("10.2.0.2")
        shop.apply(endpoints("10.1.0.2"))
        await shop.sees("10.1.0.2")
        shop.server.kubectl("delete", "rolebinding,role", "--all", "-n", tenant)
        shop.apply(endpoints("10.1.0.3"))
        await shop.sees("10.1.0.3")


async def test_an_api_server_that_is_away_changes_nothing_and_what_happened_meanwhile_is_seen_afterwards(shop: Namespace) -> None:
    shop.apply(service(), endpoints("10.1.0.1"))
    with proxy(shop.port) as before:
        async with shop.agent(before.port):
            await shop.sees("10.1.0.1", within=20)
            before.cut()
            shop.apply(endpoints("10.1.0.2"))
            await asyncio.sleep(1.5)
            await shop.sees("10.1.0.1", within=0.1)
            before.resume()
            await shop.sees("10.1.0.2", within=15)
