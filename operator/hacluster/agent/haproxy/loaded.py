"""Which configuration HAProxy's running worker has read. Pure: commands for the master socket, and how their answers are read.

Neither the exit of a reload nor a time tells it: a worker may be of a file that was replaced since, or an older worker may serve on after
a failed reload. So haproxy.cfg names itself as the file of an ACL's patterns. HAProxy reads it there while it reads its configuration,
and keeps the lines; `show acl` prints them.

Source: HAProxy's Management Guide, "Master CLI" and "show acl"; its Configuration Manual, "acl" (`-f`, lines that begin with `#`).
"""

import re
from collections.abc import Iterable
from typing import Final

from hacluster.nodeconfig import Port

WORKER: Final = "show proc"
"""Asks the master for its processes."""
_PATTERNS: Final = re.compile(r"^\s*acl \S+ path -f opt@(\S+)\s*$", re.MULTILINE)
_WORKER: Final = re.compile(r"^# workers\n(\d+)\s+worker\b", re.MULTILINE)
_LINE: Final = re.compile(r"0x[0-9a-f]+ (.*)")
_BIND: Final = re.compile(r"bind (\S+):(\d+)(?: .*)?")
_UNKNOWN: Final = "Unknown ACL identifier"


def lines_command(text: str) -> str | None:
    """Asks the current worker for the lines that it has read; None where this haproxy.cfg does not have it keep them."""
    found = _PATTERNS.search(text)
    return f"@1 show acl {found[1]}" if found else None


def parse_worker(answer: str) -> int | None:
    """Process id of the current worker, from the answer to `WORKER`; None if there is none."""
    found = _WORKER.search(answer)
    return int(found[1]) if found else None


def parse_lines(answer: str) -> tuple[str, ...] | None:
    """The lines that the worker has read; none where its configuration does not have it keep them. None: no answer."""
    if _UNKNOWN in answer:
        return ()
    found = [_LINE.fullmatch(line) for line in answer.splitlines() if line]
    return tuple(each[1] for each in found if each) if found and all(found) else None


def kept_lines(text: str) -> tuple[str, ...]:
    """What a worker keeps of this haproxy.cfg: no empty lines, no margins, no comments that begin at the margin."""
    return tuple(line.lstrip(" \t") for line in text.split("\n") if line.strip(" \t") and not line.startswith("#"))


def ports(lines: Iterable[str]) -> tuple[Port, ...]:
    """The ports on which a worker listens that has read these lines. The field of the resource is not in them, so it is empty."""
    found = {(each[1].strip("[]"), int(each[2])) for each in map(_BIND.fullmatch, lines) if each}
    return tuple(Port(port=port, field="", address="" if address in ("*", "::") else address) for address, port in sorted(found))
