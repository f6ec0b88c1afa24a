"""Policy rules and the routes of one routing table: lists, adds and deletes them by netlink.

`agent/handover/policy_routes.py` compares the lists with what the configuration needs. No `ip` process is started, because the
comparison runs three times a second and a repair must not take longer with many virtual IPs.

Sources: rtnetlink(7), ip-rule(8), and the kernel's stable headers linux/fib_rules.h and linux/rtnetlink.h.
"""

import contextlib
import errno
import socket
import struct
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Final, NamedTuple

from hacluster.agent.system.netlink import (
    NLM_F_ACK,
    NLM_F_DUMP,
    NLM_F_DUMP_INTR,
    NetlinkError,
    attribute,
    attributes,
    exchange,
    open_socket,
    request,
)

_RULE: Final = struct.Struct(
    "=BBBBBBBBI"
)  # family, destination and source prefix lengths, TOS, table, two reserved, action, flags
_ROUTE: Final = struct.Struct("=BBBBBBBBI")  # family, prefix lengths, TOS, table, protocol, scope, type, flags
_U32: Final = struct.Struct("=I")

RTM_NEWROUTE: Final = 24
RTM_DELROUTE: Final = 25
RTM_GETROUTE: Final = 26
RTM_NEWRULE: Final = 32
RTM_DELRULE: Final = 33
RTM_GETRULE: Final = 34

FRA_DST: Final = 1
FRA_IIFNAME: Final = 3
FRA_PRIORITY: Final = 6
FRA_TABLE: Final = 15
FRA_PROTOCOL: Final = 21
FRA_IP_PROTO: Final = 22
RTA_DST: Final = 1
RTA_OIF: Final = 4
RTA_TABLE: Final = 15

_FR_ACT_TO_TBL: Final = 1
_RTN_LOCAL: Final = 2
_RT_SCOPE_HOST: Final = 254
_RT_PROTOCOL: Final = 3
"""RTPROT_BOOT, which ip(8) sets: the rule or route was made by hand or by a script."""
_NLM_F_EXCL: Final = 0x200
_NLM_F_CREATE: Final = 0x400
_SOL_NETLINK: Final = 270
_NETLINK_GET_STRICT_CHK: Final = 12
_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_TRIES: Final = 10


class PolicyRule(NamedTuple):
    """Packets to one address that arrive on one interface use this routing table (`ip rule`)."""

    destination: str
    """The address without a prefix length; empty for a rule that matches every address, or a network."""
    interface: str
    ip_protocol: int
    preference: int
    table: int


class LocalRoute(NamedTuple):
    """A route that delivers packets for one address to this node's own sockets (`ip route … local`)."""

    destination: str
    """The address without a prefix length; empty for a route to a network."""
    table: int


Dump = tuple[bytes, ...]
"""Rules or routes as the kernel wrote them. Two dumps that are equal have the same content, and need not be decoded."""


def dump_rules(version: int) -> Dump:
    """All policy rules of one IP version. Raises OSError."""
    return _dump(RTM_GETRULE, RTM_NEWRULE, _RULE.pack(_FAMILIES[version], 0, 0, 0, 0, 0, 0, 0, 0))


def dump_routes(version: int, table: int) -> Dump:
    """The routes of one table. A table without routes does not exist for the kernel, and is empty here. Raises OSError."""
    payload = _ROUTE.pack(_FAMILIES[version], 0, 0, 0, 0, 0, 0, 0, 0) + attribute(RTA_TABLE, _U32.pack(table))
    try:
        return _dump(RTM_GETROUTE, RTM_NEWROUTE, payload)
    except NetlinkError as error:
        if error.errno == errno.ENOENT:
            return ()
        raise


def rules_of(dump: Dump, table: int) -> list[PolicyRule]:
    """The rules of a dump that look up this table."""
    return [rule for rule in map(parse_rule, dump) if rule is not None and rule.table == table]


def routes_of(dump: Dump, table: int) -> list[LocalRoute]:
    """The routes of a dump that are in this table."""
    return [route for route in map(parse_route, dump) if route is not None and route.table == table]


def parse_rule(payload: bytes) -> PolicyRule | None:
    """Decodes a rule; None for an incomplete message."""
    if len(payload) < _RULE.size:
        return None
    family, length, _, _, table, _, _, _, _ = _RULE.unpack_from(payload)
    attrs = attributes(payload[_RULE.size :])
    return PolicyRule(
        destination=_host(family, length, attrs.get(FRA_DST, b"")),
        interface=attrs.get(FRA_IIFNAME, b"").split(b"\0", 1)[0].decode(errors="replace"),
        ip_protocol=attrs.get(FRA_IP_PROTO, b"\0")[0],
        preference=_number(attrs.get(FRA_PRIORITY), 0),
        table=_number(attrs.get(FRA_TABLE), table),
    )


