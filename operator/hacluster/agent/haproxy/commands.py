"""What HAProxy is told while it runs: commands on its sockets (management guide, "Unix Socket commands"), and what it answers."""

import asyncio
import csv
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

SERVERS: Final = "show stat -1 4 -1"
"""Asks for every server of every backend, as CSV."""

Servers = Mapping[str, Mapping[str, str]]
"""Backend → server → status, such as `UP` or `DOWN 1/3`."""


async def ask(socket: Path, command: str) -> str:
    """One command, or several with `;` between them; the answer ends when HAProxy closes the connection. Raises OSError."""
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(f"{command}\n".encode())
        await writer.drain()
        return (await reader.read(-1)).decode(errors="replace")
    finally:
        writer.close()


def parse_servers(said: str) -> Servers:
    """The answer to `SERVERS`."""
    found: dict[str, dict[str, str]] = {}
    for row in csv.DictReader(said.removeprefix("# ").splitlines()):
        found.setdefault(row["pxname"], {})[row["svname"]] = row["status"]
    return found


def take_down(servers: Servers, backends: Collection[str], gone: Collection[str]) -> list[str]:
    """Commands after which HAProxy sends nothing to servers that are gone, until its own checks pass again.

    A backend keeps its last server: whoever is in doubt about everybody had better doubt himself.
    """
    commands = []
    for backend in backends:
        up = {server for server, status in servers.get(backend, {}).items() if status.startswith("UP")}
        if up - set(gone):
            commands += [f"set server {backend}/{server} health down" for server in sorted(up & set(gone))]
    return commands


def cut_off(servers: Servers, backends: Collection[str], gone: Collection[str]) -> list[str]:
    """Commands that end what still waits for an answer of servers that are gone and down."""
    return [
        f"shutdown sessions server {backend}/{server}"
        for backend in backends
        for server, status in sorted(servers.get(backend, {}).items())
        if server in gone and status.startswith("DOWN")
    ]
