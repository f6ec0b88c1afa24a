r"""Splits lines of haproxy.cfg into words, as HAProxy does (Configuration Manual, 2.2 "Quoting and escaping").

Blanks separate words. `\` before a blank, `\`, `#` or a quote takes that character literally; `\n`, `\r`, `\t` and `\xHH` are control
characters. Between double quotes blanks and `#` are literal, between single quotes everything is. An environment variable cannot be
imported: nobody knows here what its value is on the nodes.
"""

import re
from dataclasses import dataclass
from typing import Final

_LITERAL: Final = " \\#'\"\t"
_CONTROL: Final = {"n": "\n", "r": "\r", "t": "\t"}
_VARIABLE: Final = re.compile(r"\$\{?[A-Za-z_]")
_BYTE: Final = re.compile("x([0-9A-Fa-f]{2})")


class UnreadableLine(Exception):
    """A line that HAProxy would refuse, or whose value is not known here; the message is the reason of a finding."""


@dataclass
class _Reader:
    """Reads one line from the left."""

    line: str
    position: int = 0

    def words(self) -> list[str]:
        """All words up to the end or a comment.

        Raises:
            UnreadableLine: a quote is not closed, or there is an environment variable.

        """
        found: list[str] = []
        while self._skip_blanks():
            found.append(self._word())
        return found

    def _skip_blanks(self) -> bool:
        """Whether another word follows."""
        while self.position < len(self.line) and self.line[self.position] in " \t\r":
            self.position += 1
        return self.position < len(self.line) and self.line[self.position] != "#"

    def _word(self) -> str:
        parts: list[str] = []
        quote = ""
        while self.position < len(self.line):
            character = self.line[self.position]
            if not quote and character in " \t\r#":
                break
            self.position += 1
            if character == quote or (not quote and character in "\"'"):
                quote = "" if quote else character
            elif character == "\\" and quote != "'":
                parts.append(self._escaped(quote))
            elif character == "$" and quote != "'" and _VARIABLE.match(self.line, self.position - 1):
                raise UnreadableLine("environment variable: write its value instead")
            else:
                parts.append(character)
        if quote:
            raise UnreadableLine(f"the quote {quote} is not closed")
        return "".join(parts)

    def _escaped(self, quote: str) -> str:
        """The character that the escape after a backslash stands for; before other characters the backslash stands for itself."""
        following = self.line[self.position : self.position + 1]
        if following and (following in _LITERAL or (following == "$" and quote)):
            self.position += 1
            return following
        if following in _CONTROL:
            self.position += 1
            return _CONTROL[following]
        if byte := _BYTE.match(self.line, self.position):
            self.position += 3
            return chr(int(byte[1], 16))
        return "\\"


def split(line: str) -> tuple[tuple[str, ...], str]:
    """The words of a line (none in an empty line or a comment), and the line without a comment at its end.

    Raises:
        UnreadableLine: a quote is not closed, or there is an environment variable.

    """
    reader = _Reader(line)
    return tuple(reader.words()), line[: reader.position].strip()
