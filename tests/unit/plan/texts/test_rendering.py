"""The check on every value that is printed into a configuration file."""

from ipaddress import ip_address, ip_interface

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.plan.texts.rendering import UnsafeText, argument, checked, render

DANGEROUS = [
    "a b",
    "a\nb",
    "a\tb",
    "",
    "a#b",
    'a"b',
    "a'b",
    "a\\b",
    "a$b",
    "a{b",
    "a}b",
    "a;b",
    "a|b",
    "a`b",
    "a!b",
    "á",
    "a\x00b",
    "a\x7fb",
]


@pytest.mark.parametrize("value", DANGEROUS)
def test_text_with_special_characters_is_refused(value: str) -> None:
    with pytest.raises(UnsafeText):
        checked(value)


@pytest.mark.parametrize("value", [None, True, 1.5, b"x", ["a"], object()])
def test_values_of_other_types_are_refused(value: object) -> None:
    with pytest.raises(UnsafeText):
        checked(value)


def test_words_numbers_and_addresses_are_printed() -> None:
    assert [checked(each) for each in ("eth0.7", 42, ip_address("::1"), ip_interface("10.0.0.1/8"))] == [
        "eth0.7",
        "42",
        "::1",
        "10.0.0.1/8",
    ]


@given(st.text(max_size=20))
def test_a_printed_value_is_one_plain_word(value: str) -> None:
    try:
        printed = checked(value)
    except UnsafeText:
        return
    assert printed == value and printed.split() == [printed] and printed.isascii() and printed.isprintable()
    assert not set(printed) & set("#\"'\\${};|`!")


@given(st.text(max_size=20))
def test_an_argument_is_one_haproxy_argument(value: str) -> None:
    try:
        printed = argument(value)
    except UnsafeText:
        return
    assert printed.replace("\\ ", " ") == value
    assert not set(printed.replace("\\ ", "")) & set(" \t\n\r#\"'\\$")


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("rsyslog.conf.j2", cluster="ns/web")


def test_templates_check_what_they_print() -> None:
    values = {"cluster": "ns/web", "node": "n1", "address": "127.0.0.1", "port": 514, "facility": "local2", "log_file": "/x"}
    assert 'address="127.0.0.1"' in render("rsyslog.conf.j2", **values)
    for name in values:
        with pytest.raises(UnsafeText):
            render("rsyslog.conf.j2", **values | {name: 'x"\nmodule(load="omprog")'})
