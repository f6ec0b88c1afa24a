"""The password of VRRP's advertisements in a Secret. Pure."""

import base64
import binascii
import re
from typing import Final

from hacluster.agent.secrets.credentials import BadSecret
from hacluster.agent.secrets.source import Data

_LONGEST: Final = 8
"""Bytes: the packet has no room for more (RFC 2338, section 5.3.6)."""
_OTHERS: Final = "!#%&()*+,-./:;=?@[]^_|~"
_CHARACTERS: Final = re.compile(f"[A-Za-z0-9{re.escape(_OTHERS)}]+")
"""Left out are quotes, backslashes, blanks, dollars and braces, which are syntax in keepalived.conf, and what is not in ASCII."""


def password_of(data: Data, key: str) -> str:
    """The password. Raises BadSecret."""
    if key not in data:
        raise BadSecret(f"it has no key {key}; add it")
    try:
        found = base64.b64decode(data[key], validate=True).decode("latin-1")
    except binascii.Error:
        raise BadSecret(f"its key {key} is not in base64") from None
    if not found:
        raise BadSecret(f"its key {key} is empty")
    if found.endswith("\n"):
        raise BadSecret(
            f"its key {key} ends with a line end, as echo writes it; use printf, or kubectl create secret --from-literal"
        )
    if len(found) > _LONGEST:
        raise BadSecret(
            f"its key {key} has {len(found)} bytes, and an advertisement has room for {_LONGEST}; choose a shorter password"
        )
    if not _CHARACTERS.fullmatch(found):
        raise BadSecret(f"its key {key} has a character that keepalived would read otherwise; use letters, digits and {_OTHERS}")
    return found
