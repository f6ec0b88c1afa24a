r"""Makes text that comes from elsewhere safe for a terminal.

Agents, nodes and whoever may write to a resource choose parts of what the commands print. Control characters in it could change what
the user sees: recolour or erase lines, set the window's title, or make one line look like two. They are shown as escapes, `\x1b`.
"""

import unicodedata
from typing import TypeVar

T = TypeVar("T")

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""General categories (Unicode 4.5): control characters, invisible formats such as a change of direction, and separators of lines."""


def printable(text: str) -> str:
    """The text on one line, with escapes in place of what a terminal would not show as it is."""
    if text.isprintable():
        return text
    return "".join(_escape(each) if unicodedata.category(each) in _HIDDEN else each for each in text)


def clean(value: T) -> T:
    """A JSON value in which every string, also every key, is `printable`."""
    if isinstance(value, str):
        return printable(value)  # type: ignore[return-value]
    if isinstance(value, dict):
        return {clean(key): clean(each) for key, each in value.items()}  # type: ignore[return-value]
    if isinstance(value, list):
        return [clean(each) for each in value]  # type: ignore[return-value]
    return value


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
