r"""Reads `option httpchk` and its `http-check` rules into the fields of an HTTP check.

Source: HAProxy's Configuration Manual 3.0, 4.2. The line `option httpchk METHOD URI VERSION` may have headers after the version, with
`\r\n` before each: the way of HAProxy before 2.2.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_check_tls import check_connection

_METHODS: Final = ("OPTIONS", "GET", "HEAD")
_STATUS: Final = "[1-5][0-9]{2}"
_STATUSES: Final = re.compile(f"{_STATUS}(-{_STATUS})?(,{_STATUS}(-{_STATUS})?)*")
_LONGEST_PATTERN: Final = 60
_PATTERN: Final = re.compile(r"(?:[0-9\[\]|().^$?-]|\\d)+")
"""Regular expressions that are tried: without `*` and `+`, with which they could take for ever."""


def http_check(option: Directive, rules: Sequence[Directive], ledger: Ledger) -> dict[str, Any]:
    """method, path, host, what is expected, port and tls."""
    fields: dict[str, Any] = {}
    _request_line(option, fields, ledger)
    sent = connected = False
    for rule in rules:
        action, words = (rule.words[1] if len(rule.words) > 1 else ""), list(rule.words[2:])
        if action == "send" and not sent:
            sent = True
            _send(rule, words, fields, ledger)
        elif action == "connect" and not (connected or sent):
            connected = True
            check_connection(rule, words, fields, ledger, names=True)
        elif action == "expect":
            _expect(rule, words, fields, ledger)
        elif action != "comment":
            ledger.lost(rule)
    return fields


def _request_line(option: Directive, fields: dict[str, Any], ledger: Ledger) -> None:
    arguments = option.words[2:]
    if len(arguments) == 1:
        fields["path"] = arguments[0]
        return
    if arguments:
        _method(option, arguments[0], fields, ledger)
        fields["path"] = arguments[1]
    for header in re.split(r"[\r\n]+", " ".join(arguments[2:]))[1:]:
        name, _, value = header.partition(":")
        if name:
            _header(option, name.strip(), value.strip(" \\"), fields, ledger)


def _method(directive: Directive, method: str, fields: dict[str, Any], ledger: Ledger) -> None:
    if method.upper() in _METHODS:
        fields["method"] = method.upper()
    else:
        ledger.lost(directive, "no field: checks send OPTIONS, GET or HEAD", method)


def _header(directive: Directive, name: str, value: str, fields: dict[str, Any], ledger: Ledger) -> None:
    if name.lower() == "host":
        fields["host"] = value
    elif (name.lower(), value.lower()) == ("connection", "close"):
        pass  # HAProxy ends each check's connection anyway
    elif name.lower() == "user-agent":
        ledger.noted(directive, "the check sends no User-Agent any more")
    else:
        ledger.lost(directive, "no field: a check has no header but Host", name)


def _send(rule: Directive, words: list[str], fields: dict[str, Any], ledger: Ledger) -> None:
    rest = iter(words)
    for word in rest:
        value = next(rest, "")
        if word == "meth":
            _method(rule, value, fields, ledger)
        elif word == "uri":
            fields["path"] = value
        elif word == "hdr":
            _header(rule, value, next(rest, ""), fields, ledger)
        elif word == "body" or word.endswith("-lf") or word not in ("ver", "comment"):
            ledger.lost(rule, part=word)


def _expect(rule: Directive, words: list[str], fields: dict[str, Any], ledger: Ledger) -> None:
    match words:
        case ["status", codes] if _STATUSES.fullmatch(codes) and len(codes) <= 64:
            _set_once(rule, "expectStatus", codes, fields, ledger)
        case ["rstatus", pattern] if codes := _codes(pattern):
            _set_once(rule, "expectStatus", codes, fields, ledger)
        case ["string", text]:
            _set_once(rule, "expectBody", text, fields, ledger)
        case _:
            ledger.lost(rule, "no field for what is expected")


def _set_once(rule: Directive, field: str, value: str, fields: dict[str, Any], ledger: Ledger) -> None:
    if field in fields:
        ledger.lost(rule, "no field for a second one")
    fields.setdefault(field, value)


def _codes(pattern: str) -> str:
    """The status codes that a regular expression matches, such as 200-399; empty: none, or too many ranges for the field."""
    if len(pattern) > _LONGEST_PATTERN or not _PATTERN.fullmatch(pattern):
        return ""
    try:
        matches = re.compile(pattern).search
        ranges = list(_ranges([code for code in range(100, 600) if matches(f"{code}")]))
    except (re.error, RecursionError, OverflowError):
        return ""
    text = ",".join(f"{low}" if low == high else f"{low}-{high}" for low, high in ranges)
    return text if len(text) <= 64 else ""


def _ranges(codes: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = None
    for position, code in enumerate(codes):
        start = code if start is None else start
        if position + 1 == len(codes) or codes[position + 1] != code + 1:
            yield start, code
            start = None
