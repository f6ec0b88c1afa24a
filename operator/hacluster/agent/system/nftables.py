"""What nftables has loaded, read by netlink: the generation of the ruleset, a table's fingerprint, the elements of a map.

`agent/handover/netfilter.py` loads rules with the command `nft` and finds with this module out whether they are still there. The
generation changes at every commit of any program, so a node at rest is asked for one number only.

Sources: nft(8), and the kernel's stable headers linux/netfilter/nfnetlink.h and linux/netfilter/nf_tables.h.
"""

import errno
import hashlib
import socket
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from hacluster.agent.system.netlink import NLM_F_ACK, NLM_F_DUMP, NetlinkError, attribute, exchange, open_socket, request

_NFGENMSG: Final = struct.Struct("=BBH")  # family, version, resource id
_ATTRIBUTE: Final = struct.Struct("=HH")  # length, type
_TYPE_MASK: Final = 0x3FFF
_SUBSYSTEM: Final = 10 << 8  # NFNL_SUBSYS_NFTABLES
_NETLINK_NETFILTER: Final = 12

_GETTABLE: Final = _SUBSYSTEM | 1
_GETCHAIN: Final = _SUBSYSTEM | 4
_GETRULE: Final = _SUBSYSTEM | 7
_GETSET: Final = _SUBSYSTEM | 10
_GETSETELEM: Final = _SUBSYSTEM | 13
_GETGEN: Final = _SUBSYSTEM | 16

_GEN_ID: Final = 1
_TABLE_NAME: Final = 1
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_TYPE = 1, 3, 4, 5, 7
_RULE_TABLE, _RULE_CHAIN, _RULE_EXPRESSIONS = 1, 2, 4
_SET_TABLE, _SET_NAME = 1, 2
_SET_CONTENT: Final = (_SET_NAME, 3, 4, 5, 6, 7)  # name, flags, types and lengths of key and data
_ELEMENTS_TABLE, _ELEMENTS_SET, _ELEMENTS = 1, 2, 3
_ELEMENT_KEY, _ELEMENT_DATA, _VALUE = 1, 2, 1
_EXPRESSION_NAME: Final = 1

FAMILIES: Final = {"ip": 2, "ip6": 10}
"""nftables families as numbers (NFPROTO_IPV4, NFPROTO_IPV6)."""


def generation() -> int | None:
    """The number of the loaded ruleset; None where the kernel has no nftables. Raises OSError for another reason."""
    try:
        for payload in _ask(_GETGEN, "", b""):
            return int.from_bytes(dict(_attributes(payload)).get(_GEN_ID, b""), "big")
    except NetlinkError as error:
        if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOENT}:
            raise
    return None


def has_table(family: str, table: str) -> bool:
    """Whether there is a table of this name. False where the kernel has no nftables. Raises OSError for another reason."""
    try:
        return bool(_ask(_GETTABLE, family, _name(_TABLE_NAME, table)))
    except NetlinkError as error:
        if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP, errno.ENOENT}:
            raise
        return False


def fingerprint(family: str, table: str, base_chain: str, sets: Iterable[str]) -> str:
    """A hash over the content of a table: its base chain, all rules, all sets, and the elements of the named `sets`.

    It does not depend on counters, on handles, and on the elements of other sets. Empty when the table, the chain or a set is missing.
    Raises OSError.
    """
    try:
        parts = [*_chain(family, table, base_chain), *sorted(_set_definitions(family, table)), *_rules(family, table)]
        for name in sets:
            parts += [name.encode(), *sorted(elements(family, table, name))]
    except NetlinkError as error:
        if error.errno == errno.ENOENT:
            return ""
        raise
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def elements(family: str, table: str, name: str) -> dict[bytes, bytes]:
    """The elements of a set or map: key → value, as bytes in network order; the value is empty in a set. Raises OSError.

    NetlinkError with ENOENT: there is no such set.
    """
    found: dict[bytes, bytes] = {}
    for payload in _ask(_GETSETELEM, family, _name(_ELEMENTS_TABLE, table) + _name(_ELEMENTS_SET, name), NLM_F_DUMP):
        for _, element in _attributes(dict(_attributes(payload)).get(_ELEMENTS, b"")):
            attrs = dict(_attributes(element))
            found[_value(attrs.get(_ELEMENT_KEY, b""))] = _value(attrs.get(_ELEMENT_DATA, b""))
    return found


def _chain(family: str, table: str, name: str) -> Iterator[bytes]:
    for payload in _ask(_GETCHAIN, family, _name(_CHAIN_TABLE, table) + _name(_CHAIN_NAME, name)):
        attrs = dict(_attributes(payload))
        yield from (attrs.get(each, b"") for each in (_CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_TYPE))


def _set_definitions(family: str, table: str) -> Iterator[bytes]:
    for payload in _ask(_GETSET, family, _name(_SET_TABLE, table), NLM_F_DUMP):
        attrs = dict(_attributes(payload))
        yield b"\1".join(attrs.get(each, b"") for each in _SET_CONTENT)


def _rules(family: str, table: str) -> Iterator[bytes]:
    for payload in _ask(_GETRULE, family, _name(_RULE_TABLE, table), NLM_F_DUMP):
        attrs = dict(_attributes(payload))
        if attrs.get(_RULE_TABLE, b"").rstrip(b"\0") != table.encode():  # an old kernel lists the rules of all tables
            continue
        yield attrs.get(_RULE_CHAIN, b"")
        for _, expression in _attributes(attrs.get(_RULE_EXPRESSIONS, b"")):
            counter = dict(_attributes(expression)).get(_EXPRESSION_NAME, b"").startswith(b"counter")
            yield b"counter" if counter else expression


def _ask(kind: int, family: str, payload: bytes, flags: int = 0) -> list[bytes]:
    """The payloads of all answers, without the header of nfnetlink.

    An answer to a request for a single object ends with an acknowledgement, because one is asked for.
    """
    with open_socket(protocol=_NETLINK_NETFILTER) as kernel:
        message = request(kind, flags or NLM_F_ACK, _NFGENMSG.pack(FAMILIES.get(family, socket.AF_UNSPEC), 0, 0) + payload)
        return [answer[_NFGENMSG.size :] for _, _, answer in exchange(kernel, message)]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value of each attribute. Unlike `netlink.attributes` it yields those that are repeated, as in a list."""
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size or at + length > len(data):
            return
        yield kind & _TYPE_MASK, data[at + _ATTRIBUTE.size : at + length]
        at += length + 3 & ~3


def _name(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def _value(data: bytes) -> bytes:
    return dict(_attributes(data)).get(_VALUE, b"")
