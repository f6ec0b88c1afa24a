"""Runs the texts of `rules.py`: policy routes with `ip`, nftables scripts with `nft`.

`second_chance.py` is the only user. The class can be replaced in tests, which have no such kernel.
"""

import asyncio

from hacluster.agent.handover.rules import FAMILIES, Forwarding, clear_routes, clear_rules, ports, routes, rules
from hacluster.agent.system.commands import run


class Netfilter:
    """Changes the kernel's routes and nftables rules.

    A refusal by the kernel is returned as a text and not raised: without the forwarding a node can still hold virtual IPs.
    """

    async def install(self, forwarding: Forwarding) -> str:
        """Installs routes, rules and ports from scratch. Returns an empty text, or what the kernel refused."""
        await self._clear_routes(forwarding)
        for command in routes(forwarding):
            code, output = await run(*command)
            if code:
                return f"{' '.join(command)}: {output.strip()}"
        return await self.nft(rules(forwarding) + ports(forwarding))

    async def remove(self, forwarding: Forwarding) -> None:
        """Removes all routes and rules of the resource. What is missing already is ignored."""
        await self._clear_routes(forwarding)
        for _, _, _, flag in FAMILIES:
            await run("ip", flag, "route", "flush", "table", str(forwarding.table))
        await self.nft(clear_rules(forwarding))

    async def nft(self, script: str) -> str:
        """Runs a script as one transaction (nft(8), "-f"). Returns an empty text, or why it was refused. Raises OSError without `nft`."""
        process = await asyncio.create_subprocess_exec(
            "nft", "-f", "-", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate(script.encode())
        return f"nft: {output.decode(errors='replace').strip()}" if process.returncode else ""

    async def _clear_routes(self, forwarding: Forwarding) -> None:
        """Deletes the policy rules: `ip rule delete` removes one at a time and fails when none is left."""
        for command in clear_routes(forwarding):
            for _ in range(64):
                code, _ = await run(*command)
                if code != 0:
                    break
