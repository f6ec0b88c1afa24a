"""Planned moves: preferred and cordoned nodes, with agents that hold an election as keepalived does."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from hacluster.nodeconfig import AgentConfig
from tests.api.apiserver import ApiServer
from tests.api.environment import COMMAND, MERGE, NODES, VIP, World, call, now, operator
from tests.waiting import eventually

pytestmark = pytest.mark.apiserver


@dataclass
class Nodes:
    """Agents that load what they are offered, and the node with the highest priority that does not yield has the address.

    Without preemption the holder keeps it until it yields. `moves` are the holders, one after another.
    """

    here: World
    preempts: bool = True
    down: set[str] = field(default_factory=set)
    moves: list[str] = field(default_factory=lambda: ["node1"])
    _said: dict[str, Any] = field(default_factory=dict)

    @property
    def holder(self) -> str:
        return self.moves[-1]

    def play(self) -> None:
        """One moment."""
        orders = {name: self.here.orders(name) for name in NODES}
        best = max((name for name in NODES if name not in self.down), key=lambda name: self._rank(orders[name]))
        keeps = self.holder not in self.down and not self.preempts and not orders[self.holder].routers[0].yields
        if best != self.holder and not keeps:
            self.moves.append(best)
        for name in NODES:
            said = (orders[name].revision, name == self.holder, name in self.down)
            if self._said.get(name) != said:
                took = {"takeoverMilliseconds": 42} if name == self.holder and len(self.moves) > 1 else {}
                self._obey(name, orders[name], took)
                self._said[name] = said

    def _rank(self, orders: AgentConfig) -> int:
        (router,) = orders.routers
        return router.priority - (1000 if router.yields else 0)

    def _obey(self, name: str, orders: AgentConfig, took: dict[str, Any]) -> None:
        (router,) = orders.routers
        holds = name == self.holder
        state = "Fault" if name in self.down else "Master" if holds else "Backup"
        status = {
            "name": router.name, "state": state, "priority": router.priority, "interface": router.interface, "since": now(),
            "virtualIPs": [VIP] if holds else [], **took,
        }  # fmt: skip
        haproxy = "Down" if name in self.down else "Up"
        self.here.obey(name, routers=[status], haproxy=haproxy, configRevision=orders.revision)

    def until_on(self, name: str, within: float = 15) -> None:
        def check() -> None:
            self.play()
            assert self.here.status().get("vipHolder") == self.here.node(name), self.moves

        eventually(check, within=within)

    def rests(self, seconds: float = 3) -> None:
        """For so long nothing moves, and nothing is written into anybody's files."""
        for _ in range(3):
            self.play()
        before = (list(self.moves), self.here.get("configmaps", "web-config")["metadata"]["resourceVersion"])

        def changed() -> None:
            self.play()
            after = (list(self.moves), self.here.get("configmaps", "web-config")["metadata"]["resourceVersion"])
            assert after != before

        with pytest.raises(AssertionError):
            eventually(changed, within=seconds, every=0.1)


@pytest.fixture
def settled(apiserver: ApiServer, here: World) -> Any:
    with operator(apiserver, here.namespace):
        here.create()
        here.settle()
        yield here


def prefer(here: World, name: str, **more: Any) -> None:
    router = {"virtualIPs": [f"{VIP}/24"], "virtualRouterID": 51, "preferredNode": here.node(name)}
    here.change(virtualRouters=[router], **more)


def cordon(here: World, name: str, unschedulable: bool = True) -> None:
    call(here.server, "PATCH", f"/api/v1/nodes/{here.node(name)}", {"spec": {"unschedulable": unschedulable}}, MERGE)


def ready(nodes: Nodes) -> None:
    def check() -> None:
        nodes.play()
        nodes.here.until("Ready", "True", within=0)

    eventually(check, within=15)


def test_one_move_to_the_preferred_node(settled: World) -> None:
    nodes = Nodes(settled)
    prefer(settled, "node3")
    nodes.until_on("node3")
    ready(nodes)
    nodes.rests()
    assert nodes.moves == ["node1", "node3"], "and not over another node"
    assert settled.status()["virtualIPs"][0]["transitions"] == 1
    assert settled.status()["lastFailover"]["reason"] == "Switchover"


@pytest.mark.parametrize("preemption", [{"mode": "Never"}, {"mode": "Delayed", "delay": "5m"}], ids=["never", "delayed"])
def test_also_where_nobody_preempts(apiserver: ApiServer, here: World, preemption: dict[str, str]) -> None:
    with operator(apiserver, here.namespace):
        here.create(vrrp={"preemption": preemption})
        here.settle()
        nodes = Nodes(here, preempts=False)
        prefer(here, "node3")
        nodes.until_on("node3")
        nodes.rests()
        assert nodes.moves == ["node1", "node3"]


def test_refused_while_the_node_is_unfit_and_done_when_it_is_fit(settled: World) -> None:
    nodes = Nodes(settled, down={"node3"})
    nodes.play()
    files = settled.get("configmaps", "web-config")["data"]
    prefer(settled, "node3")

    def refused() -> None:
        message = settled.condition("Degraded")["message"]
        assert f"spec.virtualRouters[0].preferredNode: {settled.node('node3')} cannot have VI_1 now" in message
        assert "its HAProxy does not answer. Nothing was moved" in message

    eventually(refused, within=10)
    nodes.rests()
    assert nodes.moves == ["node1"] and settled.get("configmaps", "web-config")["data"] == files
    nodes.down.clear()
    nodes.until_on("node3")
    ready(nodes)


