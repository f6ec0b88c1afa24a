"""All code takes its reasons from the table `Reason`, and uses every reason in it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from hacluster.api.reasons import Reason

SOURCES = Path(__file__).parents[3] / "operator" / "hacluster"
REPORTS = {"Problem", "NodeProblem", "Finding", "Event"}


def _literals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of each string that is a reason: of a report (argument 1 of `Problem` and `Event`, 3 of `Finding`, or `reason=`),
    or one that an attribute `reason` is compared with.
    """
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name in REPORTS:
            position = 2 if name == "Finding" else 0
            reasons = [*call.args[position : position + 1], *(each.value for each in call.keywords if each.arg == "reason")]
            strings = (part for argument in reasons for part in ast.walk(argument) if isinstance(part, ast.Constant))
            yield from ((part.lineno, part.value) for part in strings if isinstance(part.value, str))
    for compare in (node for node in ast.walk(tree) if isinstance(node, ast.Compare)):
        if isinstance(compare.left, ast.Attribute) and compare.left.attr == "reason":
            strings = (part for each in compare.comparators for part in ast.walk(each) if isinstance(part, ast.Constant))
            yield from ((part.lineno, part.value) for part in strings if isinstance(part.value, str))


def test_no_reason_is_a_literal_string() -> None:
    found = [
        f"{file.relative_to(SOURCES)}:{line}: {text}"
        for file in sorted(SOURCES.rglob("*.py"))
        for line, text in _literals(ast.parse(file.read_text()))
    ]
    assert not found, "take it from hacluster.api.reasons"


def test_every_reason_is_valid_in_a_condition() -> None:
    assert all(re.fullmatch("[A-Za-z][A-Za-z0-9]{0,127}", reason) for reason in Reason)


def test_every_reason_is_used() -> None:
    texts = "".join(file.read_text() for file in SOURCES.rglob("*.py") if file.name != "reasons.py")
    assert [reason.name for reason in Reason if f"Reason.{reason.name}" not in re.findall(r"Reason\.\w+", texts)] == []
