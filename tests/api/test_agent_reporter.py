"""The agent's reports reach a real API server, with no more rights than the plan gives to agents."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hacluster import names
from hacluster.agent.status.kube import KubernetesReporter, Server
from hacluster.agent.status.publisher import ReportFailed, ResourceGone
from hacluster.agent.system.clock import system_clock
from hacluster.api import parse
from hacluster.api.status import NodeStatus, RouterStatus, VrrpState
from hacluster.plan.objects.access import access_objects
from tests.api.apiserver import ApiServer

pytestmark = pytest.mark.apiserver

NODES = ("node1", "node2")
SINCE = "2026-01-02T12:00:00.000005Z"


def resource() -> dict[str, Any]:
    spec = {
        "nodeSelector": {"role": "lb"},
        "virtualRouters": [{"virtualIPs": ["172.16.7.200/24"]}],
        "haproxy": {"listeners": [{"name": "web", "port": 80, "backend": {"apache": {}}}]},
        "apache": {},
    }
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": "web"}, "spec": spec}


class World:
    """A namespace with one resource, and its agents."""

    def __init__(self, server: ApiServer, account: Path) -> None:
        self.server, self.account = server, account
        self.namespace = server.new_namespace("reporter")
        server.apply(resource(), namespace=self.namespace)
        found = server.get("hacluster", "web", "-n", self.namespace)
        server.apply(*access_objects(parse(found), NODES), namespace=self.namespace)
        (account / "token").write_text(server.service_account_token(self.namespace, names.agent("web")))
        (account / "ca.crt").write_bytes(server.ca.read_bytes())

    @contextlib.asynccontextmanager
    async def agent(self, node: str, cluster: str = "web") -> AsyncIterator[KubernetesReporter]:
        host, port = self.server.url.removeprefix("https://").split(":")
        reporter = KubernetesReporter(Server(host, int(port), self.account), cluster, self.namespace, node, system_clock)
        try:
            yield reporter
        finally:
            await reporter.close()

    def nodes(self) -> dict[str, Any]:
        status = self.server.get("hacluster", "web", "-n", self.namespace)["status"]
        return {node["name"]: node for node in status["nodes"]}


@pytest.fixture
def world(apiserver: ApiServer, tmp_path: Path) -> World:
    return World(apiserver, tmp_path)


def entry(node: str, state: VrrpState) -> NodeStatus:
    held = ("172.16.7.200",) if state is VrrpState.MASTER else ()
    router = RouterStatus(name="VI_1", state=state, priority=101, interface="ens3", virtual_ips=held, since=SINCE)
    return NodeStatus(name=node, routers=(router,), since=SINCE)


async def test_each_node_owns_its_own_entry(world: World) -> None:
    async with world.agent("node1") as one, world.agent("node2") as two:
        await one.apply(entry("node1", VrrpState.MASTER))
        await two.apply(entry("node2", VrrpState.BACKUP))
        await one.apply(entry("node1", VrrpState.FAULT))
    nodes = world.nodes()
    assert (nodes["node1"]["routers"][0]["state"], nodes["node1"]["routers"][0]["virtualIPs"]) == ("Fault", [])
    assert nodes["node2"]["routers"][0]["state"] == "Backup"
    managers = world.server.get("hacluster", "web", "-n", world.namespace, "--show-managed-fields")["metadata"]["managedFields"]
    assert {"hacluster-agent-node1", "hacluster-agent-node2"} <= {manager["manager"] for manager in managers}


async def test_the_lease_is_renewed(world: World) -> None:
    async with world.agent("node1") as one:
        await one.renew_lease()
        first = lease(world)
        await one.renew_lease()
    assert first["holderIdentity"] == "node1" and first["leaseDurationSeconds"] == 10
    assert lease(world)["renewTime"] > first["renewTime"]


def lease(world: World) -> dict[str, Any]:
    spec: dict[str, Any] = world.server.get("lease", names.lease("web", "node1"), "-n", world.namespace)["spec"]
    return spec


async def test_a_deleted_resource_is_gone_and_not_made_again(world: World) -> None:
    # The agent's own account outlives it here: the garbage collector would take that as well, sooner or later.
    world.server.kubectl("delete", "hacluster", "web", "-n", world.namespace, "--cascade=orphan")
    async with world.agent("node1") as one:
        with pytest.raises(ResourceGone):
            await one.apply(entry("node1", VrrpState.STOPPED))
    assert world.server.get("hacluster", "-n", world.namespace)["items"] == []


async def test_somebody_elses_resource_is_not_the_agents(world: World) -> None:
    async with world.agent("node1", cluster="other") as one:
        with pytest.raises(ReportFailed, match="403"):
            await one.apply(entry("node1", VrrpState.MASTER))
        with pytest.raises(ReportFailed, match="403"):
            await one.renew_lease()
