"""User name and password as a digest; what cannot be used is named without its value."""

import base64
import hashlib

import pytest

from hacluster.agent.secrets import credential_commands as commands
from hacluster.agent.secrets.credentials import BadSecret, digest, is_digest


def data(username: str | bytes = "admin", password: str | bytes = "p4ss:wörd #1") -> dict[str, str]:
    values = {"username": username, "password": password}
    return {key: base64.b64encode(value.encode() if isinstance(value, str) else value).decode() for key, value in values.items()}


def test_the_digest_is_that_of_what_a_client_sends() -> None:
    expected = hashlib.sha256("admin:p4ss:wörd #1".encode()).hexdigest().upper()
    assert digest(data()) == expected and is_digest(expected)
    assert not is_digest(expected.lower()) and not is_digest("") and not is_digest(expected + "\n")


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        ({}, "no key username"),
        ({"username": data()["username"]}, "no key password"),
        (data("ad:min"), "username has a colon"),
        (data("hidden\n"), "username ends with a line end"),
        (data(password="hidden\n"), "password ends with a line end"),
        (data(password="hid\x00den"), "password has control characters"),
        (data(password="hidden" * 50), "password is longer than 255 bytes"),
        (data(password=""), "password is empty"),
        (data(password=b"\xffhidden"), "password is not text"),
        ({**data(), "password": "hidden!"}, "password is not in base64"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_without_its_value(secret: dict[str, str], message: str) -> None:
    with pytest.raises(BadSecret, match=message) as refused:
        digest(secret)
    assert "hidden" not in str(refused.value)


def test_patterns_are_read_as_haproxy_prints_them() -> None:
    assert commands.parse_patterns("0x7f3b1c ABCD\n0x7f3b2c EF\n\n") == ("ABCD", "EF")
    assert commands.parse_patterns("\n") == ()
    assert commands.parse_patterns("Unknown ACL identifier. Please use #<id> or <file>.\n\n") is None
    assert commands.parse_version("New version created: 12\n\n") == 12
    assert commands.parse_version("Unknown ACL identifier.\n") is None
