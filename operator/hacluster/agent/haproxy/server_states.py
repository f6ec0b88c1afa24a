"""Decides which states of servers HAProxy's new process takes over in a reload. Pure.

Without a file of states, every server is up in the new process until its first check, also one that was known to be down. Before a
reload, `config/daemons.py` asks the running HAProxy for the states, passes them to `states_for_reload`, and writes the result where
haproxy.cfg's `server-state-file` points.

Source: HAProxy's Management Guide, "show servers state", and its Configuration Manual, "load-server-state-from-file".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

COMMAND: Final = "show servers state"
"""Asks for the states of all servers: a line with the version of the format, a comment with the names of the columns, a line a server."""
_VERSION: Final = "1"
_PROXY, _SERVER, _OPERATIONAL, _ADMIN = 1, 3, 5, 6
_COLUMNS: Final = 20
"""Columns that are used; those after them would override ports and TLS of the new configuration."""
_DOWN, _RUNNING = "0", "2"
_NEW_SERVER: Final = "0 {proxy} 0 {server} - 0 0 1 1 0 1 0 0 6 0 0 0 - {port} -"
"""A server that is down, not by an administrator, and is checked (`srv_check_state` 6: configured and enabled)."""
_SECTION: Final = re.compile(r"^(?:listen|backend)\s+(\S+)\s*$")
_OTHER_SECTION: Final = re.compile(r"^\S")
_CHECK: Final = re.compile(r"^(?:mode|option (?:httpchk|tcp-check|mysql-check|pgsql-check)|http-check|tcp-check)\b")


@dataclass(frozen=True)
class _Backend:
    """What a state depends on: how the servers are checked, and each server's own line."""

    checks: tuple[str, ...]
    servers: Mapping[str, str]


def states_for_reload(answer: str, before: str, after: str) -> str:
    """The text of the state file; empty if `answer` has an unknown form.

    `answer` is the running HAProxy's to `COMMAND`; `before` and `after` are its haproxy.cfg and the new one.

    A server whose line and checks stay the same keeps its state. A server that is down does so only where another one of its
    backend is up: if none is, a wrong state would lengthen an outage. A new or changed server starts as down beside servers that are
    up, so that it gets its first request after `rise` passed checks; where it has no such neighbour, it starts as HAProxy starts it, up.
    """
    version, *lines = answer.strip().splitlines() or [""]
    if version.strip() != _VERSION:
        return ""
    old, new = _backends(before), _backends(after)
    rows = [line.split()[:_COLUMNS] for line in lines if not line.startswith("#")]
    kept = [fields for fields in rows if len(fields) == _COLUMNS and _is_same(fields, old, new)]
    alive = {fields[_PROXY] for fields in kept if fields[_OPERATIONAL] == _RUNNING and fields[_ADMIN] == "0"}
    states = [
        " ".join(fields) for fields in kept if fields[_OPERATIONAL] != _DOWN or fields[_ADMIN] != "0" or fields[_PROXY] in alive
    ]
    known = {(fields[_PROXY], fields[_SERVER]) for fields in kept}
    for proxy in sorted(alive):
        fresh = (each for each, line in new[proxy].servers.items() if (proxy, each) not in known and _can_come_up(line))
        states += [_NEW_SERVER.format(proxy=proxy, server=each, port=_port(new[proxy].servers[each])) for each in fresh]
    return "\n".join((_VERSION, *states, ""))


def _is_same(fields: list[str], old: Mapping[str, _Backend], new: Mapping[str, _Backend]) -> bool:
    """Whether the server of this line of the answer, and how it is checked, is the same in both configurations."""
    before, after = old.get(fields[_PROXY]), new.get(fields[_PROXY])
    if before is None or after is None or before.checks != after.checks:
        return False
    line = after.servers.get(fields[_SERVER])
    return line is not None and line == before.servers.get(fields[_SERVER])


def _backends(config: str) -> dict[str, _Backend]:
    """The proxies with servers of a haproxy.cfg as this product writes it: sections at the margin, directives indented."""
    found: dict[str, _Backend] = {}
    name, checks, servers = "", [], {}  # type: str, list[str], dict[str, str]
    for line in (*config.splitlines(), "end"):
        if _OTHER_SECTION.match(line):
            if servers:
                found[name] = _Backend(tuple(checks), servers)
            section = _SECTION.match(line)
            name, checks, servers = section[1] if section else "", [], {}
            continue
        directive = line.strip()
        if directive.startswith("server ") and name:
            servers[directive.split()[1]] = directive
        elif _CHECK.match(directive):
            checks.append(directive)
    return found


def _can_come_up(line: str) -> bool:
    """Whether a server that starts as down comes up by itself: it is checked, and its address is in the file, not to be asked for."""
    words = line.split()
    return "check" in words and "resolvers" not in words


def _port(line: str) -> str:
    """The port of a `server` line: what follows the last colon of the address."""
    return line.split()[2].rpartition(":")[2]
