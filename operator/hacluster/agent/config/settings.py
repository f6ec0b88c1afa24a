"""The settings that keepalived says it runs with, and those in its file, in a form in which they can be compared. Pure.

`running.py` compares them. The first ones are in keepalived's JSON dump, which tells neither track files nor peers.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from hacluster.agent.keepalived.wire import instance_bodies, wire_settings
from hacluster.agent.system.network import without_prefix
from hacluster.agent.vrrp.authentication import as_sent

_DEFAULT_PRIORITY: Final = 100
_PRIORITY: Final = re.compile(r"^\s*priority\s+(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Settings:
    """One virtual router. `addresses` have no prefix lengths."""

    virtual_router_id: int
    priority: int
    version: int
    interval_ms: int
    addresses: frozenset[str]
    authentication: bytes = field(default=b"", repr=False)
    """What its packets have as authentication data."""


def from_dump(dump: Any) -> dict[str, Settings]:
    """The settings by router, from the JSON dump. Raises KeyError, TypeError or ValueError for a document of another shape."""
    found = {}
    for data in (each["data"] for each in (dump if isinstance(dump, list) else dump["vrrp"])):
        found[str(data["iname"])] = Settings(
            virtual_router_id=int(data["vrid"]),
            priority=int(data["base_priority"]),
            version=int(data["version"]),
            interval_ms=round(1000 * float(data["adver_int"])),
            addresses=frozenset(without_prefix(str(each).partition(" ")[0]) for each in data["vips"]),
            authentication=as_sent(str(data.get("auth_data", ""))),
        )
    return found


def from_file(text: str) -> dict[str, Settings]:
    """The settings by router, from a keepalived.conf as the operator writes it."""
    found = {}
    for name, wire in wire_settings(text).items():
        priority = _PRIORITY.search(instance_bodies(text)[name])
        found[name] = Settings(
            virtual_router_id=wire.virtual_router_id,
            priority=int(priority[1]) if priority else _DEFAULT_PRIORITY,
            version=wire.version,
            interval_ms=wire.interval_ms,
            addresses=wire.addresses,
            authentication=wire.authentication,
        )
    return found
