"""`KubernetesReporter` writes and watches HAClusterNodes on a real API server, with only the rights that the plan gives to agents."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hacluster import names
from hacluster.agent.status.kube import KubernetesReporter, Server
from hacluster.agent.status.publisher import ReportFailed, ResourceGone, Stored
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
        reporter = KubernetesReporter(Server(host, int(port), self.account), cluster, self.namespace, node)
        try:
            yield reporter
        finally:
            await reporter.close()

    def node(self, name: str) -> dict[str, Any]:
        """The HAClusterNode of a node."""
        found: dict[str, Any] = self.server.get("haclusternode", f"web.{name}", "-n", self.namespace, "--show-managed-fields")
        return found

    def annotate(self, name: str, value: str) -> None:
        """The operator asks whether the agent still runs."""
        annotation = f"{names.ANNOTATION_LIVENESS_REQUEST}={value}"
        self.server.kubectl("annotate", "--overwrite", "haclusternode", f"web.{name}", "-n", self.namespace, annotation)


@pytest.fixture
def web(apiserver: ApiServer, tmp_path: Path) -> ResourceWithAgents:
    return ResourceWithAgents(apiserver, tmp_path)


def entry(node: str, state: VrrpState) -> NodeStatus:
    virtual_ips = ("172.16.7.200",) if state is VrrpState.MASTER else ()
    router = RouterStatus(name="VI_1", state=state, priority=101, interface="ens3", virtual_ips=virtual_ips, since=SINCE)
    return NodeStatus(name=node, routers=(router,), since=SINCE)


async def test_an_agent_reads_the_entries_of_its_resource_only(web: ResourceWithAgents) -> None:
    async with web.reporter("node1") as one, web.reporter("node2") as two:
        assert await one.read("node2") is None  # no report yet
        await two.apply(entry("node2", VrrpState.MASTER))
        assert await one.read("node2") == entry("node2", VrrpState.MASTER)
        assert await one.read("node9") is None  # not in the Role


async def test_each_agent_writes_the_object_of_its_node(web: ResourceWithAgents) -> None:
    async with web.reporter("node1") as one, web.reporter("node2") as two:
        await one.apply(entry("node1", VrrpState.MASTER))
        await two.apply(entry("node2", VrrpState.BACKUP))
        await one.apply(entry("node1", VrrpState.FAULT))
        version = web.node("node1")["metadata"]["resourceVersion"]
        await one.apply(entry("node1", VrrpState.FAULT))
    node = web.node("node1")
    assert (node["status"]["routers"][0]["state"], node["status"]["routers"][0]["virtualIPs"]) == ("Fault", [])
    assert node["metadata"]["resourceVersion"] == version, "an unchanged report is not stored again"
    assert web.node("node2")["status"]["routers"][0]["state"] == "Backup"
    assert names.AGENT_MANAGER in {each["manager"] for each in node["metadata"]["managedFields"]}


async def test_what_another_client_has_put_into_the_status_is_replaced(web: ResourceWithAgents) -> None:
    patch = json.dumps({"status": {"name": "node1", "leaving": True, "interfaces": [{"name": "x"}]}})
    options = ("--subresource=status", "--type=merge", "-p", patch)
    web.server.kubectl("patch", "haclusternode", "web.node1", "-n", web.namespace, *options)
    async with web.reporter("node1") as one:
        await one.apply(entry("node1", VrrpState.BACKUP))
    status = web.node("node1")["status"]
    assert "leaving" not in status and status["interfaces"] == []


async def test_the_watch_shows_what_is_stored_and_what_the_operator_asks(web: ResourceWithAgents) -> None:
    async with web.reporter("node1") as one, asyncio.timeout(20):
        watch = one.watch()
        assert await anext(watch) == Stored(None)
        await one.apply(entry("node1", VrrpState.MASTER))
        assert await anext(watch) == Stored(entry("node1", VrrpState.MASTER))
        web.annotate("node1", "77")
        assert await anext(watch) == Stored(entry("node1", VrrpState.MASTER), "77")
        await watch.aclose()


async def test_a_report_to_a_deleted_object_fails_and_does_not_create_it(web: ResourceWithAgents) -> None:
    web.server.kubectl("delete", "haclusternode", "web.node1", "-n", web.namespace)
    async with web.reporter("node1") as one:
        with pytest.raises(ResourceGone):
            await one.apply(entry("node1", VrrpState.STOPPED))
    found = web.server.get("haclusternode", "-n", web.namespace)["items"]
    assert [each["metadata"]["name"] for each in found] == ["web.node2"]


async def test_an_agent_may_not_report_on_another_resource(web: ResourceWithAgents) -> None:
    async with web.reporter("node1", cluster="other") as one:
        with pytest.raises(ReportFailed, match="403"):
            await one.apply(entry("node1", VrrpState.MASTER))
        with pytest.raises(ReportFailed, match="403"):
            await anext(one.watch())
