"""What HAProxy has to be told so that the servers of a proxy are the endpoints of a Service. Pure.

Its servers are compared with the wanted ones each time, so it does not matter what they were before, and who has changed them.
Source: HAProxy's Management Guide 3.0, "add server", "del server", "set server", "show servers state" and "show servers conn".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hacluster.agent.services.endpoints import Endpoints
from hacluster.agent.services.lines import server_words
from hacluster.nodeconfig import Service

STATES: Final = "show servers state"
CONNECTIONS: Final = "show servers conn"
_PROXY, _SERVER, _ADMIN, _CHECK = 1, 3, 6, 13
_MAINTENANCE, _DRAIN = 0x01, 0x08
"""Bits of `srv_admin_state`: forced maintenance, forced drain."""
_CHECK_RUNS: Final = 0x04
"""Bit of `srv_check_state`: the check is enabled."""
_MOST: Final = 8000
"""Bytes in one line of commands: HAProxy refuses one that is longer than its buffers, 16 kB."""


@dataclass(frozen=True)
class ServerState:
    """One server as HAProxy has it."""

    admin: int
    check: int


States = Mapping[str, Mapping[str, ServerState]]
"""Proxy → server → state."""


def parse_states(answer: str) -> States:
    """Reads the answer to `STATES`. Raises ValueError where it has another form."""
    version, *lines = answer.strip().splitlines() or [""]
    if version.strip() != "1":
        raise ValueError(f"unknown form of the servers' states: {version[:80]!r}")
    found: dict[str, dict[str, ServerState]] = {}
    for fields in (line.split() for line in lines if line and not line.startswith("#")):
        if len(fields) > _CHECK:
            found.setdefault(fields[_PROXY], {})[fields[_SERVER]] = ServerState(int(fields[_ADMIN]), int(fields[_CHECK]))
    return found


def busy_servers(answer: str) -> frozenset[str]:
    """The servers with connections in use, as `proxy/server`, from the answer to `CONNECTIONS`."""
    head, *lines = answer.strip().splitlines() or [""]
    columns = head.removeprefix("# ").split()
    if "used_cur" not in columns:
        return frozenset()
    # The head has one word for the proxy's and the server's number, and so have the lines.
    column = columns.index("used_cur")
    rows = (line.split() for line in lines)
    return frozenset(row[0] for row in rows if len(row) > column and row[column] != "0")


def followed(services: Mapping[str, Service], present: States) -> dict[str, Service]:
    """The proxies whose servers are endpoints in the configuration that HAProxy runs with.

    In the middle of a reload it may be another configuration than ours, with servers of the user in a proxy of the same name.
    """
    return {proxy: each for proxy, each in services.items() if all(":" in server for server in present.get(proxy, ()))}


def changes(services: Mapping[str, Service], wanted: Mapping[str, Endpoints], present: States) -> list[str]:
    """Commands after which each endpoint in use is a server that gets requests, and no other server gets those of new clients.

    What is no endpoint any more is in maintenance then: it finishes what it has, and `removals` deletes it.
    """
    commands: list[str] = []
    for proxy, service in services.items():
        servers, endpoints = present.get(proxy, {}), wanted[proxy]
        for each in endpoints.used:
            place, state = f"{proxy}/{each.name}", servers.get(each.name)
            if state is None:
                commands.append(f"add server {place} {server_words(each, service)}")
            if service.checked and (state is None or not state.check & _CHECK_RUNS):
                commands.append(f"enable health {place}")
            if state is None or state.admin & (_MAINTENANCE | _DRAIN):
                commands.append(f"set server {place} state ready")
        used, draining = ({each.name for each in some} for some in (endpoints.used, endpoints.draining))
        others = {name: state for name, state in servers.items() if name not in used}
        commands += [
            f"set server {proxy}/{each} state drain" for each, state in others.items() if each in draining and not state.admin
        ]
        stopped = (name for name, state in others.items() if name not in draining and not state.admin & _MAINTENANCE)
        commands += [f"set server {proxy}/{each} state maint" for each in stopped]
    return commands


def gone(services: Iterable[str], wanted: Mapping[str, Endpoints], present: States) -> list[str]:
    """The servers, as `proxy/server`, that are no endpoints any more."""
    return [
        f"{proxy}/{server}"
        for proxy in services
        for server in present.get(proxy, ())
        if server not in {each.name for each in (*wanted[proxy].used, *wanted[proxy].draining)}
    ]


def removals(found: Iterable[str], busy: frozenset[str]) -> list[str]:
    """Commands that delete those servers that have finished. HAProxy refuses to delete one with connections, and logs each try."""
    return [f"del server {each}" for each in found if each not in busy]


def in_lines(commands: Iterable[str]) -> Iterator[str]:
    """The commands, as many in one line as HAProxy reads at once, with `;` between them."""
    line: list[str] = []
    size = 0
    for each in commands:
        if line and size + len(each) > _MOST:
            yield ";".join(line)
            line, size = [], 0
        line.append(each)
        size += len(each) + 1
    if line:
        yield ";".join(line)


def complaints(answer: str) -> list[str]:
    """What HAProxy says of commands that it did not carry out."""
    expected = {"", "New server registered.", "Server deleted."}
    return [line for line in answer.splitlines() if line.strip() not in expected]
