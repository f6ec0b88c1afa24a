"""`KubernetesReporter` writes status entries and Leases on a real API server, with only the rights that the plan gives to agents."""

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


class ResourceWithAgents:
    """A namespace with one resource, and the service account of its agents."""

    def __init__(self, server: ApiServer, account: Path) -> None:
        self.server, self.account = server, account
        self.namespace = server.new_namespace("reporter")
        server.apply(resource(), namespace=self.namespace)
        found = server.get("hacluster", "web", "-n", self.namespace)
        server.apply(*access_objects(parse(found), NODES), namespace=self.namespace)
        (account / "token").write_text(server.service_account_token(self.namespace, names.agent("web")))
        (account / "ca.crt").write_bytes(server.ca.read_bytes())

    @contextlib.asynccontextmanager
    async def reporter(self, node: str, cluster: str = "web") -> AsyncIterator[KubernetesReporter]:
        """The reporter of the agent on `node`."""
        host, port = self.server.url.removeprefix("https://").split(":")
        reporter = KubernetesReporter(Server(host, int(port), self.account), cluster, self.namespace, node, system_clock)
        try:
            yield reporter
        finally:
            await reporter.close()

    def nodes(self) -> dict[str, Any]:
        """The entries of `status.nodes` by node."""
        status = self.server.get("hacluster", "web", "-n", self.namespace)["status"]
        return {node["name"]: node for node in status["nodes"]}


@pytest.fixture
def web(apiserver: ApiServer, tmp_path: Path) -> ResourceWithAgents:
    return ResourceWithAgents(apiserver, tmp_path)


def entry(node: str, state: VrrpState) -> NodeStatus:
    virtual_ips = ("172.16.7.200",) if state is VrrpState.MASTER else ()
    router = RouterStatus(name="VI_1", state=state, priority=101, interface="ens3", virtual_ips=virtual_ips, since=SINCE)
    return NodeStatus(name=node, routers=(router,), since=SINCE)


async def test_each_agent_owns_the_entry_of_its_node(web: ResourceWithAgents) -> None:
    async with web.reporter("node1") as one, web.reporter("node2") as two:
        await one.apply(entry("node1", VrrpState.MASTER))
        await two.apply(entry("node2", VrrpState.BACKUP))
        await one.apply(entry("node1", VrrpState.FAULT))
    nodes = web.nodes()
    assert (nodes["node1"]["routers"][0]["state"], nodes["node1"]["routers"][0]["virtualIPs"]) == ("Fault", [])
    assert nodes["node2"]["routers"][0]["state"] == "Backup"
    managers = web.server.get("hacluster", "web", "-n", web.namespace, "--show-managed-fields")["metadata"]["managedFields"]
    assert {"hacluster-agent-node1", "hacluster-agent-node2"} <= {manager["manager"] for manager in managers}


async def test_the_lease_is_renewed(web: ResourceWithAgents) -> None:
    async with web.reporter("node1") as one:
        await one.renew_lease()
        first = lease(web)
        await one.renew_lease()
    assert first["holderIdentity"] == "node1" and first["leaseDurationSeconds"] == 10
    assert lease(web)["renewTime"] > first["renewTime"]


def lease(web: ResourceWithAgents) -> dict[str, Any]:
    spec: dict[str, Any] = web.server.get("lease", names.lease("web", "node1"), "-n", web.namespace)["spec"]
    return spec


async def test_a_report_on_a_deleted_resource_fails_and_does_not_create_it(web: ResourceWithAgents) -> None:
    # The orphaned service account still works: without --cascade=orphan, the garbage collector would delete it.
    web.server.kubectl("delete", "hacluster", "web", "-n", web.namespace, "--cascade=orphan")
    async with web.reporter("node1") as one:
        with pytest.raises(ResourceGone):
            await one.apply(entry("node1", VrrpState.STOPPED))
    assert web.server.get("hacluster", "-n", web.namespace)["items"] == []


async def test_an_agent_may_not_report_on_another_resource(web: ResourceWithAgents) -> None:
    async with web.reporter("node1", cluster="other") as one:
        with pytest.raises(ReportFailed, match="403"):
            await one.apply(entry("node1", VrrpState.MASTER))
        with pytest.raises(ReportFailed, match="403"):
            await one.renew_lease()
