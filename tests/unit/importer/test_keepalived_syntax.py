"""How keepalived.conf is read: blocks, comments, quotes, variables, lines for single nodes, includes (keepalived.conf(5))."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hacluster.importer.findings import Ledger
from hacluster.importer.keepalived_syntax import Block, read_blocks


def _read(text: str, files: Mapping[str, str] | None = None, node: str = "node1.example.com") -> tuple[Any, list[str]]:
    """Each directive's words with those inside it, and the losses beside directives."""
    ledger, found = Ledger(), files or {}
    blocks = read_blocks(node, "k.conf", text, ledger, lambda _file, name: [(name, found[name])] if name in found else None)
    for block in blocks:
        ledger.carried(*(each.directive for each in block.everything()))
    return _plain(blocks), [str(each) for each in ledger.close(["k.conf"])]


def _plain(blocks: Sequence[Block]) -> Any:
    return [(" ".join(each.words), _plain(each.children)) if each.children else " ".join(each.words) for each in blocks]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b\nc", ["a b", "c"]),
        ("a {\n b\n}", [("a", ["b"])]),
        ("a\n{\n b\n}\nc", [("a", ["b"]), "c"]),
        ("a { b }", [("a", ["b"])]),
        ("a{b}", [("a", ["b"])]),
        ("a { b { c } }\nd", [("a", [("b", ["c"])]), "d"]),
        ("a # b\n! c\nd ! e\n#", ["a", "d"]),
        ('script "a # b ! { }" # c', ["script a # b ! { }"]),
        ("script 'a \"b\"'", ['script a "b"']),
        (r'a "b\"c" "\n"', [r'a b"c \n']),
        ("a b \\\n c\nd", ["a b c", "d"]),
        ("a b \\", ["a b"]),
        ("a\tb\r\nc\r\n", ["a b", "c"]),
        ("$A=5\na $A ${A}", ["a 5 5"]),
        ('$A=5 # five\n$A="6 7"\na $A', ["a 6 7"]),
        ("@node1 a\n@node2 b\n@^node1 c\n@^node2 d\n  @node1.example.com e", ["a", "d", "e"]),
        ('script "a $1 $(b) ${UNKNOWN}"', ["script a $1 $(b) ${UNKNOWN}"]),
    ],
)
def test_what_a_file_says(text: str, expected: Any) -> None:
    assert _read(text) == (expected, [])


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("a {\n b", "k.conf:1: a: its { is not closed"),
        ("a\n}", "k.conf:2: }: it closes no block"),
        ("{\n}", "k.conf:1: {: no directive begins this block, or it is nested too deeply"),
        ('a "b', 'k.conf:1: a "b: the quote " is not closed'),
        ("a $B", "k.conf:1: a $B: no value of this variable is known"),
        ("~SEQ(x, 1, 3) a", "k.conf:1: ~SEQ(x, 1, 3) a: no field for generated blocks"),
        ("include x.conf", "k.conf:1: include x.conf: the file cannot be read here"),
    ],
)
def test_what_cannot_be_read_is_lost_with_its_line(text: str, finding: str) -> None:
    assert _read(text)[1] == [finding]


def test_an_include_is_read_in_its_place() -> None:
    assert _read("a\ninclude x.conf\nb {\n include y.conf\n}", {"x.conf": "x", "y.conf": "y {\n z\n}"}) == (
        ["a", "x", ("b", [("y", ["z"])])],
        [],
    )


def test_includes_in_a_circle_end() -> None:
    blocks, findings = _read("a\ninclude x.conf", {"x.conf": "x\ninclude x.conf"})
    assert blocks == ["a", *["x"] * 16]
    assert findings == ["x.conf:2: include x.conf: the file cannot be read here"]


def test_variables_hold_in_included_files() -> None:
    assert _read("$A=1\ninclude x.conf", {"x.conf": "a $A"})[0] == ["a 1"]
