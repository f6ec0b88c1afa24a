"""When the agent looks for redirected ports, and what it reports."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from ipaddress import ip_interface

from hacluster.agent.config.redirects import PART, RedirectMonitor
from hacluster.agent.state import AgentState
from hacluster.agent.system.network import Address, Network
from hacluster.nodeconfig import AgentConfig, Port
from tests.waiting import eventually_async


def config(*ports: int) -> AgentConfig:
    found = tuple(Port(port=port, field=f"spec.haproxy.listeners[{n}].port") for n, port in enumerate(ports))
    log = Port(port=514, field="spec.haproxy.log.port", protocol="UDP")
    return AgentConfig(
        cluster="web", namespace="d", node="n1", revision="r1", ports=(*found, log), all_virtual_ips=("10.0.0.200",)
    )


async def test_a_redirected_port_is_a_problem_until_it_is_redirected_no_more() -> None:
    redirects = {30080: "kube-proxy redirects it to Service a/b"}
    looks: list[tuple[Collection[int], Collection[str]]] = []

    async def look(ports: Collection[int], addresses: Collection[str]) -> Mapping[int, str]:
        looks.append((ports, addresses))
        return {port: owner for port, owner in redirects.items() if port in ports}

    state = AgentState()
    task = asyncio.create_task(RedirectMonitor(state, look, interval=0.02, delay=0.0).run())
    try:
        own = {"ens3": (Address(2, ip_interface("10.0.0.1/24")),)}
        state.update(installed=config(80, 30080), network=Network(), own_addresses=own)
        await eventually_async(lambda: PART in state.now.problems)
        (problem,) = state.now.problems[PART]
        assert problem.reason == "PortRedirected"
        for part in ("port 30080", "spec.haproxy.listeners[1].port", "Service a/b"):
            assert part in problem.message
        assert looks[0] == ([80, 30080], ["10.0.0.1", "10.0.0.200"])
        redirects.clear()
        await eventually_async(lambda: PART not in state.now.problems)
        redirects[443] = "it is the hostPort of a pod"
        state.update(offered=config(443))
        await eventually_async(lambda: PART in state.now.problems)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
