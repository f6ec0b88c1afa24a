"""The node's entry in `status.nodes`, from what was observed and the entry before it. Pure."""

from hacluster.agent.state import Instance, Observation, held_virtual_ips
from hacluster.agent.system.network import Network, interfaces
from hacluster.api.status import NodeStatus, RouterStatus, VrrpState
from hacluster.nodeconfig import Router


def build_entry(node: str, version: str, seen: Observation, previous: NodeStatus | None, now: str) -> NodeStatus:
    """What the node reports. `since` moves only where the content differs from `previous`."""
    network = seen.network or Network()
    config = seen.installed
    before = {router.name: router for router in previous.routers} if previous else {}
    entry = NodeStatus(
        name=node,
        agent_version=version,
        routers=tuple(_router(router, seen, network, before.get(router.name), now) for router in config.routers)
        if config
        else (),
        interfaces=interfaces(network, seen.virtual_ips),
        haproxy=seen.haproxy,
        apache=seen.apache,
        leaving=seen.leaving or None,
        config_revision=config.revision if config else "",
        since=now,
        problems=tuple(problem for part in sorted(seen.problems) for problem in seen.problems[part])[:16],
    )
    if previous is not None and entry.model_copy(update={"since": previous.since}) == previous:
        return previous
    return entry


def _router(router: Router, seen: Observation, network: Network, previous: RouterStatus | None, now: str) -> RouterStatus:
    """The state is keepalived's word, the addresses are the kernel's."""
    claimed = held_virtual_ips(router, network)
    said = _instance(router, seen)
    status = RouterStatus(
        name=router.name,
        state=said.state,
        priority=said.priority,
        interface=router.interface,
        virtual_ips=claimed,
        since=now,
        takeover_milliseconds=seen.takeovers.get(router.name) if claimed else None,
    )
    if previous is not None and (previous.state, previous.virtual_ips) == (status.state, status.virtual_ips):
        took = status.takeover_milliseconds
        kept = previous.takeover_milliseconds if took is None else took  # an agent that was restarted has timed nothing
        return status.model_copy(update={"since": previous.since, "takeover_milliseconds": kept})
    return status


def _instance(router: Router, seen: Observation) -> Instance:
    if seen.keepalived is None:
        return Instance(VrrpState.UNKNOWN)
    if not seen.keepalived:
        return Instance(VrrpState.STOPPED)
    return seen.instances.get(router.name, Instance(VrrpState.UNKNOWN))
