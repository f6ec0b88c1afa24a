"""The password of advertisements in a Secret: what cannot be used is named without its value."""

import base64
import string

import pytest

from hacluster.agent.secrets.credentials import BadSecret
from hacluster.agent.secrets.passwords import password_of


def data(value: str | bytes) -> dict[str, str]:
    return {"password": base64.b64encode(value.encode() if isinstance(value, str) else value).decode()}


@pytest.mark.parametrize("value", ["a", "12345678", "!#%&()*+", ",-./:;=?", "@[]^_|~"])
def test_up_to_eight_characters_are_taken(value: str) -> None:
    assert password_of(data(value), "password") == value


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        ({}, "it has no key password; add it"),
        ({"other": "eA=="}, "it has no key password; add it"),
        ({"password": "hidden!"}, "its key password is not in base64"),
        (data(""), "its key password is empty"),
        (data("hid\n"), "its key password ends with a line end"),
        (data("hidden123"), "its key password has 9 bytes, and an advertisement has room for 8; choose a shorter password"),
        (data("hidéhid"), "has a character that keepalived would read otherwise"),
        (data("hidden" + "é"), "has a character that keepalived would read otherwise"),
        (data(b"hid\x00"), "has a character that keepalived would read otherwise"),
        (data(b"\xffhid"), "has a character that keepalived would read otherwise"),
        *((data(f"hid{each}"), "has a character that keepalived would read otherwise") for each in " \t\"'\\$`{}<>\x7f"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_without_its_value(secret: dict[str, str], message: str) -> None:
    with pytest.raises(BadSecret) as refused:
        password_of(secret, "password")
    assert message in str(refused.value) and "hid" not in str(refused.value)


def test_letters_and_digits_are_taken() -> None:
    for each in string.ascii_letters + string.digits:
        assert password_of(data(each), "password") == each
