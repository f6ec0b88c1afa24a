"""The one place where the agent's parts leave what they observed, and where others wait for a change."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from hacluster.agent.system.network import Network, bare
from hacluster.api.status import Health, NodeProblem, VrrpState
from hacluster.nodeconfig import AgentConfig, Router


@dataclass(frozen=True)
class Instance:
    """What keepalived says of one VRRP instance; `priority` is the effective one, 0 when unknown."""

    state: VrrpState
    priority: int = 0


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Observation:
    """Everything that is known about the node at one moment."""

    network: Network | None = None
    offered: AgentConfig | None = None
    """What the mounted ConfigMap holds, whether or not it could be installed."""
    installed: AgentConfig | None = None
    """What the daemons have loaded."""
    started: bool = False
    """The first configuration is installed: from now on the daemons are expected to live."""
    keepalived: bool | None = None
    """Whether a process lives that may own virtual IPs; None before the first look."""
    instances: Mapping[str, Instance] = field(default_factory=_empty)
    learned: bool = False
    """keepalived was asked for its states since it, or the agent, started."""
    haproxy: Health = Health.UNKNOWN
    apache: Health | None = None
    leaving: bool = False
    """The pod ends."""
    takeovers: Mapping[str, int] = field(default_factory=_empty)
    """Milliseconds that it took to take a virtual router over, while it is held; by its name."""
    problems: Mapping[str, tuple[NodeProblem, ...]] = field(default_factory=_empty)
    """By the part that found them."""

    @property
    def virtual_ips(self) -> frozenset[str]:
        """Every virtual IP of the resource, as far as the node was told: without prefix lengths."""
        configs = (config for config in (self.installed, self.offered) if config is not None)
        return frozenset(bare(address) for config in configs for address in config.all_virtual_ips)

    @property
    def settled(self) -> bool:
        """Whether every part has had its first look: an entry before that would say less than the one before a restart."""
        vrrp = self.keepalived is False or (self.keepalived is True and self.learned)
        haproxy = not self.started or self.haproxy is not Health.UNKNOWN
        return self.network is not None and vrrp and haproxy


def held_virtual_ips(router: Router, network: Network | None) -> tuple[str, ...]:
    """The router's virtual IPs that this node's kernel has on the router's interface, without prefix lengths."""
    present = network.on(router.interface) if network else frozenset()
    return tuple(address for address in map(bare, router.virtual_ips) if address in present)


def holds(router: Router, network: Network | None) -> bool:
    """Whether this node's kernel has any of the router's virtual IPs."""
    return bool(held_virtual_ips(router, network))


class AgentState:
    """Holds the newest observation; every change has a number, so that nobody who waits can miss one."""

    def __init__(self) -> None:
        self.now = Observation()
        self.version = 0
        self._changed = asyncio.Event()

    def update(self, **changes: Any) -> bool:
        """Replaces fields of the observation; returns whether anything differs."""
        after = replace(self.now, **changes)
        if after == self.now:
            return False
        self.now = after
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()
        return True

    def put_instance(self, name: str, instance: Instance | None) -> None:
        """Sets or forgets one VRRP instance."""
        instances = {key: value for key, value in self.now.instances.items() if key != name}
        self.update(instances=instances if instance is None else instances | {name: instance})

    def put_problems(self, part: str, *problems: NodeProblem) -> None:
        """Replaces what `part` complains about."""
        others = {key: value for key, value in self.now.problems.items() if key != part}
        self.update(problems=others | {part: problems} if problems else others)

    async def changed_since(self, version: int) -> int:
        """Waits until the state is newer than `version`; returns its version then."""
        while self.version <= version:
            await self._changed.wait()
        return self.version