def test_a_preferred_node_that_fails_gets_it_back_when_it_is_fit_again(settled: World) -> None:
    nodes = Nodes(settled)
    prefer(settled, "node3")
    nodes.until_on("node3")
    ready(nodes)
    nodes.down = {"node3"}
    nodes.until_on("node1")
    nodes.rests()
    nodes.down = set()
    nodes.until_on("node3")
    nodes.rests()
    assert nodes.moves == ["node1", "node3", "node1", "node3"]


def test_a_cordoned_node_yields_and_gets_it_back(settled: World) -> None:
    nodes = Nodes(settled)
    cordon(settled, "node1")
    nodes.until_on("node2", within=5)
    nodes.rests()
    assert settled.status()["lastFailover"]["reason"] == "Drained"
    cordon(settled, "node1", False)
    nodes.until_on("node1")
    nodes.rests()
    assert nodes.moves == ["node1", "node2", "node1"]


def test_the_last_node_keeps_it_though_it_is_cordoned(settled: World) -> None:
    for name in reversed(NODES):  # as long as another was left, node1 would rightly yield to it
        cordon(settled, name)
    nodes = Nodes(settled)
    nodes.rests()
    assert nodes.moves == ["node1"] and not any(settled.orders(name).routers[0].yields for name in NODES)


# ── the command ───────────────────────────────────────────────────────────────────────────────────────────────────────


def switchover(here: World, *arguments: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("KUBERNETES_")}
    return subprocess.Popen(
        [*COMMAND, "switchover", "-n", here.namespace, *arguments],
        env={**environment, "KUBECONFIG": str(here.server.kubeconfig)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen[str], nodes: Nodes | None = None) -> tuple[int, str]:
    """Exit code and everything that was said; the nodes go on meanwhile."""

    def check() -> None:
        if nodes:
            nodes.play()
        assert process.poll() is not None, "it still runs"

    try:
        eventually(check, within=40)
    finally:
        process.kill()
        out, err = process.communicate()
    return process.returncode, out + err


def test_the_command_moves_and_tells(settled: World) -> None:
    nodes = Nodes(settled)
    code, said = finish(switchover(settled, "web", "--to", settled.node("node2")), nodes)
    assert (code, said.strip()) == (0, f"VI_1: {settled.node('node1')} → {settled.node('node2')} in 42 ms")
    spec = settled.get("haclusters", "web")["spec"]
    assert spec["virtualRouters"][0]["preferredNode"] == settled.node("node2")
    code, said = finish(switchover(settled, "web", "--to", settled.node("node2"), "--router", "VI_1"), nodes)
    assert (code, said.strip()) == (0, f"VI_1 is on {settled.node('node2')} already")


def refused(here: World, words: str, *arguments: str, nodes: Nodes | None = None) -> None:
    before = here.get("haclusters", "web")["spec"]
    code, said = finish(switchover(here, *arguments), nodes)
    assert code == 1 and words in said and said.count("\n") == 1 and "Traceback" not in said, said
    assert here.get("haclusters", "web")["spec"] == before


def test_the_command_refuses_an_unfit_node(settled: World) -> None:
    two = settled.node("node2")
    nodes = Nodes(settled, down={"node2"})
    nodes.play()
    refused(settled, f"{two} cannot have VI_1 now: its keepalived is in FAULT", "web", "--to", two)
    settled.obey("node2", haproxy="Down")
    refused(settled, "its HAProxy does not answer. Nothing was changed", "web", "--to", two)
    settled.obey("node2")
    cordon(settled, "node2")
    refused(settled, f"it is cordoned (kubectl uncordon {two})", "web", "--to", two)
    cordon(settled, "node2", False)
    refused(settled, "there is no such node", "web", "--to", "nowhere")
    settled.label_node("node2", {"hacluster.dev/world": "elsewhere"})
    refused(settled, "spec.nodeSelector does not select it", "web", "--to", two)
    settled.label_node("node2", settled.label)
    refused(settled, "there is no VI_9, only VI_1", "web", "--to", two, "--router", "VI_9")
    code, said = finish(switchover(settled, "other", "--to", two))
    assert code == 1 and "there is no HACluster other" in said


def test_the_command_refuses_a_silent_node(settled: World) -> None:
    settled.silence("node2")
    settled.until("Degraded", "True", "NodeSilent", within=20)
    refused(settled, "it is silent", "web", "--to", settled.node("node2"))


def test_the_command_says_why_it_gave_up(settled: World) -> None:
    code, said = finish(switchover(settled, "web", "--to", settled.node("node2"), "--timeout", "2s"))  # and no agent does a thing
    assert code == 1 and f"VI_1 is not on {settled.node('node2')} after 2 s, but on {settled.node('node1')}" in said, said
    assert "is on its way" in said


def test_the_command_tells_the_operator_s_refusal(settled: World) -> None:
    """The node was fit a moment ago, when the command looked."""
    process = switchover(settled, "web", "--to", settled.node("node2"))

    def asked() -> None:
        assert "preferredNode" in settled.get("haclusters", "web")["spec"]["virtualRouters"][0]

    eventually(asked, within=10, every=0.02)
    settled.obey("node2", haproxy="Down")
    code, said = finish(process)
    assert code == 1 and "its HAProxy does not answer. Nothing was moved" in said, said


def test_the_command_wants_to_know_which_of_several_routers(apiserver: ApiServer, here: World) -> None:
    routers: Sequence[dict[str, Any]] = [
        {"name": "a", "virtualIPs": [f"{VIP}/24"]},
        {"name": "b", "virtualIPs": ["172.16.7.201/24"]},
    ]
    with operator(apiserver, here.namespace):
        here.create(virtualRouters=routers)
        refused(here, "--router: say which one of a, b", "web", "--to", here.node("node2"))
