"""Runs nftables scripts with `nft`, and reads what the kernel has of them.

`tables.py` is the only user. The class can be replaced in tests, which have no such kernel.
"""

import errno
from ipaddress import ip_address
from typing import Final

from hacluster.agent.handover.forwarding import FAMILIES, Forwarding
from hacluster.agent.handover.rules import BASE_CHAIN, holder_map, port_sets, record_set
from hacluster.agent.system import nftables
from hacluster.agent.system.commands import run
from hacluster.agent.system.network import without_prefix

_DEADLINE: Final = 5.0
"""Seconds for one script."""


class Netfilter:
    """nftables of this network namespace."""

    async def run(self, script: str) -> str:
        """Runs a script as one transaction (nft(8), "-f"). Returns an empty text, or why it was refused or did not end."""
        code, output = await run("nft", "-f", "-", text=script, deadline=_DEADLINE)
        return "" if code == 0 else f"nft: {output.strip()}"

    def generation(self) -> int | None:
        """The number of the ruleset, which every commit of any program changes. None without nftables. Raises OSError."""
        return nftables.generation()

    def fingerprint(self, forwarding: Forwarding) -> str | None:
        """A text that changes with any rule, set or port of the resource's tables. None if a table is missing. Raises OSError."""
        prints = []
        for version, kind, _ in FAMILIES:
            routers = forwarding.routers(version)
            if routers:
                sets = [name for index, _ in routers for name in port_sets(index)]
                prints.append(nftables.fingerprint(kind, forwarding.name, BASE_CHAIN, sets))
        return " ".join(prints) if all(prints) else None

    def has_holder(self, forwarding: Forwarding, index: int, slot: int, holder: str) -> bool:
        """Whether packets for all virtual IPs of router number `index` are passed on to this holder. Raises OSError."""
        found = _elements(forwarding, index, holder_map(slot, index))
        packed = ip_address(holder).packed
        return all(found.get(each) == packed for each in _virtual_ips(forwarding, index))

    def records_handshakes(self, forwarding: Forwarding, index: int) -> bool:
        """Whether handshakes with all virtual IPs of router number `index` are recorded. Raises OSError."""
        return _elements(forwarding, index, record_set(index)).keys() >= _virtual_ips(forwarding, index)

    def has_tables(self, name: str) -> bool:
        """Whether there is a table of this name, of any family. Raises OSError."""
        return any(nftables.has_table(kind, name) for _, kind, _ in FAMILIES)


def _virtual_ips(forwarding: Forwarding, index: int) -> set[bytes]:
    return {ip_address(without_prefix(each)).packed for each in forwarding.config.routers[index].virtual_ips}


def _elements(forwarding: Forwarding, index: int, name: str) -> dict[bytes, bytes]:
    """The elements of a set or map of router number `index`; none where it is missing. Raises OSError."""
    kind = "ip" if forwarding.config.routers[index].ip_version == 4 else "ip6"
    try:
        return nftables.elements(kind, forwarding.name, name)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return {}
        raise
