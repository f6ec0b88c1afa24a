"""The password of VRRP's advertisements in a Secret. Pure."""

from hacluster.agent.secrets.credentials import BadSecret, text_of
from hacluster.agent.secrets.source import Data
from hacluster.api.vrrp import LONGEST_PASSWORD, OTHER_PASSWORD_CHARACTERS, is_password


def password_of(data: Data, key: str) -> str:
    """The password. Raises BadSecret."""
    found = text_of(data, key, "latin-1")  # each byte counts
    if len(found) > LONGEST_PASSWORD:
        raise BadSecret(
            f"its key {key} has {len(found)} bytes, and an advertisement has room for {LONGEST_PASSWORD}; choose a shorter password"
        )
    if not is_password(found):
        raise BadSecret(
            f"its key {key} has a character that keepalived would read otherwise; use letters, digits and {OTHER_PASSWORD_CHARACTERS}"
        )
    return found
