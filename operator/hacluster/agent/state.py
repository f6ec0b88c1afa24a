"""The agent's record of what was observed on the node.

Each part updates its own fields of the one `AgentState` (`state.update(...)`) and reads those of the others from `state.now`.
Parts that act on a change wait with `state.wait_for_change(version)`. All of it runs in one event loop, so there are no locks.
Advertisements are not part of the state, because they arrive many times a second: `vrrp.adverts.LastAdverts` has them, and
`vrrp.anomalies.Anomalies` what is wrong with them.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from hacluster.agent.services.view import ServiceView
from hacluster.agent.system.network import Network, without_prefix
from hacluster.agent.system.own_addresses import ByInterface
from hacluster.api.status import Health, ListenerStatus, NodeProblem, NodeStatus, VrrpState
from hacluster.nodeconfig import AgentConfig, Router


@dataclass(frozen=True)
class Instance:
    """A VRRP instance as keepalived reports it; `priority` is the effective one, 0 when unknown."""

    state: VrrpState
    priority: int = 0


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Observation:
    """Everything that was observed on the node, at one moment."""

    network: Network | None = None
    """Links and addresses of the kernel; None before they were read for the first time."""
    present_since: Mapping[str, float] = field(default_factory=_empty)
    """When this agent saw each of the kernel's addresses first (seconds of the event loop), by the address without its prefix."""
    own_addresses: ByInterface | None = None
    """The node's own addresses as they have settled (`own_addresses.Settling`), None before the network was read."""
    offered: AgentConfig | None = None
    """The configuration in the mounted ConfigMap, whether or not it could be installed."""
    installed: AgentConfig | None = None
    """The configuration that the daemons have loaded."""
    started: bool = False
    """Whether the first configuration is installed: from then on the daemons are expected to run."""
    keepalived: bool | None = None
    """Whether a keepalived process runs that may own virtual IPs; None before the first check."""
    instances: Mapping[str, Instance] = field(default_factory=_empty)
    """VRRP instances by the name of their router."""
    states_known: bool = False
    """Whether `instances` is complete: keepalived was asked for all its states after its last start and the agent's."""
    real_time: bool | None = None
    """Whether keepalived has real-time scheduling; None: not known, or no interval asks for it."""
    haproxy: Health = Health.UNKNOWN
    apache: Health | None = None
    """None where the configuration has no Apache."""
    listeners: tuple[ListenerStatus, ...] = ()
    """The listeners' servers as HAProxy sees them; empty while it is not up, and until it has checked them once."""
    services: Mapping[str, ServiceView] = field(default_factory=_empty)
    """The Services that the configuration names, as they were last seen. One that is absent has not been seen yet."""
    held_back: frozenset[str] = frozenset()
    """Routers whose virtual IPs this node must not take from their holder yet."""
    leaving: bool = False
    """Whether the pod is about to end."""
    takeovers: Mapping[str, int] = field(default_factory=_empty)
    """Duration of the last takeover in milliseconds, by router, for routers that this node holds."""
    problems: Mapping[str, tuple[NodeProblem, ...]] = field(default_factory=_empty)
    """Problems by the part that found them."""
    other_agent: NodeStatus | None = None
    """What the agent reports that runs on this node while this one waits for its end; None in an agent that runs."""
    lost_nodes: frozenset[str] = frozenset()
    """Other nodes of the resource whose kernels no longer answer."""
    liveness_request: str = ""
    """The operator's last question whether the agent still runs."""
    repairs: int = 0
    """How often another client had changed this node's stored status."""

    @property
    def virtual_ips(self) -> frozenset[str]:
        """Every virtual IP of the resource that a configuration of this node lists, without prefix lengths."""
        configs = (config for config in (self.installed, self.offered) if config is not None)
        return frozenset(without_prefix(address) for config in configs for address in config.all_virtual_ips)

    @property
    def named_interfaces(self) -> frozenset[str]:
        """The interfaces that a configuration of this node names."""
        return frozenset(name for config in (self.installed, self.offered) if config for name in config.named_interfaces)

    def router(self, name: str) -> Router | None:
        """The router of this name, as it is installed, else as it is offered."""
        configs = (config for config in (self.installed, self.offered) if config is not None)
        return next((router for config in configs for router in config.routers if router.name == name), None)

    @property
    def complete(self) -> bool:
        """Whether network, keepalived and HAProxy were all observed since the agent started.

        Before that, an entry would report less than the entry that the agent published before its restart.
        """
        if self.other_agent is not None:
            return True
        vrrp = self.keepalived is False or (self.keepalived is True and self.states_known)
        haproxy = not self.started or self.haproxy is not Health.UNKNOWN
        return self.network is not None and vrrp and haproxy


def held_virtual_ips(router: Router, network: Network | None) -> tuple[str, ...]:
    """The router's virtual IPs that this node's kernel has on the interface for them, without prefix lengths."""
    present = network.on(router.virtual_ip_interface) if network else frozenset()
    return tuple(address for address in map(without_prefix, router.virtual_ips) if address in present)


def holds(router: Router, network: Network | None) -> bool:
    """Whether this node's kernel has any of the router's virtual IPs on the interface for them."""
    return bool(held_virtual_ips(router, network))


class AgentState:
    """The newest observation (`now`) and its number (`version`). Every change gets a new number, so no waiter misses one."""

    def __init__(self) -> None:
        self.now = Observation()
        self.version = 0
        self._changed = asyncio.Event()

    def update(self, **changes: Any) -> bool:
        """Replaces fields of the observation; returns whether any value differs."""
        after = replace(self.now, **changes)
        if after == self.now:
            return False
        self.now = after
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()
        return True

    def put_instance(self, name: str, instance: Instance | None) -> None:
        """Sets one VRRP instance; None removes it."""
        instances = {key: value for key, value in self.now.instances.items() if key != name}
        self.update(instances=instances if instance is None else instances | {name: instance})

    def put_problems(self, part: str, *problems: NodeProblem) -> None:
        """Replaces all problems of `part`; without `problems`, it has none."""
        others = {key: value for key, value in self.now.problems.items() if key != part}
        self.update(problems=others | {part: problems} if problems else others)

    async def wait_for_change(self, version: int, within: float | None = None) -> bool:
        """Waits until the state is newer than `version`, for at most `within` seconds (None: for ever). Returns whether it is newer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self.version <= version:
                    await self._changed.wait()
        return self.version > version
