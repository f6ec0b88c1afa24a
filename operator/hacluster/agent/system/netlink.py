"""The kernel's routing netlink, as far as the agent needs it.

`read_network` lists links and addresses, `Monitor` reports that they changed, `delete_address` deletes one. The rest encodes and
decodes messages. There is no netlink library here, because each takes more memory than these few requests (docs/decisions/0003).

Sources: netlink(7), rtnetlink(7), and the kernel's stable headers linux/netlink.h, linux/rtnetlink.h, linux/if_addr.h and
linux/if_link.h.
"""

import asyncio
import errno
import os
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface
from types import TracebackType
from typing import Final, Self

from hacluster.agent.system.network import Address, Link, Network

_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_IFINFO: Final = struct.Struct("=BxHiII")  # family, hardware, index, flags, change
_IFADDR: Final = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_CACHEINFO: Final = struct.Struct("=IIII")  # preferred and valid lifetime, created, changed
_ATTRIBUTE: Final = struct.Struct("=HH")  # length, type

NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
RTM_NEWLINK: Final = 16
RTM_GETLINK: Final = 18
RTM_NEWADDR: Final = 20
RTM_DELADDR: Final = 21
RTM_GETADDR: Final = 22

NLM_F_REQUEST: Final = 0x1
NLM_F_ACK: Final = 0x4
NLM_F_DUMP_INTR: Final = 0x10
NLM_F_DUMP: Final = 0x300

IFLA_ADDRESS: Final = 1
IFLA_IFNAME: Final = 3
IFLA_MASTER: Final = 10
IFLA_LINKINFO: Final = 18
IFLA_INFO_KIND: Final = 1
IFA_ADDRESS: Final = 1
IFA_LOCAL: Final = 2
IFA_CACHEINFO: Final = 6
IFA_FLAGS: Final = 8
IFA_PROTO: Final = 11
_TYPE_MASK: Final = 0x3FFF  # without the nested and byte-order bits

_GROUPS: Final = 0x1 | 0x10 | 0x100
"""Multicast groups of the changes of links, IPv4 addresses and IPv6 addresses."""
_TIMEOUT: Final = 2.0
"""Seconds for one answer of the kernel."""
_BUFFER: Final = 1 << 16
_TRIES: Final = 10


class NetlinkError(OSError):
    """The kernel refused a request."""


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Type, flags and payload of each message in a datagram; an incomplete message at the end is left out."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, flags, _, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size or at + length > len(data):
            return
        yield kind, flags, data[at + _HEADER.size : at + length]
        at += length + 3 & ~3


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes of a message by their type; an incomplete one at the end is left out."""
    found: dict[int, bytes] = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size or at + length > len(data):
            break
        found[kind & _TYPE_MASK] = data[at + _ATTRIBUTE.size : at + length]
        at += length + 3 & ~3
    return found


def attribute(kind: int, value: bytes) -> bytes:
    """Encodes one attribute, with padding to four bytes."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def request(kind: int, flags: int, payload: bytes, sequence: int = 1) -> bytes:
    """Encodes one message to the kernel."""
    return _HEADER.pack(_HEADER.size + len(payload), kind, flags | NLM_F_REQUEST, sequence, 0) + payload


def parse_link(payload: bytes) -> Link | None:
    """Decodes a link; None for a message that is incomplete or has no name."""
    if len(payload) < _IFINFO.size:
        return None
    _, hardware, index, flags, _ = _IFINFO.unpack_from(payload)
    attrs = attributes(payload[_IFINFO.size :])
    if IFLA_IFNAME not in attrs:
        return None
    info = attributes(attrs.get(IFLA_LINKINFO, b""))
    master = attrs.get(IFLA_MASTER, b"")
    return Link(
        index=index,
        name=_text(attrs[IFLA_IFNAME]),
        kind=_text(info.get(IFLA_INFO_KIND, b"")),
        hardware=hardware,
        flags=flags,
        master=int.from_bytes(master, "little" if struct.pack("=H", 1) == b"\x01\x00" else "big"),
        mac=attrs.get(IFLA_ADDRESS, b"").hex(":"),
    )


