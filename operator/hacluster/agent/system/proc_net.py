"""The sockets in /proc/net: all UDP sockets, and TCP sockets where the kernel has no sock_diag(7).

Source: Documentation/networking/proc_net_tcp.rst of the kernel.
"""

import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final, NamedTuple

Address = IPv4Address | IPv6Address
_PROC: Final = Path("/proc/net")


class ProcSocket(NamedTuple):
    """One line: own address and port, state (include/net/tcp_states.h), the user's id, address and port of the other end."""

    address: Address
    port: int
    state: int
    user: int
    peer: Address
    peer_port: int


def read(protocol: str, proc: Path = _PROC) -> Iterator[ProcSocket]:
    """The sockets of `tcp` or `udp` in this network namespace, of both IP versions. Raises OSError."""
    files = [proc / name for name in (protocol, f"{protocol}6")]
    for file in files:
        if file.exists():  # a kernel without IPv6 has no tcp6
            yield from parse(file.read_text())


def parse(table: str) -> Iterator[ProcSocket]:
    """The sockets of one file; incomplete lines are left out."""
    for line in table.splitlines()[1:]:
        fields = line.split(maxsplit=8)
        if len(fields) > 7:
            (address, port), (peer, peer_port) = map(_end, fields[1:3])
            yield ProcSocket(address, port, int(fields[3], 16), int(fields[7]), peer, peer_port)


def _end(text: str) -> tuple[Address, int]:
    """Decodes an address and a port: 32-bit words in hexadecimal digits, each word in the machine's byte order."""
    digits, _, port = text.partition(":")
    raw = bytes.fromhex(digits)
    packed = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4)) if sys.byteorder == "little" else raw
    return ip_address(packed), int(port, 16)
