"""Removes what the private podman leaves on the machine: a bridge, and firewall rules that it never removes itself.

`Lab.down` calls `clear` after the last cluster. Which rules go is decided by pure functions on the output of `iptables-save`: those of
our own networks, and podman's common chains only while no other podman has a network.
"""

import json
import re
import shutil
from collections.abc import Collection

from . import shell
from .engines import Engine, engine

# Chains of single networks and published ports. While any exists, a podman on this machine still uses the common chains.
_IN_USE = re.compile(r"^:NETAVARK-(?:DN-|ISOLATION-)?[0-9A-F]{12,}", re.MULTILINE)


def prepare(chosen: Engine) -> None:
    """Makes kind's network without IPv6, which kind would turn on for the whole machine."""
    if not chosen.registry and engine("network", "exists", chosen.network, check=False).returncode != 0:
        engine("network", "create", "--driver", "bridge", chosen.network)


def clear(chosen: Engine) -> None:
    """Removes the network, and the firewall rules if no other podman has networks."""
    if chosen.registry:
        return
    bridge, subnets = _described(chosen.network)
    engine("network", "rm", chosen.network, check=False)
    if bridge and engine("ps", "--all", "--quiet").stdout.strip() == "":
        # The nodes' interfaces were renamed, so podman did not find them when it removed the nodes, and kept their bridge.
        shell.call(["ip", "link", "delete", bridge], check=False)
    else:
        subnets = ()
    if shutil.which("iptables-save") is None:
        return
    saved = shell.call(["iptables-save"]).stdout
    own, rest = split(saved, subnets)
    commands = [*own, *removals(rest)]
    for command in commands:
        shell.call(["iptables", *command], check=False)
    for table in {command[1] for command in commands}:
        if is_empty(shell.call(["iptables-save", "-t", table]).stdout):
            shell.call(["nft", "delete", "table", "ip", table], check=False)


def _described(network: str) -> tuple[str, tuple[str, ...]]:
    """Bridge and subnets of a network; empty when there is none of that name."""
    found = engine("network", "inspect", network, check=False)
    if found.returncode != 0:
        return "", ()
    (described,) = json.loads(found.stdout)
    return described["network_interface"], tuple(each["subnet"] for each in described["subnets"])


def split(saved: str, subnets: Collection[str]) -> tuple[list[list[str]], str]:
    """The iptables commands that remove rules and chains of these subnets' networks, and the other lines of `iptables-save`."""
    lines = saved.splitlines()
    networks = {
        found[1] for line in lines if set(line.split()) & set(subnets) for found in re.finditer(r"NETAVARK-([0-9A-F]{12,})", line)
    }

    def is_own(line: str) -> bool:
        return bool(set(line.split()) & set(subnets)) or any(network in line for network in networks)

    rules: list[list[str]] = []
    chains: list[list[str]] = []
    table = ""
    for line in lines:
        if line.startswith("*"):
            table = line[1:]
        elif is_own(line) and line.startswith(":"):
            chain = line[1:].split()[0]
            rules.append(["-t", table, "-F", chain])
            chains.append(["-t", table, "-X", chain])
        elif is_own(line) and not any(
            line.startswith(f"-A NETAVARK-{kind}{network} ") for network in networks for kind in ("", "DN-")
        ):
            rules.append(["-t", table, *_arguments(line.replace("-A", "-D", 1))])
    return rules + chains, "\n".join(line for line in lines if not is_own(line))


def removals(saved: str) -> list[list[str]]:
    """The iptables commands that remove podman's common chains, by the output of `iptables-save`; none while they are in use."""
    if _IN_USE.search(saved):
        return []
    rules: list[list[str]] = []
    chains: list[list[str]] = []
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":NETAVARK"):
            chain = line[1:].split()[0]
            rules.append(["-t", table, "-F", chain])
            chains.append(["-t", table, "-X", chain])
        elif line.startswith("-A ") and "-j NETAVARK" in line and not line.startswith("-A NETAVARK"):
            rules.append(["-t", table, *_arguments(line.replace("-A", "-D", 1))])
    return rules + chains


def is_empty(saved: str) -> bool:
    """Whether a table has no effect: no rules, and only built-in chains with policy ACCEPT."""
    return not re.search(r"^-A|^:\S+ (?!ACCEPT)", saved, re.MULTILINE)


def _arguments(line: str) -> list[str]:
    """The arguments in a line of `iptables-save`; quoted ones may contain blanks."""
    return [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)]
