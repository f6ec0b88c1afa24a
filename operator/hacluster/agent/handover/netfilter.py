"""Runs the texts of `rules`: policy routes by `ip`, nftables scripts by `nft`."""

import asyncio

from hacluster.agent.handover.rules import FAMILIES, Forwarding, clear_routes, clear_rules, ports, routes, rules
from hacluster.agent.system.commands import run


class Netfilter:
    """Runs the texts. Errors come back as words: a node whose kernel cannot do it is a front door all the same."""

    async def install(self, forwarding: Forwarding) -> str:
        """Everything anew; empty, or what is not possible here."""
        await self._clear_routes(forwarding)
        for command in routes(forwarding):
            code, said = await run(*command)
            if code:
                return f"{' '.join(command)}: {said.strip()}"
        return await self.nft(rules(forwarding) + ports(forwarding))

    async def remove(self, forwarding: Forwarding) -> None:
        """Leaves nothing."""
        await self._clear_routes(forwarding)
        for _, _, _, flag in FAMILIES:
            await run("ip", flag, "route", "flush", "table", str(forwarding.table))
        await self.nft(clear_rules(forwarding))

    async def nft(self, script: str) -> str:
        """Runs one transaction; empty, or why it was refused."""
        process = await asyncio.create_subprocess_exec(
            "nft", "-f", "-", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate(script.encode())
        return f"nft: {said.decode(errors='replace').strip()}" if process.returncode else ""

    async def _clear_routes(self, forwarding: Forwarding) -> None:
        for command in clear_routes(forwarding):
            for _ in range(64):
                code, _ = await run(*command)
                if code != 0:
                    break
