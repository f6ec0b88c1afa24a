"""Who answers for a virtual IP on the wire: ARP requests from the client's host, and every answer to them."""

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
_EVERYBODY: Final = b"\xff" * 6


@dataclass(frozen=True)
class Answer:
    """At `at` the station with this `mac` answered the request number `request` (0: unasked) for the address."""

    at: float
    mac: str
    request: int
    address: str


@dataclass
class ArpWatch:
    """Asks every `every` seconds. `answers` grows while it runs; IPv6 addresses are not asked for."""

    host: Networked
    interface: str
    source: str
    addresses: tuple[str, ...]
    every: float = 0.02
    answers: list[Answer] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """From now on."""
        with self.host.network():
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ARP))
            wire.bind((self.interface, _ETH_P_ARP))
        own = wire.getsockname()[4]
        questions = [_question(own, self.source, each) for each in self.addresses]

        def watch() -> None:
            number, due = 0, time.monotonic()
            while not self._stop.is_set():
                now = time.monotonic()
                if now >= due:
                    number += 1
                    for question in questions:
                        _send(wire, question)
                    due = now + self.every
                if select.select([wire], [], [], max(0.0, due - time.monotonic()))[0]:
                    self._take(wire.recv(2048), number)
            wire.close()

        self._thread = threading.Thread(target=watch, name="wire-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def _take(self, frame: bytes, number: int) -> None:
        if len(frame) < _FRAME.size:
            return
        _, _, kind, _, _, _, _, operation, sender, address, _, target = _FRAME.unpack_from(frame)
        said = str(IPv4Address(address))
        if kind != _ETH_P_ARP or said not in self.addresses:
            return
        asked = operation == _REPLY and address != target
        self.answers.append(Answer(time.monotonic(), sender.hex(":"), number if asked else 0, said))


def _question(own: bytes, source: str, address: str) -> bytes:
    return _FRAME.pack(
        _EVERYBODY, own, _ETH_P_ARP, 1, 0x0800, 6, 4, _REQUEST,
        own, IPv4Address(source).packed, b"\0" * 6, IPv4Address(address).packed,
    )  # fmt: skip


def _send(wire: socket.socket, frame: bytes) -> None:
    try:
        wire.send(frame)
    except OSError:  # the link is down: nobody can answer either
        return
