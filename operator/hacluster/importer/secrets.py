"""Shows directives without the passwords in them: findings are printed, and end up in logs and tickets."""

import re
from collections.abc import Sequence
from typing import Final

from hacluster.importer.findings import shortened

MASK: Final = "***"

_AFTER: Final = {"password", "insecure-password", "auth_pass", "auth_key", "auth_hmac", "smtp_password"}
"""Words that are followed by a secret."""
_HEADERS: Final = re.compile(r"(?i)(proxy-)?authorization|.*(token|secret|api-?key|password).*")
"""Names of headers whose values are secrets."""
_LOGIN: Final = re.compile(r"(?i)^\s*(\*[0-9]+\s+\$[0-9]+\s+)?(auth|pass|login|authorization:)\b")
"""What a dialogue with a server begins with where it sends a password: Redis, SMTP, POP3, IMAP, HTTP."""


def shown(words: Sequence[str], raw: str) -> str:
    """`raw`, the directive as it is written, or its words with masks where it has a secret."""
    masked = [*words]
    for position, word in enumerate(words[:-1]):
        if word in _AFTER or (position and _HEADERS.fullmatch(word)):
            masked[position + 1 :] = [MASK] * (1 if word in _AFTER else len(words) - position - 1)
            break
    if tuple(words[:2]) == ("stats", "auth") and len(words) > 2:
        masked[2:] = [f"{words[2].partition(':')[0]}:{MASK}" if ":" in words[2] else MASK]
    if tuple(words[:1]) == ("tcp-check",):
        text = " ".join(words[2:])
        if is_login(text) or is_login(_decoded(text)):
            masked[2:] = [MASK]
    return shortened(raw if masked == [*words] else " ".join(masked))


def is_secret_header(name: str) -> bool:
    """Whether the value of a header of this name is a secret."""
    return bool(_HEADERS.fullmatch(name))


def _decoded(digits: str) -> str:
    """What hexadecimal digits stand for; empty: they are none."""
    try:
        return bytes.fromhex(digits).decode("latin-1")
    except ValueError:
        return ""


def is_login(text: str) -> bool:
    """Whether a text that is sent to a server is a login with a secret."""
    return bool(_LOGIN.match(text))
