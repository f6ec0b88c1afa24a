"""Builds the node's entry, the status of its HAClusterNode, from what was observed. Pure.

`build_entry` is called by the publisher after every change of the state. It gets the previous entry too, because `since` has to
stay the same while the content does.
"""

from hacluster.agent.state import Instance, Observation, held_virtual_ips
from hacluster.agent.system.network import Network, interfaces
from hacluster.agent.system.own_addresses import tell_apart
from hacluster.api.reasons import Reason
from hacluster.api.status import MAX_LOST, MAX_PROBLEMS, InterfaceStatus, NodeProblem, NodeStatus, RouterStatus, VrrpState
from hacluster.nodeconfig import Router


def build_entry(
    node: str, version: str, observation: Observation, previous: NodeStatus | None, now: str, *, pod: str = ""
) -> NodeStatus:
    """The node's entry. `version` is the agent's, `pod` the name of its pod; `now` is a timestamp for `since`.

    The entry and each router in it get `now` only where their content differs from `previous`. Where nothing differs,
    `previous` itself is returned.
    """
    network = observation.network or Network()
    config = observation.installed
    previous_routers = {router.name: router for router in previous.routers} if previous else {}
    entry = NodeStatus(
        name=node,
        agent_version=version,
        pod=pod,
        routers=tuple(
            _router_status(router, observation, network, previous_routers.get(router.name), now) for router in config.routers
        )
        if config
        else (),
        interfaces=_interfaces(observation, network),
        haproxy=observation.haproxy,
        apache=observation.apache,
        real_time=observation.real_time,
        listeners=observation.listeners,
        leaving=observation.leaving or None,
        config_revision=config.revision if config else "",
        since=now,
        problems=tuple(problem for part in sorted(observation.problems) for problem in observation.problems[part])[:MAX_PROBLEMS],
        lost_nodes=tuple(sorted(observation.lost_nodes))[:MAX_LOST],
        liveness_response=observation.liveness_request or (previous.liveness_response if previous else ""),
    )
    if previous is not None and entry.model_copy(update={"since": previous.since}) == previous:
        return previous
    return entry


def on_behalf(other: NodeStatus, node: str, pod: str, request: str, previous: NodeStatus | None) -> NodeStatus:
    """The entry of an agent in `pod` that waits, while the agent of a static pod runs: that one's entry, and the problem that says so.

    `request` is the operator's last question, which the waiting agent answers: it is heard only as long as the other one lives.
    """
    name = f"the static pod {other.pod}" if other.pod else "a static pod"
    message = (
        f"{name} serves here, and the operator's pod waits. The operator takes over when the static pod's manifest is removed from "
        "the kubelet's folder"
    )
    problems = (NodeProblem(reason=Reason.STATIC_POD, message=message), *other.problems)[:MAX_PROBLEMS]
    response = request or (previous.liveness_response if previous else "")
    return other.model_copy(update={"name": node, "pod": pod, "problems": problems, "liveness_response": response})


def _interfaces(observation: Observation, network: Network) -> tuple[InterfaceStatus, ...]:
    """The interfaces with the node's own addresses as they have settled, and with the present ones that may move."""
    own, others = tell_apart(network, observation.virtual_ips)
    settled = own if observation.own_addresses is None else observation.own_addresses
    return interfaces(network, settled, others, observation.virtual_ips, observation.named_interfaces)


def _router_status(
    router: Router, observation: Observation, network: Network, previous: RouterStatus | None, now: str
) -> RouterStatus:
    """One router: state and priority as keepalived reports them, virtual IPs as the kernel has them.

    The two may contradict each other, and both are reported: after SIGKILL, keepalived has stopped and its virtual IP remains.
    """
    held = held_virtual_ips(router, network)
    instance = _instance(router, observation)
    status = RouterStatus(
        name=router.name,
        state=instance.state,
        priority=instance.priority,
        interface=router.interface,
        address_interface=router.address_interface or None,
        virtual_ips=held,
        since=now,
        takeover_milliseconds=observation.takeovers.get(router.name) if held else None,
    )
    if previous is not None and (previous.state, previous.virtual_ips) == (status.state, status.virtual_ips):
        takeover = status.takeover_milliseconds
        if takeover is None:  # an agent that was restarted since the takeover has not measured it
            takeover = previous.takeover_milliseconds
        return status.model_copy(update={"since": previous.since, "takeover_milliseconds": takeover})
    return status


def _instance(router: Router, observation: Observation) -> Instance:
    if observation.keepalived is None:
        return Instance(VrrpState.UNKNOWN)
    if not observation.keepalived:
        return Instance(VrrpState.STOPPED)
    return observation.instances.get(router.name, Instance(VrrpState.UNKNOWN))