def parse_address(payload: bytes) -> Address | None:
    """Decodes an address; None for families other than IPv4 and IPv6.

    On a point-to-point link IFA_ADDRESS is the peer's address, and IFA_LOCAL is the node's own.
    """
    if len(payload) < _IFADDR.size:
        return None
    family, prefix, flags, _, index = _IFADDR.unpack_from(payload)
    attrs = attributes(payload[_IFADDR.size :])
    packed = attrs.get(IFA_LOCAL) or attrs.get(IFA_ADDRESS)
    if family not in {socket.AF_INET, socket.AF_INET6} or packed is None or len(packed) not in {4, 16}:
        return None
    if len(attrs.get(IFA_FLAGS, b"")) == 4:
        (flags,) = struct.unpack("=I", attrs[IFA_FLAGS])
    protocol = attrs.get(IFA_PROTO, b"")
    # The lifetimes are not kept: those of DHCP addresses count down, so that each reading would differ from the one before.
    created = _CACHEINFO.unpack(attrs[IFA_CACHEINFO])[2] if len(attrs.get(IFA_CACHEINFO, b"")) == _CACHEINFO.size else 0
    return Address(
        index=index,
        interface=ip_interface((ip_address(packed), prefix)),
        flags=flags,
        protocol=protocol[0] if len(protocol) == 1 else 0,
        created=created,
    )


def delete_request(address: Address) -> bytes:
    """Encodes the request to delete exactly this address: interface, prefix length and IP."""
    interface: IPv4Interface | IPv6Interface = address.interface
    family = socket.AF_INET if interface.version == 4 else socket.AF_INET6
    payload = _IFADDR.pack(family, interface.network.prefixlen, 0, 0, address.index)
    return request(RTM_DELADDR, NLM_F_ACK, payload + attribute(IFA_LOCAL, interface.ip.packed))


def _text(value: bytes) -> str:
    return value.split(b"\0", 1)[0].decode(errors="replace")


def open_socket(groups: int = 0, protocol: int = socket.NETLINK_ROUTE) -> socket.socket:
    """Opens a netlink socket in this network namespace, which receives messages of these multicast groups. Raises OSError."""
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    try:
        opened.bind((0, groups))
        opened.settimeout(_TIMEOUT)
    except BaseException:
        opened.close()
        raise
    return opened


def exchange(kernel: socket.socket, message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Sends a request and yields the answers up to the end of the list or the acknowledgement.

    It blocks, because the kernel answers at once. Raises NetlinkError, and OSError when there is no answer in time.
    """
    kernel.send(message)
    while True:
        for kind, flags, payload in messages(kernel.recv(_BUFFER)):
            if kind == NLMSG_ERROR:
                (code,) = struct.unpack_from("=i", payload)
                if code:
                    raise NetlinkError(-code, os.strerror(-code))
                return
            if kind == NLMSG_DONE:
                return
            yield kind, flags, payload


def read_network() -> Network:
    """Every link and address of this network namespace. Raises OSError."""
    for _ in range(_TRIES):  # NLM_F_DUMP_INTR: the list changed while it was read, so it is read again
        with open_socket() as kernel:
            listed = list(exchange(kernel, request(RTM_GETLINK, NLM_F_DUMP, _IFINFO.pack(0, 0, 0, 0, 0))))
            listed += exchange(kernel, request(RTM_GETADDR, NLM_F_DUMP, _IFADDR.pack(0, 0, 0, 0, 0)))
        if not any(flags & NLM_F_DUMP_INTR for _, flags, _ in listed):
            break
    links = [parse_link(payload) for kind, _, payload in listed if kind == RTM_NEWLINK]
    addresses = [parse_address(payload) for kind, _, payload in listed if kind == RTM_NEWADDR]
    return Network(tuple(link for link in links if link), tuple(address for address in addresses if address))


def delete_address(address: Address) -> None:
    """Deletes one address; an address or interface that is gone already is no error. Raises OSError otherwise."""
    with open_socket() as kernel:
        try:
            list(exchange(kernel, delete_request(address)))
        except NetlinkError as error:
            if error.errno not in {errno.EADDRNOTAVAIL, errno.ENODEV}:
                raise


class Monitor:
    """Reports that links or addresses changed, not which: `async with Monitor() as monitor: await monitor.changed()`.

    The messages themselves are discarded, since the caller reads the whole list after a change.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._socket = open_socket(_GROUPS)
        self._socket.setblocking(False)

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._socket, self._drain)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    async def changed(self) -> None:
        """Waits until anything has changed since the last call."""
        await self._event.wait()
        self._event.clear()

    def _drain(self) -> None:
        while True:
            try:
                self._socket.recv(_BUFFER)
            except BlockingIOError:
                break
            except OSError as error:  # ENOBUFS: messages were lost, which does not matter here
                if error.errno != errno.ENOBUFS:
                    raise
        self._event.set()
