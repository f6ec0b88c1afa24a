"""What a private podman makes on the machine besides containers: a network, and firewall rules that it never removes."""

import json
import re
import shutil
from collections.abc import Collection

from . import shell
from .engines import Engine, engine

# A chain per network and per published port; while one is there, some podman on this machine still uses the common ones.
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
        # The nodes' NICs were renamed, so podman did not find them when the nodes went, and left what they hung on.
        shell.call(["ip", "link", "delete", bridge], check=False)
    else:
        subnets = ()
    if shutil.which("iptables-save") is None:
        return
    saved = shell.call(["iptables-save"]).stdout
    mine, rest = split(saved, subnets)
    commands = [*mine, *removals(rest)]
    for command in commands:
        shell.call(["iptables", *command], check=False)
    for table in {command[1] for command in commands}:
        if is_empty(shell.call(["iptables-save", "-t", table]).stdout):
            shell.call(["nft", "delete", "table", "ip", table], check=False)


def _described(network: str) -> tuple[str, tuple[str, ...]]:
    """Bridge and subnets of a network; nothing when there is none of that name."""
    found = engine("network", "inspect", network, check=False)
    if found.returncode != 0:
        return "", ()
    (described,) = json.loads(found.stdout)
    return described["network_interface"], tuple(each["subnet"] for each in described["subnets"])


def split(saved: str, subnets: Collection[str]) -> tuple[list[list[str]], str]:
    """The iptables commands that remove what belongs to these subnets' networks, and the rest of what `iptables-save` printed."""
    lines = saved.splitlines()
    networks = {
        found[1] for line in lines if set(line.split()) & set(subnets) for found in re.finditer(r"NETAVARK-([0-9A-F]{12,})", line)
    }

    def ours(line: str) -> bool:
        return bool(set(line.split()) & set(subnets)) or any(network in line for network in networks)

    rules: list[list[str]] = []
    chains: list[list[str]] = []
    table = ""
    for line in lines:
        if line.startswith("*"):
            table = line[1:]
        elif ours(line) and line.startswith(":"):
            chain = line[1:].split()[0]
            rules.append(["-t", table, "-F", chain])
            chains.append(["-t", table, "-X", chain])
        elif ours(line) and not any(
            line.startswith(f"-A NETAVARK-{kind}{network} ") for network in networks for kind in ("", "DN-")
        ):
            rules.append(["-t", table, *_words(line.replace("-A", "-D", 1))])
    return rules + chains, "\n".join(line for line in lines if not ours(line))


def removals(saved: str) -> list[list[str]]:
    """The iptables commands that remove podman's common chains from what `iptables-save` printed; none while they are used."""
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
            rules.append(["-t", table, *_words(line.replace("-A", "-D", 1))])
    return rules + chains


def is_empty(saved: str) -> bool:
    """Whether a table does nothing: no rules, no chains but the built-in ones, and those let everything pass."""
    return not re.search(r"^-A|^:\S+ (?!ACCEPT)", saved, re.MULTILINE)


def _words(line: str) -> list[str]:
    return [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)]
