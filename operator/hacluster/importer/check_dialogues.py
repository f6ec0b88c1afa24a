"""Reads `tcp-check` rules into a check that connects, makes a TLS handshake, or exchanges texts with the server.

Source: HAProxy's Configuration Manual 3.0, 4.2 "tcp-check connect", "send", "expect".
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from hacluster.importer.findings import Directive, Ledger
from hacluster.importer.haproxy_check_tls import check_connection
from hacluster.importer.secrets import is_login

_TEXT: Final = re.compile(r"[\t\n\r -~]{1,255}")
_MOST: Final = 16
"""Steps that `healthCheck.exchange` takes."""


def dialogue(rules: Sequence[Directive], ledger: Ledger) -> dict[str, Any]:
    """Type, exchange, port and tls. A rule that has no field is lost, and then so is the exchange: a part of it would fail."""
    fields: dict[str, Any] = {"type": "TCP"}
    steps: list[dict[str, str]] = []
    complete = True
    for position, rule in enumerate(rules):
        match rule.words[1:]:
            case ("connect", *words) if position == 0 or all(each.words[1:2] == ("comment",) for each in rules[:position]):
                check_connection(rule, words, fields, ledger)
            case ("send", text):
                complete = _send(rule, text, steps, ledger) and complete
            case ("send-binary", digits):
                complete = _send(rule, _text(digits), steps, ledger) and complete
            case ("expect", "string", text):
                complete = _expect(rule, text, steps, ledger) and complete
            case ("expect", "binary", digits):
                complete = _expect(rule, _text(digits), steps, ledger) and complete
            case ("comment", *_):
                pass
            case _:
                ledger.lost(rule)
                complete = False
    if not complete or len(steps) > _MOST:
        if complete:
            ledger.lost(rules[-1], f"no field for more than {_MOST} steps")
        return {key: value for key, value in fields.items() if key != "tls"}
    return _typed(fields, steps)


def _typed(fields: dict[str, Any], steps: list[dict[str, str]]) -> dict[str, Any]:
    if steps:
        return {**fields, "type": "Exchange", "exchange": steps}
    if "tls" in fields:
        return {**{key: value for key, value in fields.items() if key != "tls"}, "type": "TLS"}
    return fields


def _send(rule: Directive, text: str, steps: list[dict[str, str]], ledger: Ledger) -> bool:
    if is_login(text):
        ledger.lost(rule, "no field for a password: a resource is no place for secrets")
        return False
    if not _TEXT.fullmatch(text):
        ledger.lost(rule, "no field for bytes that are no text")
        return False
    steps.append({"send": text})
    return True


def _expect(rule: Directive, text: str, steps: list[dict[str, str]], ledger: Ledger) -> bool:
    if not _TEXT.fullmatch(text):
        ledger.lost(rule, "no field for bytes that are no text")
        return False
    if steps and "expect" not in steps[-1]:
        steps[-1]["expect"] = text
    else:
        steps.append({"expect": text})
    return True


def _text(digits: str) -> str:
    """The text that hexadecimal digits stand for; empty: they are no ASCII text."""
    try:
        return bytes.fromhex(digits).decode("ascii")
    except ValueError:
        return ""
