"""The agent's second chance in a network namespace of its own, with many virtual IPs: what other programs remove, and what comes back.

`test_forwarding.py` runs it in the node image, where the container has a network namespace of its own. It prints one JSON object: for
each case, the seconds until everything was right (null: it did not become right), or what was observed.
"""

import asyncio
import json
import logging
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hacluster.agent.handover.forwarding import Forwarding
from hacluster.agent.handover.second_chance import PART, SecondChance
from hacluster.agent.state import AgentState
from hacluster.agent.system.netlink import read_network
from hacluster.agent.vrrp.adverts import LastAdverts
from hacluster.nodeconfig import AgentConfig, Port, Router

NEIGHBOURS = ("172.16.7.163", "172.16.7.173")
COUNT = 80
"""Virtual IPs of each family: more than 64."""
WITHIN = 5.0
"""Seconds to wait for a repair. The agent's part of it is less than a second, but the checks here take long on a busy machine, too."""
FORMER = Forwarding(AgentConfig(cluster="web", namespace="default", node="node1", revision="")).former_names
LEFT = "\n".join(f"rule add preference 5151 to 10.9.8.{each}/32 lookup {FORMER.routing_table}" for each in range(100))


def sh(command: str, text: str = "") -> str:
    """The output of a shell command."""
    return subprocess.run(["sh", "-c", command], input=text, text=True, check=True, capture_output=True).stdout


def make_interface() -> None:
    """(Re-)creates the interface: it has another index each time."""
    sh(
        "ip link delete ens3 2>/dev/null || true; ip link add ens3 type veth peer name ens4; ip link set ens4 up; ip link set ens3 up"
    )
    sh("ip address add 172.16.7.153/24 dev ens3; ip address add 2001:db8::153/64 dev ens3 nodad")


def make_config(count: int = COUNT) -> AgentConfig:
    """Four routers of each IP version, with `count` virtual IPs of each version altogether."""

    def router(version: int, number: int) -> Router:
        some = range(number, count, 4)
        virtual_ips = tuple(f"172.16.7.{each + 1}/24" if version == 4 else f"2001:db8::1:{each:x}/64" for each in some)
        return Router(name=f"VI_{version}_{number}", interface="ens3", priority=100, virtual_router_id=number + 1,
                      virtual_ips=virtual_ips, neighbours=NEIGHBOURS)  # fmt: skip

    routers = tuple(router(version, number) for version in (4, 6) for number in range(4))
    ports = (Port(port=80, field=""), Port(port=443, field="", address="172.16.7.1"))
    return AgentConfig(cluster="web", namespace="default", node="node1", revision="", routers=routers, ports=ports)


def rules() -> str:
    """The policy rules of both families."""
    return sh("ip rule; ip -6 rule")


def complete() -> bool:
    """Whether all rules, routes and tables, and the entries of both neighbours, are there."""
    table = Forwarding(make_config()).table
    routes = sh(f"ip route show table {table} 2>/dev/null; ip -6 route show table {table} 2>/dev/null; true")
    ruleset = sh("nft list ruleset")
    return (
        rules().count("lookup") - 5 == routes.count("local ") == 2 * COUNT
        and ruleset.count("hook prerouting") == 2
        and ruleset.count("dup to ") == 8 * 8
        and ruleset.count("elements = { 80 }") == ruleset.count("elements = { 443 }") == 8
        and all(ruleset.count(f": {each}") >= COUNT for each in NEIGHBOURS)
    )


async def within(condition: Callable[[], bool], seconds: float) -> float | None:
    """The seconds until the condition is true; None: it is not, after so many."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if await asyncio.to_thread(condition):  # the agent goes on meanwhile
            return time.monotonic() - began
        await asyncio.sleep(0.02)
    return None


async def main() -> None:
    """Runs all cases."""
    logging.basicConfig()
    sh("ip link set lo up")
    make_interface()
    sh("ip -batch -", LEFT)  # what an agent of the former version left: more than 64 rules, and its table
    sh("nft -f -", f"add table ip {FORMER.nftables}\n")
    state, results = AgentState(), {}
    with tempfile.TemporaryDirectory() as folder:
        second_chance = SecondChance(state, LastAdverts(), Path(folder) / "record")
        task = asyncio.create_task(second_chance.run())
        state.update(installed=make_config(), network=read_network())
        results["installed"] = await within(complete, 10)
        results["former"] = str(FORMER.routing_table) in rules() or FORMER.nftables in sh("nft list tables")
        results["reportedAtFirst"] = [each.reason for each in state.now.problems.get(PART, ())]
        name = Forwarding(make_config()).name
        for case, command in {
            "everything": f"nft flush ruleset; ip rule flush table {Forwarding(make_config()).table}",
            "routes": f"ip route flush table {Forwarding(make_config()).table}",
            "oneRule": f"nft flush chain ip {name} unknown0",
            "entries": f"nft flush map ip {name} holder1_0",
            "port": f"nft flush set ip {name} any0",
        }.items():
            await asyncio.to_thread(sh, command)
            results[case] = await within(complete, WITHIN)
        results["reported"] = [each.reason for each in state.now.problems.get(PART, ())]
        make_interface()
        state.update(network=read_network())
        # nft prints the number of an interface that does not exist.
        results["newInterface"] = await within(lambda: complete() and sh("nft list ruleset").count('device "ens3"') == 64, WITHIN)
        state.update(installed=make_config(4))
        results["fewer"] = await within(lambda: rules().count("5151:") == 8, WITHIN)
        task.cancel()
        await second_chance.finish()
        results["left"] = sh("nft list ruleset") + "".join(each for each in rules().splitlines() if "5151:" in each)
    print(json.dumps(results))


if __name__ == "__main__":
    asyncio.run(main())
