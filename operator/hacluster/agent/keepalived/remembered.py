"""Virtual IPs that the resource does not name any more, and that may still be on the node.

keepalived removes an address when a new configuration lacks it. It cannot if it was killed just then: the next one does not know the
address. So `OrphanCleanup` (orphans.py) remembers every virtual IP that was named since the pod started, in a file, because the agent
may be restarted as well. An address is forgotten as soon as it is neither named nor on the node: whoever adds it later may keep it.
"""

import json
import logging
from collections.abc import Collection
from pathlib import Path
from typing import Final

from hacluster.agent.system.files import replace_file

log = logging.getLogger(__name__)

PATIENCE: Final = 2.0
"""Seconds that keepalived has to remove an address that is no longer named."""
_MOST: Final = 512
"""Addresses that are remembered; a resource has at most a few dozen at a time."""


class RememberedAddresses:
    """The record. Times are arguments (seconds, monotonic clock)."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._unnamed_since: dict[str, float] = {}
        self._known = self._read()

    def update(self, named: Collection[str], present: Collection[str], now: float) -> frozenset[str]:
        """Takes over what the configurations name and what the node has; returns the addresses to remove: both without prefix length.

        Nothing is forgotten while `named` is empty, as before the first configuration was read.
        """
        if named:
            kept = [address for address in self._known if address in present and address not in named]
            self._remember([*kept, *sorted(named)][-_MOST:])
        unnamed = (address for address in self._known if named and address in present and address not in named)
        self._unnamed_since = {address: self._unnamed_since.get(address, now) for address in unnamed}
        return frozenset(address for address, since in self._unnamed_since.items() if now - since >= PATIENCE)

    @property
    def all(self) -> frozenset[str]:
        """Every remembered address."""
        return frozenset(self._known)

    def _remember(self, addresses: list[str]) -> None:
        if addresses != self._known:
            self._known = addresses
            try:
                replace_file(self._file, json.dumps(addresses) + "\n")
            except OSError as error:
                log.warning("cannot record the virtual IPs: %s", error)

    def _read(self) -> list[str]:
        try:
            recorded = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return []
        return [each for each in recorded if isinstance(each, str)] if isinstance(recorded, list) else []
