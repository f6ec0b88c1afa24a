r"""Reads keepalived.conf into blocks, as keepalived does (keepalived.conf(5)).

A directive is a line of words. `{` after it opens a block. `#` and `!` begin comments, quotes keep words together, `\` at the end of a
line continues it. `$NAME=VALUE` defines what `$NAME` and `${NAME}` stand for. A line that begins with `@ID` is for the node with that
ID only (by default its host name up to the first dot), with `@^ID` for all others.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from hacluster.importer.findings import Directive, Ledger, Place
from hacluster.importer.secrets import shown

Include = Callable[[str, str], Sequence[tuple[str, str]] | None]
"""Given the including file and the pattern: name and text of each file that it names; None: there is none, or it cannot be read."""

_DEEPEST: Final = 16
"""Includes inside each other."""
_MOST_BLOCKS: Final = 64
"""Blocks inside each other. keepalived has four levels."""
_DEFINITION: Final = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)")
_INCLUDES: Final = frozenset({"include", "includer", "includem", "includew", "includeb", "includea"})


@dataclass(eq=False)
class Block:
    """One directive, with those inside its braces."""

    directive: Directive
    children: "list[Block]" = field(default_factory=list)

    @property
    def words(self) -> tuple[str, ...]:
        """The directive's words."""
        return self.directive.words

    @property
    def keyword(self) -> str:
        """The first word."""
        return self.directive.keyword

    @property
    def value(self) -> str:
        """The second word; empty: there is none."""
        return self.words[1] if len(self.words) > 1 else ""

    def everything(self) -> Iterator["Block"]:
        """The block and all inside it."""
        yield self
        for child in self.children:
            yield from child.everything()


@dataclass
class _Parser:
    """Reads one node's file and those that it includes."""

    node: str
    ledger: Ledger
    include: Include
    variables: dict[str, str] = field(default_factory=dict)
    root: list[Block] = field(default_factory=list)
    open: list[Block] = field(default_factory=list)
    last: Block | None = None
    """The directive that a brace would open."""

    def read(self, file: str, text: str, depth: int = 0) -> None:
        """Reads one file."""
        for number, line in _lines(text):
            place = Place(file, number)
            plain = self._for_this_node(line)
            if definition := _DEFINITION.match(plain.strip()):
                self.variables[definition[1]] = " ".join(token for token, _ in _tokens(definition[2])[0])
                continue
            tokens, problem = _tokens(self._with_variables(plain))
            problem = problem or self._unknown(plain)
            if problem:
                self.ledger.lost(Directive(place, ("?",), shown(plain.split(), plain.strip())), problem)
                continue
            self._line(place, tokens, depth)

    def _unknown(self, line: str) -> str:
        """Why the line means something that is not known here; empty: it does not. Commands may have variables of the shell."""
        start = line.lstrip()
        if start.startswith("~"):
            return "no field for generated blocks"
        unknown = any("".join(found) not in self.variables for found in _VARIABLE.findall(line))
        return "no value of this variable is known" if unknown and not start.startswith(("script", "notify")) else ""

    def _line(self, place: Place, tokens: Sequence[tuple[str, bool]], depth: int) -> None:
        """Takes the words of a line. The second part of each says that it is a brace."""
        words: list[str] = []
        for word, is_brace in [*tokens, ("", True)]:
            if not is_brace:
                words.append(word)
                continue
            if words:
                self._directive(place, words, depth)
                words = []
            if word == "{":
                self._open(place)
            elif word == "}":
                self._close(place)

    def _directive(self, place: Place, words: list[str], depth: int) -> None:
        directive = Directive(place, tuple(words), shown(words, " ".join(words)))
        self.ledger.add(directive)
        if words[0] in _INCLUDES:
            self._include(directive, depth)
            return
        self.last = Block(directive)
        (self.open[-1].children if self.open else self.root).append(self.last)

    def _include(self, directive: Directive, depth: int) -> None:
        pattern = " ".join(directive.arguments)
        files = self.include(directive.place.file, pattern) if depth < _DEEPEST else None
        if not files:
            self.ledger.lost(directive, "the file cannot be read here")
            return
        self.ledger.carried(directive)
        for name, text in files:
            self.read(name, text, depth + 1)

    def _open(self, place: Place) -> None:
        if self.last is None or len(self.open) >= _MOST_BLOCKS:
            self.last = Block(Directive(place, ("{",), "{"))
            self.ledger.lost(self.last.directive, "no directive begins this block, or it is nested too deeply")
        self.open.append(self.last)
        self.last = None

    def _close(self, place: Place) -> None:
        self.last = None
        if self.open:
            self.open.pop()
        else:
            self.ledger.lost(Directive(place, ("}",), "}"), "it closes no block")

    def _for_this_node(self, line: str) -> str:
        """The line; empty: it is for other nodes only."""
        condition = re.match(r"\s*@(\^?)(\S+)\s?(.*)", line)
        if not condition:
            return line
        applies = (condition[2] in (self.node, self.node.partition(".")[0])) is not bool(condition[1])
        return condition[3] if applies else ""

    def _with_variables(self, line: str) -> str:
        """The line with the values of its variables; unknown ones stay."""
        return _VARIABLE.sub(lambda found: self.variables.get(found[1] or found[2], found[0]), line)


def read_blocks(node: str, file: str, text: str, ledger: Ledger, include: Include) -> list[Block]:
    """The outermost blocks of one node's keepalived.conf. All directives are in the ledger then; unreadable lines are lost."""
    parser = _Parser(node, ledger, include)
    parser.read(file, text)
    for block in parser.open[:1]:
        ledger.lost(block.directive, "its { is not closed")
    return parser.root


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line with its number; a backslash at its end continues it in the next."""
    pending: list[str] = []
    first = 1
    for number, line in enumerate(text.split("\n"), 1):
        first = first if pending else number
        stripped = line.rstrip("\r")
        if stripped.endswith("\\"):
            pending.append(stripped[:-1])
            continue
        yield first, " ".join([*pending, stripped]) if pending else stripped
        pending = []
    if pending:
        yield first, " ".join(pending)


def _tokens(line: str) -> tuple[list[tuple[str, bool]], str]:
    """The words and braces up to a comment, each with whether it is a brace; and what is wrong with the line, empty: nothing."""
    found: list[tuple[str, bool]] = []
    word: list[str] | None = None
    quote = ""
    characters = iter(line)
    for character in characters:
        if quote:
            if character == "\\":
                following = next(characters, "")
                word = [*(word or []), *(() if following in (quote, "\\") else "\\"), following]
            elif character == quote:
                quote = ""
            else:
                word = _added(word, character)
        elif character in "#!":
            break
        elif character in "\"'":
            quote, word = character, word or []
        elif character in " \t{}":
            if word is not None:
                found.append(("".join(word), False))
            word = None
            if character in "{}":
                found.append((character, True))
        else:
            word = _added(word, character)
    if word is not None:
        found.append(("".join(word), False))
    return found, f"the quote {quote} is not closed" if quote else ""


def _added(word: list[str] | None, character: str) -> list[str]:
    word = [] if word is None else word
    word.append(character)
    return word
