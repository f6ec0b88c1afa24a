"""The kernel's raw sockets for VRRP, by which a reload of keepalived shows: it opens new ones (keepalived 2.3.3).

Format: proc_net(5); the port in `local_address` is the protocol.
"""

from pathlib import Path
from typing import Final

PROC_NET: Final = Path("/proc/net")
_VRRP: Final = 112


def vrrp_sockets(proc_net: Path = PROC_NET) -> frozenset[str]:
    """The inode numbers of all raw sockets for VRRP in this network namespace, of any process. Empty where they cannot be read."""
    found: set[str] = set()
    for name in ("raw", "raw6"):
        try:
            _, *lines = (proc_net / name).read_text().splitlines()
        except (OSError, ValueError):
            continue
        rows = (line.split() for line in lines)
        found |= {row[9] for row in rows if len(row) > 9 and int(row[1].rpartition(":")[2], 16) == _VRRP}
    return frozenset(found)
