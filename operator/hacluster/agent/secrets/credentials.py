"""User name and password of a Secret, as the digest that HAProxy compares with that of a request. Pure.

HAProxy needs neither of them as text: haproxy.cfg makes the SHA-256 of what a client sends ("user:password", RFC 7617), and looks for it
among the patterns of a file. So no file, socket or memory of HAProxy has the password.
"""

import base64
import binascii
import hashlib
import re
from typing import Final

from hacluster.agent.secrets.source import Data

USERNAME: Final = "username"
PASSWORD: Final = "password"  # noqa: S105 - a key's name
_LONGEST: Final = 255
_DIGEST: Final = re.compile("[0-9A-F]{64}")


class BadSecret(Exception):
    """The Secret cannot be used. The message names the key and the cure, never the value."""


def digest(data: Data) -> str:
    """The digest of the Secret's user name and password, as HAProxy's `sha2(256),hex` writes it. Raises BadSecret."""
    username, password = (_sendable(data, key) for key in (USERNAME, PASSWORD))
    if ":" in username:
        raise BadSecret(f"its key {USERNAME} has a colon, which ends a user name in HTTP; choose another name")
    return hashlib.sha256(f"{username}:{password}".encode()).hexdigest().upper()


def is_digest(text: str) -> bool:
    """Whether the text is what `digest` returns."""
    return _DIGEST.fullmatch(text) is not None


def text_of(data: Data, key: str, encoding: str = "utf-8") -> str:
    """The text under this key. Raises BadSecret: there is none, or one that nobody means."""
    if key not in data:
        raise BadSecret(f"it has no key {key}; add it")
    try:
        found = base64.b64decode(data[key], validate=True).decode(encoding)
    except binascii.Error:
        raise BadSecret(f"its key {key} is not in base64") from None
    except UnicodeDecodeError:
        raise BadSecret(f"its key {key} is not text in UTF-8") from None
    if not found:
        raise BadSecret(f"its key {key} is empty")
    if found.endswith("\n"):
        raise BadSecret(
            f"its key {key} ends with a line end, as echo writes it; use printf, or kubectl create secret --from-literal"
        )
    return found


def _sendable(data: Data, key: str) -> str:
    """The text, if a client can send it (RFC 7617)."""
    found = text_of(data, key)
    if any(ord(each) < 0x20 or ord(each) == 0x7F for each in found):
        raise BadSecret(f"its key {key} has control characters, which no client can send")
    if len(found.encode()) > _LONGEST:
        raise BadSecret(f"its key {key} is longer than {_LONGEST} bytes")
    return found
