"""The password of VRRP's advertisements in a Secret. Pure."""

import base64
import binascii

from hacluster.agent.secrets.credentials import BadSecret
from hacluster.agent.secrets.source import Data
from hacluster.api.vrrp import LONGEST_PASSWORD, OTHER_PASSWORD_CHARACTERS, is_password


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
    if len(found) > LONGEST_PASSWORD:
        raise BadSecret(
            f"its key {key} has {len(found)} bytes, and an advertisement has room for {LONGEST_PASSWORD}; choose a shorter password"
        )
    if not is_password(found):
        raise BadSecret(
            f"its key {key} has a character that keepalived would read otherwise; use letters, digits and {OTHER_PASSWORD_CHARACTERS}"
        )
    return found
