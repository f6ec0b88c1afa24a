"""What a lab's nodes are left with after a change: files, addresses, rules and routes, nftables, sysctls, servers, keepalived's state.

Two snapshots of the same resource have to be equal, whatever was applied before. What depends on time is left out: counters, the
recent holders in the nftables maps, process numbers.
"""

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hacluster.agent.haproxy.commands import SERVERS, parse_servers
from hacluster.api import HAClusterStatus
from hacluster.nodeconfig import File
from hacluster.rehearse.lab import Lab
from hacluster.rehearse.node import Node

Snapshot = dict[str, Any]

_KERNEL = """
ip -json address show
echo ----
ip -4 rule; ip -6 rule
echo ----
for table in $({ ip -4 rule; ip -6 rule; } | sed -n 's/.*lookup \\([0-9][0-9]*\\).*/\\1/p' | sort -u); do
    ip -4 route show table "$table"; ip -6 route show table "$table"
done
echo ----
nft -s list ruleset
echo ----
cat /proc/sys/net/ipv4/ip_nonlocal_bind /proc/sys/net/ipv6/ip_nonlocal_bind
"""
_CLIP = 160
"""Characters of a line that are shown."""
_TIMED = re.compile(r"(map \S+|set (?:open|known|ended|loaded)\S*) \{(.*?)\n\t\}", re.DOTALL)
"""The nftables maps and sets whose elements come and go."""
_ELEMENTS = re.compile(r"\n\t\telements = \{[^}]*\}")


def snapshot(lab: Lab, status: HAClusterStatus) -> Snapshot:
    """The state of every node, and the status without times and counters."""
    with ThreadPoolExecutor() as pool:
        nodes = dict(zip(lab.nodes, pool.map(_node, lab.nodes.values()), strict=True))
    return {"nodes": nodes, "status": _status(status)}


def _node(node: Node) -> Snapshot:
    addresses, rules, routes, ruleset, sysctls = node.host.run("sh", "-c", _KERNEL).split("----\n")
    run = node.paths.run
    # keepalived ends the line in a file that it makes, and the agent does not.
    texts: dict[str, Any] = {file.name: file.read_text().strip() for file in sorted(run.glob("track-*"))}
    entry = node.entry()
    for folder in (run, run / "good"):
        for file in (*File, "httpd.conf"):
            path = folder / str(file)
            if path.exists():
                text = path.read_text()
                texts[str(path.relative_to(run))] = json.loads(text) if path.suffix == ".json" else text
    return {
        "files": texts,
        "addresses": {
            each["ifname"]: sorted(f"{a['local']}/{a['prefixlen']}" for a in each["addr_info"] if a["scope"] != "link")
            for each in json.loads(addresses)
        },
        "rules": sorted(" ".join(line.split()) for line in rules.splitlines()),
        "routes": sorted(" ".join(line.split()) for line in routes.splitlines()),
        "nftables": sorted(_TIMED.sub(lambda found: _ELEMENTS.sub("", found.group()), ruleset).splitlines()),
        "sysctls": sysctls.split(),
        "servers": {backend: _states(servers) for backend, servers in parse_servers(node.ask_haproxy(SERVERS)).items()},
        "routers": {each["name"]: [each["state"], each["priority"]] for each in entry.get("routers", ())},
        "problems": entry.get("problems", []),
        "daemons": sorted(name for name in node.running()),
    }


def _states(servers: Mapping[str, str]) -> dict[str, str]:
    """Server → its state, without the number of checks that it has passed: UP 1/3 is UP."""
    return {server: state.split(" ", maxsplit=1)[0] for server, state in servers.items()}


def _status(status: HAClusterStatus) -> Snapshot:
    conditions = {each.type: [each.status.value, each.reason, each.message] for each in status.conditions}
    virtual_ips = {
        each.address: [each.router, each.virtual_router_id, each.holder, list(each.holders)] for each in status.virtual_ips
    }
    return {"conditions": conditions, "virtualIPs": virtual_ips, "ready": status.node_summary}


def without_holder(one: Mapping[str, Any]) -> Snapshot:
    """The snapshot without what depends on which node has the addresses."""
    nodes = {
        name: {key: value for key, value in node.items() if key not in {"addresses", "routers"}}
        for name, node in one["nodes"].items()
    }
    conditions = {kind: value[:2] for kind, value in one["status"]["conditions"].items()}  # the messages name the holder
    return {"nodes": nodes, "status": {**one["status"], "conditions": conditions, "virtualIPs": {}}}


def differences(one: Mapping[str, Any], other: Mapping[str, Any], path: str = "") -> list[str]:
    """The paths at which two snapshots differ, with both values."""
    found: list[str] = []
    for key in sorted(one.keys() | other.keys()):
        a, b = one.get(key), other.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            found += differences(a, b, f"{path}{key} / ")
        elif a != b:
            found.append(f"{path}{key}: {_short(a, b)} instead of {_short(b, a)}")
    return found


def _short(value: Any, other: Any) -> str:
    """The lines of a text or list that the other one does not have; other values as they are."""
    lines, others = (each.splitlines() if isinstance(each, str) else each for each in (value, other))
    if isinstance(lines, list) and isinstance(others, list):
        return repr([str(each)[:_CLIP] for each in lines if each not in others][:6])
    return repr(value)[:_CLIP]
