"""Simulates VRRP elections between the agents of an `Environment`, for tests of planned moves.

An `Election` reads each node's agent.json and decides as keepalived does which node holds the virtual IP. Its agents load each new
configuration at once and report the result.
"""

from dataclasses import dataclass, field
from typing import Any

from hacluster.nodeconfig import AgentConfig
from tests.api.environment import NODES, VIP, Environment, timestamp
from tests.waiting import assert_unchanged, eventually


@dataclass
class Election:
    """The nodes of the resource `web`: the one with the highest priority that does not yield holds the virtual IP."""

    env: Environment
    preempts: bool = True
    """If False, the holder keeps the virtual IP until it yields or fails."""
    down: set[str] = field(default_factory=set)
    """Nodes in FAULT, with a HAProxy that does not answer."""
    leaving: set[str] = field(default_factory=set)
    """Nodes whose pods end: their daemons still answer, but yield to every other node."""
    pods: dict[str, str] = field(default_factory=dict)
    """Node → its pod, which its agent names in each entry."""
    moves: list[str] = field(default_factory=lambda: ["node1"])
    """All holders, the present one last."""
    _reported: dict[str, Any] = field(default_factory=dict)
    """What each node has last reported: revision, whether it holds the virtual IP, whether it is down."""

    @property
    def holder(self) -> str:
        """The node that holds the virtual IP."""
        return self.moves[-1]

    def step(self) -> None:
        """Elects the holder from the present configurations; nodes for which something has changed report it."""
        configs = {name: self.env.agent_config(name) for name in NODES}
        best = max((name for name in NODES if name not in self.down), key=lambda name: self._rank(name, configs[name]))
        keeps = self.holder not in self.down and not self.preempts and not configs[self.holder].routers[0].yields
        if best != self.holder and not keeps:
            self.moves.append(best)
        for name in NODES:
            report = (configs[name].revision, name == self.holder, name in self.down, name in self.leaving, self.pods.get(name))
            if self._reported.get(name) != report:
                takeover = {"takeoverMilliseconds": 42} if name == self.holder and len(self.moves) > 1 else {}
                self._report(name, configs[name], takeover)
                self._reported[name] = report

    def _rank(self, name: str, config: AgentConfig) -> int:
        (router,) = config.routers
        return router.priority - (1000 if router.yields or name in self.leaving else 0)

    def _report(self, name: str, config: AgentConfig, takeover: dict[str, Any]) -> None:
        (router,) = config.routers
        holds = name == self.holder
        state = "Fault" if name in self.down else "Master" if holds else "Backup"
        status = {
            "name": router.name, "state": state, "priority": router.priority, "interface": router.interface, "since": timestamp(),
            "virtualIPs": [VIP] if holds else [], **takeover,
        }  # fmt: skip
        haproxy = "Down" if name in self.down else "Up"
        pod: dict[str, Any] = {"pod": self.pods[name]} if name in self.pods else {}
        leaving: dict[str, Any] = {"leaving": True} if name in self.leaving else {}
        self.env.report_loaded(name, routers=[status], haproxy=haproxy, configRevision=config.revision, **pod, **leaving)

    def run_until_holder(self, name: str, within: float = 15) -> None:
        """Repeats `step` until status shows `name` as the holder."""

        def check() -> None:
            self.step()
            assert self.env.status().get("vipHolder") == self.env.node(name), self.moves

        eventually(check, within=within)

    def assert_stable(self, seconds: float = 3) -> None:
        """For `seconds` the holder stays the same, and the operator does not change the nodes' configuration."""
        for _ in range(3):
            self.step()
        assert_unchanged(self._moves_and_config_version(), self._step_and_read, seconds=seconds)

    def _step_and_read(self) -> tuple[list[str], str]:
        self.step()
        return self._moves_and_config_version()

    def _moves_and_config_version(self) -> tuple[list[str], str]:
        return list(self.moves), self.env.get("configmaps", "web-config")["metadata"]["resourceVersion"]

    def run_until_ready(self) -> None:
        """Repeats `step` until the resource is Ready."""

        def check() -> None:
            self.step()
            self.env.wait_for_condition("Ready", "True", within=0)

        eventually(check, within=15)
