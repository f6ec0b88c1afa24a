"""Who has a virtual IP, by the kernels' own word: every change of every node's addresses, stamped as it arrives."""

import select
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hacluster.agent.system import netlink
from hacluster.rehearse.hosts import Networked

_GROUPS: Final = 0x10 | 0x100
_POLL: Final = 0.2


@dataclass(frozen=True)
class Change:
    """At `at` (seconds of the monotonic clock) a node got (`held`) or lost a virtual IP."""

    at: float
    node: str
    address: str
    held: bool


@dataclass
class AddressWatch:
    """Listens to the routing netlink of each node. `changes` grows while it runs."""

    hosts: Mapping[str, Networked]
    addresses: frozenset[str]
    changes: list[Change] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """From now on."""
        sockets = {}
        for name, host in self.hosts.items():
            with host.network():
                sockets[netlink.open_socket(_GROUPS)] = name
                held = {address.text for address in netlink.read_network().addresses}
            self.changes += [Change(time.monotonic(), name, each, True) for each in sorted(held & self.addresses)]

        def listen() -> None:
            while not self._stop.is_set():
                for ready in select.select(list(sockets), [], [], _POLL)[0]:
                    at = time.monotonic()
                    for kind, _, payload in netlink.messages(ready.recv(1 << 16)):
                        if kind in {netlink.RTM_NEWADDR, netlink.RTM_DELADDR}:
                            self._take(at, sockets[ready], payload, held=kind == netlink.RTM_NEWADDR)
            for each in sockets:
                each.close()

        self._thread = threading.Thread(target=listen, name="kernel-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def holders(self, address: str) -> set[str]:
        """The nodes that have it now."""
        found: set[str] = set()
        for change in self.changes:
            if change.address == address:
                (found.add if change.held else found.discard)(change.node)
        return found

    def _take(self, at: float, node: str, payload: bytes, *, held: bool) -> None:
        address = netlink.parse_address(payload)
        if address is not None and address.text in self.addresses:
            self.changes.append(Change(at, node, address.text, held))