def parse_route(payload: bytes) -> LocalRoute | None:
    """Decodes a route; None for an incomplete message, and for a route that is not local."""
    if len(payload) < _ROUTE.size:
        return None
    family, length, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(payload)
    attrs = attributes(payload[_ROUTE.size :])
    if kind != _RTN_LOCAL:
        return None
    return LocalRoute(_host(family, length, attrs.get(RTA_DST, b"")), _number(attrs.get(RTA_TABLE), table))


def encode_rule(rule: PolicyRule, version: int) -> bytes:
    """The payload that names this rule: for adding it, and for deleting exactly it."""
    length = (32 if version == 4 else 128) if rule.destination else 0
    payload = _RULE.pack(_FAMILIES[version], length, 0, 0, 0, 0, 0, _FR_ACT_TO_TBL, 0)
    if rule.destination:
        payload += attribute(FRA_DST, ip_address(rule.destination).packed)
    if rule.interface:
        payload += attribute(FRA_IIFNAME, rule.interface.encode() + b"\0")
    if rule.ip_protocol:
        payload += attribute(FRA_IP_PROTO, bytes([rule.ip_protocol]))
    return payload + attribute(FRA_PRIORITY, _U32.pack(rule.preference)) + attribute(FRA_TABLE, _U32.pack(rule.table))


def encode_route(route: LocalRoute, version: int, loopback: int) -> bytes:
    """The payload that names this route; `loopback` is the index of the interface lo."""
    header = _ROUTE.pack(_FAMILIES[version], 32 if version == 4 else 128, 0, 0, 0, _RT_PROTOCOL, _RT_SCOPE_HOST, _RTN_LOCAL, 0)
    return (
        header
        + attribute(RTA_DST, ip_address(route.destination).packed)
        + attribute(RTA_OIF, _U32.pack(loopback))
        + attribute(RTA_TABLE, _U32.pack(route.table))
    )


def add_rules(version: int, rules: Iterable[PolicyRule]) -> None:
    """Adds rules; one that is there already is no error. Raises OSError."""
    protocol = attribute(FRA_PROTOCOL, bytes([_RT_PROTOCOL]))
    _change(RTM_NEWRULE, _NLM_F_CREATE | _NLM_F_EXCL, [encode_rule(rule, version) + protocol for rule in rules], errno.EEXIST)


def delete_rules(version: int, rules: Iterable[PolicyRule]) -> None:
    """Deletes rules; one that is gone already is no error. Raises OSError."""
    _change(RTM_DELRULE, 0, [encode_rule(rule, version) for rule in rules], errno.ENOENT)


def add_routes(version: int, routes: Iterable[LocalRoute]) -> None:
    """Adds routes; one that is there already is no error. Raises OSError."""
    loopback = socket.if_nametoindex("lo")
    _change(RTM_NEWROUTE, _NLM_F_CREATE | _NLM_F_EXCL, [encode_route(route, version, loopback) for route in routes], errno.EEXIST)


def delete_routes(version: int, dump: Dump, unwanted: Callable[[LocalRoute | None], bool]) -> None:
    """Deletes the routes of a dump that are `unwanted`, of whatever kind they are. Raises OSError."""
    _change(RTM_DELROUTE, 0, [payload for payload in dump if unwanted(parse_route(payload))], errno.ESRCH)


def _change(kind: int, flags: int, payloads: Iterable[bytes], ignored: int) -> None:
    with open_socket() as kernel:
        for payload in payloads:
            try:
                list(exchange(kernel, request(kind, flags | NLM_F_ACK, payload)))
            except NetlinkError as error:
                if error.errno != ignored:
                    raise


def _dump(asked: int, answered: int, payload: bytes) -> Dump:
    for _ in range(_TRIES):  # NLM_F_DUMP_INTR: the list changed while it was read, so it is read again
        with open_socket() as kernel:
            with contextlib.suppress(OSError):  # the kernel then filters by table (Linux 4.20)
                kernel.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)
            listed = list(exchange(kernel, request(asked, NLM_F_DUMP, payload)))
        if not any(flags & NLM_F_DUMP_INTR for _, flags, _ in listed):
            break
    return tuple(payload for kind, _, payload in listed if kind == answered)


def _host(family: int, length: int, packed: bytes) -> str:
    """An address whose prefix length is that of a single host; empty for anything else."""
    full = {socket.AF_INET: 32, socket.AF_INET6: 128}.get(family)  # type: ignore[call-overload]
    return str(ip_address(packed)) if length == full and len(packed) * 8 == full else ""


def _number(value: bytes | None, default: int) -> int:
    return _U32.unpack(value)[0] if value is not None and len(value) == _U32.size else default
