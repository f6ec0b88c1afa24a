"""The password of version-2 advertisements (RFC 2338, section 5.3.6), in keepalived.conf and in packets. Pure.

The operator's keepalived.conf has a comment (`names.authentication_marker`) in each instance that is to have one. keepalived reads what is
in double quotes literally, except for the characters that `api/vrrp.py` refuses.
"""

import re
from typing import Final

from hacluster import names
from hacluster.api.vrrp import LONGEST_PASSWORD

LENGTH: Final = LONGEST_PASSWORD
"""Bytes of the authentication data in a packet; a shorter password is followed by zero bytes."""

_MARKER: Final = re.compile(rf"^( *){re.escape(names.AUTHENTICATION_MARK)}.*\n", re.MULTILINE)
_PASSWORD: Final = re.compile(r'^ *auth_pass "([^"\n]+)"$', re.MULTILINE)


def is_wanted(text: str) -> bool:
    """Whether any instance of this keepalived.conf is to have a password."""
    return _MARKER.search(text) is not None


def with_password(text: str, password: str) -> str:
    """The operator's keepalived.conf with the password below each marker."""

    def block(found: re.Match[str]) -> str:
        lines = ("authentication {", "    auth_type PASS", f'    auth_pass "{password}"', "}")
        return found[0] + "".join(f"{found[1]}{line}\n" for line in lines)

    return _MARKER.sub(block, text)


def password_in(text: str) -> str:
    """The first password in a keepalived.conf, or in one of its instances; empty: there is none."""
    found = _PASSWORD.search(text)
    return found[1] if found else ""


def as_sent(password: str) -> bytes:
    """The authentication data of a packet with this password; empty: it has none."""
    return password.encode().ljust(LENGTH, b"\0") if password else b""
