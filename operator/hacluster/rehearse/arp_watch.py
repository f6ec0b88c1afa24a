"""Records which MAC addresses answer ARP requests for a virtual IP.

`ArpWatch.start` opens a packet socket (packet(7)) on the client's interface; a thread broadcasts a numbered round of ARP requests
(RFC 826) every 20 ms and appends each answer to `answers`. Two MAC addresses that answer in one round are two holders for
a client, also if the nodes' kernels had the address at different times: `measure.dual_on_wire`.
"""

import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Final

from hacluster.rehearse.hosts import Networked

_ETH_P_ARP: Final = 0x0806
_FRAME: Final = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_REQUEST, _REPLY = 1, 2
_BROADCAST: Final = b"\xff" * 6


@dataclass(frozen=True)
class Answer:
    """At `at` (seconds of the monotonic clock) `mac` claimed the address in round `request`; 0: unasked, by a gratuitous ARP."""

    at: float
    mac: str
    request: int
    address: str


@dataclass
class ArpWatch:
    """Sends ARP requests for IPv4 addresses every `every` seconds, with `source` as the sender. `answers` grows while it runs."""

    host: Networked
    interface: str
    source: str
    addresses: tuple[str, ...]
    every: float = 0.02
    answers: list[Answer] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread."""
        with self.host.network():
            packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ARP))
            packets.bind((self.interface, _ETH_P_ARP))
        own = packets.getsockname()[4]
        requests = [_request_frame(own, self.source, each) for each in self.addresses]

        def watch() -> None:
            number, due = 0, time.monotonic()
            while not self._stop.is_set():
                now = time.monotonic()
                if now >= due:
                    number += 1
                    for request in requests:
                        _send(packets, request)
                    due = now + self.every
                if select.select([packets], [], [], max(0.0, due - time.monotonic()))[0]:
                    self._record(packets.recv(2048), number)
            packets.close()

        self._thread = threading.Thread(target=watch, name="arp-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def _record(self, frame: bytes, number: int) -> None:
        if len(frame) < _FRAME.size:
            return
        _, _, kind, _, _, _, _, operation, sender, address, _, target = _FRAME.unpack_from(frame)
        claimed = str(IPv4Address(address))
        if kind != _ETH_P_ARP or claimed not in self.addresses:
            return
        solicited = operation == _REPLY and address != target
        self.answers.append(Answer(time.monotonic(), sender.hex(":"), number if solicited else 0, claimed))


def _request_frame(own: bytes, source: str, address: str) -> bytes:
    return _FRAME.pack(
        _BROADCAST, own, _ETH_P_ARP, 1, 0x0800, 6, 4, _REQUEST,
        own, IPv4Address(source).packed, b"\0" * 6, IPv4Address(address).packed,
    )  # fmt: skip


def _send(packets: socket.socket, frame: bytes) -> None:
    try:
        packets.send(frame)
    except OSError:  # the link is down: no answer can come either
        return
