"""How a line of haproxy.cfg is read: HAProxy's Configuration Manual, 2.2 "Quoting and escaping"."""

import pytest

from hacluster.importer.words import UnreadableLine, split


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", ()),
        ("   # a comment", ()),
        ("  bind :80   # a comment", ("bind", ":80")),
        ("a\tb\r", ("a", "b")),
        (r"realm HAProxy\ Statistics", ("realm", "HAProxy Statistics")),
        ('realm "HAProxy Statistics # 1"', ("realm", "HAProxy Statistics # 1")),
        (r"""a 'b\n "c"' d""", ("a", r'b\n "c"', "d")),
        (r'a "b\n\"c\""', ("a", 'b\n"c"')),
        (r"send PING\r\n", ("send", "PING\r\n")),
        (r"a \x41\x4a", ("a", "AJ")),
        (r"regex ^a\.b$", ("regex", r"^a\.b$")),
        (r"a b\#c", ("a", "b#c")),
        (r'"$(x)" a"b"c', ("$(x)", "abc")),
        (r'"\$HOME" ' + "'$HOME'", ("$HOME", "$HOME")),
        ("a ''", ("a", "")),
        ("ends with \\", ("ends", "with", "\\")),
    ],
)
def test_words_quotes_and_escapes(line: str, words: tuple[str, ...]) -> None:
    assert split(line)[0] == words


@pytest.mark.parametrize("line", ['server a "${ADDRESS}:80"', "bind $ADDRESS:80", 'log "$HOST"'])
def test_an_environment_variable_is_not_known_here(line: str) -> None:
    with pytest.raises(UnreadableLine, match="environment variable"):
        split(line)


@pytest.mark.parametrize("line", ['a "b', "a 'b", "a\"b'c"])
def test_an_open_quote_is_an_error(line: str) -> None:
    with pytest.raises(UnreadableLine, match="is not closed"):
        split(line)


def test_a_line_is_shown_without_its_comment() -> None:
    assert split(r'  realm "a # b"   # the password is x')[1] == 'realm "a # b"'
