"""Commands of HAProxy's runtime API, and how their answers are read.

`ask` sends a command to one of HAProxy's unix sockets; the other functions are pure and write commands or read answers.
Source: HAProxy's Management Guide, "Unix Socket commands".
"""

import asyncio
import csv
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

SERVERS: Final = "show stat -1 4 -1"
"""Asks for every server of every backend, as CSV: every proxy (-1), servers only (4), every server (-1)."""

Servers = Mapping[str, Mapping[str, str]]
"""Backend → server → status, such as `UP` or `DOWN 1/3`."""


async def ask(socket: Path, command: str, *, master: bool = False) -> str:
    """Sends one command, or several with `;` between them, and returns the answer. Raises OSError; has no timeout.

    The answer is complete when HAProxy closes the connection. `master`: the master closes it when it knows that no other command comes;
    after `reload` it does so by itself.
    """
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(f"{command}\n".encode())
        if master:
            writer.write_eof()
        await writer.drain()
        return (await reader.read(-1)).decode(errors="replace")
    finally:
        writer.close()


def parse_servers(answer: str, *, backups: bool = True) -> Servers:
    """Reads the answer to `SERVERS`, with or without servers that are backups. Raises KeyError where a column is missing."""
    found: dict[str, dict[str, str]] = {}
    for row in csv.DictReader(answer.removeprefix("# ").splitlines()):
        if backups or row.get("bck") != "1":
            found.setdefault(row["pxname"], {})[row["svname"]] = row["status"]
    return found


def parse_addresses(answer: str) -> Mapping[str, Mapping[str, tuple[str, int]]]:
    """Reads the answer to `SERVERS` on the admin socket: backend → server → address and port, of those that have an address now."""
    found: dict[str, dict[str, tuple[str, int]]] = {}
    for row in csv.DictReader(answer.removeprefix("# ").splitlines()):
        address, _, port = (row.get("addr") or "").rpartition(":")
        if address and port.isdecimal():
            found.setdefault(row["pxname"], {})[row["svname"]] = address.strip("[]"), int(port)
    return found


def take_down(servers: Servers, lost: Mapping[str, Collection[str]]) -> list[str]:
    """Commands that set the lost servers' health to down: they get no requests until HAProxy's own checks pass again.

    `lost`: backend → its lost servers. One that drains is taken down, too: clients with its cookie would go on waiting for it. One that
    is not checked ("no check") is not: nothing would bring it back.
    Nothing is taken down in a backend without another server that is up: if no peer answers, our own network is the likelier fault.
    """
    commands = []
    for backend, gone in lost.items():
        found = servers.get(backend, {})
        if any(status.startswith("UP") and server not in gone for server, status in found.items()):
            taken = (server for server in sorted(gone) if in_rotation(found.get(server, "")))
            commands += [f"set server {backend}/{server} health down" for server in taken]
    return commands


def in_rotation(status: str) -> bool:
    """Whether a server with this status gets requests and is checked."""
    return status.startswith(("UP", "DRAIN"))


def shut_down_sessions(servers: Servers, lost: Mapping[str, Collection[str]]) -> list[str]:
    """Commands that end the sessions of lost servers which are down: these sessions wait for an answer that will not come."""
    return [
        f"shutdown sessions server {backend}/{server}"
        for backend, gone in lost.items()
        for server, status in sorted(servers.get(backend, {}).items())
        if server in gone and status.startswith("DOWN")
    ]
