"""Commands of HAProxy's runtime API about the patterns of a file, and how the answers are read. Pure.

A new version of the patterns is prepared beside the one that counts, and takes its place as a whole: no request finds the list empty.
Source: HAProxy's Management Guide, "show acl", "prepare acl", "add acl", "commit acl".
"""

import re
from pathlib import Path
from typing import Final

_UNKNOWN: Final = "Unknown ACL identifier"
_LINE: Final = re.compile(r"0x[0-9a-f]+ (.*)")
_VERSION: Final = re.compile(r"New version created: (\d+)")


def show(file: Path) -> str:
    """Asks for the patterns that count now."""
    return f"show acl {file}"


def parse_patterns(answer: str) -> tuple[str, ...] | None:
    """The patterns; None: this HAProxy has no list of that file."""
    if _UNKNOWN in answer:
        return None
    return tuple(found[1] for line in answer.splitlines() if (found := _LINE.fullmatch(line)))


def prepare(file: Path) -> str:
    """Asks for a new, empty version."""
    return f"prepare acl {file}"


def parse_version(answer: str) -> int | None:
    """The new version's number; None: HAProxy made none."""
    found = _VERSION.search(answer)
    return int(found[1]) if found else None


def replace(file: Path, version: int, pattern: str) -> str:
    """Adds the pattern to the new version, and makes that the one that counts."""
    return f"add acl @{version} {file} {pattern}; commit acl @{version} {file}"
